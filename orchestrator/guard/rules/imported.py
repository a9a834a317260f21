"""Finds imports of objects that another unit manages: each of the two would change and delete what the other has."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Protocol

from orchestrator.aws.state.managed import ManagedState, SoughtObject
from orchestrator.config.catalogue import Unit
from orchestrator.guard.findings import FindingBuilder
from orchestrator.guard.model import Finding
from orchestrator.terraform.model import ResourceChange


class StateReader(Protocol):
    """Tells what other units manage."""

    def other_states(self, unit: Unit) -> Sequence[ManagedState]:
        """Return the states with resources of all other units in the account of a unit."""


def imported_elsewhere(
    unit: Unit, changes: Iterable[ResourceChange], outside: StateReader, builder: FindingBuilder
) -> Iterator[Finding]:
    """Report imports of what another unit's state has. Reads nothing if the plan imports nothing.

    Raises:
        OrchError: a state cannot be read.
    """
    for change in changes:
        if change.importing is None or change.mode != "managed":
            continue
        sought = _sought(change)
        for state in outside.other_states(unit):
            if sought.is_in(state, unit.region):
                yield builder.managed_twice(change, state.unit)
                break


def _sought(change: ResourceChange) -> SoughtObject:
    before: Mapping[str, Any] = change.before or {}
    found = {change.importing, before.get("id")}
    arn = before.get("arn")
    names = frozenset(each for each in found if isinstance(each, str) and each)
    return SoughtObject(change.type, names, arn if isinstance(arn, str) else "")
