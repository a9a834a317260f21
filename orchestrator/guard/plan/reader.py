"""A plan's JSON as the guard reads it: on its own, strictly, and without trusting anything it does not know.

The guard does not use what ``terraform.plan`` read: that reader serves people and reports. Whatever is odd here is a
fault, and a fault blocks. The JSON is read as a stream: of what stays, only its address is planned, so that a plan of
200 MB does not fill the memory; what is too large even so cannot be judged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestrator.guard.plan.entries import (
    PlanFault,
    UnreadableError,
    is_data,
    mapping,
    optional,
    parse_change,
    string_of,
)
from orchestrator.terraform.model import Action, ResourceChange
from orchestrator.terraform.plan.jsonstream import BrokenJsonError, JsonStream, TooLargeError

KNOWN_MAJOR = "1"
"""The major version of Terraform's plan format that this code knows; minors only add."""

_LOOKED_AT = frozenset({"resource_changes", "output_changes", "deferred_changes"})
_DOING = ("_changes", "_invocations")
"""How keys end under which a plan says what it does: what a newer Terraform adds there is not judged, so it blocks."""

_DEEPEST = 100
"""Modules in modules that anybody has; the reader goes down one call for each."""


@dataclass(frozen=True, slots=True, order=True)
class StateObject:
    """One object in the state that a plan starts from. ``deposed``: its key, or empty."""

    address: str
    type: str
    deposed: str = ""


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """A plan's JSON, read by the guard.

    Attributes:
        changes: all managed resources of ``resource_changes``, no-ops included; of those no values are planned.
        drift: what Terraform found changed outside when it refreshed, in the same form; it is not what the plan does.
        deferred: addresses that Terraform put off: nothing happens to them in this plan.
        prior: managed objects in the state that the plan starts from.
        planned: addresses with values in ``planned_values``: what will be there afterwards.
        faults: what does not fit together.
    """

    errored: bool
    changes: tuple[ResourceChange, ...]
    deferred: frozenset[str]
    prior: frozenset[StateObject]
    planned: frozenset[str]
    faults: tuple[PlanFault, ...]
    drift: tuple[ResourceChange, ...] = ()


def read_document(file: Path) -> PlanDocument:
    """Read a plan's JSON (``terraform show -json``).

    Raises:
        UnreadableError: the file is missing, truncated, not JSON, not a plan, or of an unknown format.
    """
    parts = _Parts()
    try:
        with file.open(encoding="utf-8", newline="") as text:
            stream = JsonStream(text)
            if stream.kind() != "{":
                message = "the plan's JSON is not an object"
                raise UnreadableError(message)
            for key in stream.members():
                parts.read(key, stream)
            stream.end()
    except OSError as error:
        message = f"the plan's JSON cannot be read: {error.strerror}"
        raise UnreadableError(message) from error
    except TooLargeError as error:
        message = f"the plan is too large to read: {error}"
        raise UnreadableError(message) from error
    except BrokenJsonError as error:
        message = f"the plan's JSON is damaged or cut off: {error}"
        raise UnreadableError(message) from error
    return parts.document()


@dataclass(slots=True)
class _Parts:
    """What is taken from the stream, in whatever order its members come."""

    version: Any = None
    errored: Any = False
    changes: list[ResourceChange] = field(default_factory=list)
    drift: list[ResourceChange] = field(default_factory=list)
    deferred: set[str] = field(default_factory=set)
    prior: set[StateObject] = field(default_factory=set)
    planned: set[str] = field(default_factory=set)
    faults: list[PlanFault] = field(default_factory=list)

    def read(self, key: str, stream: JsonStream) -> None:
        """Take one member of the plan; what the guard does not look at is left in the stream."""
        if key == "format_version":
            self.version = stream.value()
            self._check_version()
        elif key == "errored":
            self.errored = stream.value()
        elif key == "resource_changes":
            self.changes.extend(_changes(key, stream, self.faults))
        elif key == "resource_drift":
            self.drift.extend(_changes(key, stream, []))
        elif key == "deferred_changes":
            self.deferred.update(_deferred(each) for each in _entries(key, stream))
        elif key == "prior_state":
            self.prior.update(_object(each) for each in _state(stream) if each.get("mode") != "data")
        elif key == "planned_values":
            found = _resources(stream, key)
            self.planned.update(string_of(each, "address") for each in found if isinstance(each.get("values"), Mapping))
        elif key.endswith(_DOING) and key not in _LOOKED_AT and stream.value():
            self.faults.append(PlanFault("", f"it has {key}, and this orch does not know what they do"))

    def document(self) -> PlanDocument:
        """All of it, once the stream is at its end."""
        self._check_version()
        if not isinstance(self.errored, bool):
            message = "`errored` is neither true nor false"
            raise UnreadableError(message)
        return PlanDocument(
            errored=self.errored,
            changes=tuple(self.changes),
            deferred=frozenset(self.deferred),
            prior=frozenset(self.prior),
            planned=frozenset(self.planned),
            faults=(*self.faults, *_twice(self.changes)),
            drift=tuple(self.drift),
        )

    def _check_version(self) -> None:
        if not isinstance(self.version, str) or self.version.split(".")[0] != KNOWN_MAJOR:
            message = f"plan format {self.version!r} is not known: orch reads format {KNOWN_MAJOR}.x"
            raise UnreadableError(message)


def _changes(key: str, stream: JsonStream, faults: list[PlanFault]) -> Iterator[ResourceChange]:
    """The managed resources of a list of changes; what stays as it is loses its values, which nobody needs."""
    for entry in _entries(key, stream):
        if is_data(entry):
            continue
        change = parse_change(entry, faults)
        if change.action is Action.NOOP:
            change = replace(
                change,
                before=None if change.before is None else {},
                after=None if change.after is None else {},
                after_unknown=None,
                before_sensitive=None,
                after_sensitive=None,
            )
        yield change


def _twice(changes: list[ResourceChange]) -> Iterator[PlanFault]:
    """Objects that the plan names more than once: which of the two would happen is not said."""
    seen: set[tuple[str, str | None]] = set()
    for each in changes:
        if (each.address, each.deposed) in seen:
            yield PlanFault(each.address, "the plan names it twice")
        seen.add((each.address, each.deposed))


def _deferred(entry: Any) -> str:
    change = mapping(mapping(entry, "deferred_changes").get("resource_change"), "deferred_changes")
    return string_of(change, "address")


def _entries(key: str, stream: JsonStream) -> Iterator[Mapping[str, Any]]:
    """The objects of a list, one by one; null stands for an empty list."""
    if stream.kind() != "[":
        if stream.value() is not None:
            message = f"{key} is not a list"
            raise UnreadableError(message)
        return
    for _ in stream.items():
        yield mapping(stream.value(), key)


def _state(stream: JsonStream) -> Iterator[Mapping[str, Any]]:
    """Every resource of ``prior_state``; a root without a state has none."""
    for key in _members("prior_state", stream):
        if key == "values":
            yield from _resources(stream, "prior_state")


def _resources(stream: JsonStream, what: str) -> Iterator[Mapping[str, Any]]:
    """Every resource of a tree of modules."""
    for key in _members(what, stream):
        if key == "root_module":
            yield from _of_module(stream, what, 0)


def _of_module(stream: JsonStream, what: str, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > _DEEPEST:
        message = f"{what} is nested too deeply"
        raise UnreadableError(message)
    for key in _members(what, stream):
        if key == "resources":
            yield from _entries(what, stream)
        elif key == "child_modules":
            yield from _of_modules(stream, what, depth + 1)


def _of_modules(stream: JsonStream, what: str, depth: int) -> Iterator[Mapping[str, Any]]:
    if stream.kind() != "[":
        if stream.value() is not None:
            message = f"{what} is not a list"
            raise UnreadableError(message)
        return
    for _ in stream.items():
        yield from _of_module(stream, what, depth)


def _members(what: str, stream: JsonStream) -> Iterator[str]:
    """The keys of an object; what is null, false or empty has none."""
    if stream.kind() == "{":
        yield from stream.members()
    elif stream.value():
        message = f"{what} is not an object"
        raise UnreadableError(message)


def _object(entry: Mapping[str, Any]) -> StateObject:
    return StateObject(string_of(entry, "address"), string_of(entry, "type"), optional(entry, "deposed_key") or "")
