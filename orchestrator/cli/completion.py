"""Shell completion of targets, units and accounts: reads ``live/`` only, and prints no errors."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from pathlib import Path

from orchestrator.config.load import find_root
from orchestrator.config.select import account_names, stage_names, target_names, unit_names
from orchestrator.errors import OrchError


def complete_target(incomplete: str) -> list[str]:
    """Return the stages, units, ``account:NAME`` and ``module:NAME`` that start with the text typed so far."""
    return _starting(target_names, incomplete)


def complete_unit(incomplete: str) -> list[str]:
    """Return the units that start with the text typed so far."""
    return _starting(unit_names, incomplete)


def complete_account(incomplete: str) -> list[str]:
    """Return the accounts that start with the text typed so far."""
    return _starting(account_names, incomplete)


def complete_stage(incomplete: str) -> list[str]:
    """Return the stages that start with the text typed so far."""
    return _starting(stage_names, incomplete)


def _starting(names: Callable[[Path], Iterable[str]], incomplete: str) -> list[str]:
    try:
        return [name for name in names(find_root(Path.cwd())) if name.startswith(incomplete)]
    except (OrchError, OSError):
        return []
