"""``python -m orchestrator`` is ``orch``."""

from __future__ import annotations

from orchestrator.cli.app import main

main()
