"""Completion of targets, units and accounts in the shell: reads ``live/`` only, and is silent about what is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path


def complete_target(incomplete: str) -> list[str]:
    """Stages, units, ``account:`` and ``module:`` that begin like what was typed."""
    from orchestrator.config.completion import target_names

    return _starting(target_names, incomplete)


def complete_unit(incomplete: str) -> list[str]:
    """Units that begin like what was typed."""
    from orchestrator.config.completion import unit_names

    return _starting(unit_names, incomplete)


def complete_account(incomplete: str) -> list[str]:
    """Accounts that begin like what was typed."""
    from orchestrator.config.completion import account_names

    return _starting(account_names, incomplete)


def _starting(names: Callable[[Path], Iterable[str]], incomplete: str) -> list[str]:
    from orchestrator.config.load import find_root
    from orchestrator.errors import OrchError

    try:
        return [name for name in names(find_root(Path.cwd())) if name.startswith(incomplete)]
    except (OrchError, OSError):
        return []
