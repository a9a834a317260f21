"""Changes that are the same in several units, put together. Every change of every unit is in exactly one group."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from orchestrator.report.model import ChangeLine, UnitReport


@dataclass(frozen=True, slots=True)
class Group:
    """One change and the units that make it; a unit appears as often as it makes it."""

    change: ChangeLine
    units: tuple[str, ...]

    @property
    def shared(self) -> bool:
        """Whether more than one unit makes it."""
        return len(set(self.units)) > 1


def group_changes(units: Iterable[UnitReport]) -> tuple[Group, ...]:
    """Group equal changes (address, action, reason and every attribute), in the order of their first appearance."""
    groups: dict[ChangeLine, list[str]] = {}
    for unit in units:
        for change in unit.changes:
            groups.setdefault(change, []).append(unit.unit)
    return tuple(Group(change, tuple(names)) for change, names in groups.items())
