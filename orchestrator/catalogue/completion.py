"""What a shell may complete. The caller swallows the error of a catalogue that is wrong."""

from __future__ import annotations

from pathlib import Path

from orchestrator.catalogue.load import load


def target_names(root: Path) -> list[str]:
    """Stages, units, ``account:NAME`` and ``module:NAME``: those that mean at least one unit.

    Args:
        root: the folder that contains ``live/``.

    Raises:
        CatalogueError: the catalogue is wrong.
    """
    units = load(root).units
    stages = {unit.stage for unit in units.values() if not unit.of_account}
    accounts = {f"account:{unit.account}" for unit in units.values()}
    modules = {f"module:{unit.module.address.removeprefix('modules/')}" for unit in units.values()}
    return [*sorted(stages), *units, *sorted(accounts), *sorted(modules)]


def unit_names(root: Path) -> list[str]:
    """Ids of all units, in the order of the catalogue.

    Args:
        root: the folder that contains ``live/``.

    Raises:
        CatalogueError: the catalogue is wrong.
    """
    return list(load(root).units)


def account_names(root: Path) -> list[str]:
    """Names of all accounts, with units or without.

    Args:
        root: the folder that contains ``live/``.

    Raises:
        CatalogueError: the catalogue is wrong.
    """
    return sorted(load(root).accounts)
