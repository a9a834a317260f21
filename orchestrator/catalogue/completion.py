"""What a shell may complete. A catalogue that is wrong completes nothing."""

from __future__ import annotations

from pathlib import Path

from orchestrator.catalogue.load import load


def target_names(root: Path) -> list[str]:
    """Stages, units, ``account:NAME`` and ``module:NAME``."""
    catalogue = load(root)
    modules = {f"module:{u.module.address.removeprefix('modules/')}" for u in catalogue.units.values()}
    accounts = [f"account:{name}" for name in sorted(catalogue.accounts)]
    return [*sorted(catalogue.stages), *catalogue.units, *accounts, *sorted(modules)]


def unit_names(root: Path) -> list[str]:
    """Units."""
    return list(load(root).units)


def account_names(root: Path) -> list[str]:
    """Accounts."""
    return sorted(load(root).accounts)
