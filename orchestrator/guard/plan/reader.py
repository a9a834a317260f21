"""Reads a plan's JSON for the guard: strictly, and independent of the reader for reports.

Whatever is odd is a fault, and a fault blocks. The JSON is read as a stream; of unchanged resources only the address is
kept, so that a plan of 200 MB fits in memory. A plan that is still too large cannot be judged.
"""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from orchestrator.guard.plan.configuration import configuration_entries
from orchestrator.guard.plan.entries import (
    PlanFault,
    UnreadableError,
    each_entry,
    each_member,
    is_data,
    mapping,
    optional,
    parse_change,
    string_of,
)
from orchestrator.hcl.modules.entries import ConfigurationEntry
from orchestrator.terraform.model import Action, ResourceChange
from orchestrator.terraform.plan.jsonstream import BrokenJsonError, JsonStream, TooLargeError

KNOWN_MAJOR = "1"
"""The supported major version of Terraform's plan format; minor versions only add to it."""

_KNOWN_CHANGES = frozenset({"resource_changes", "output_changes", "deferred_changes"})
_CHANGE_SUFFIXES = ("_changes", "_invocations")
"""Suffixes of keys under which a plan lists what it does. An unknown key of a newer Terraform blocks."""

_DEEPEST = 100
"""The limit for nested modules; the reader makes one recursive call for each level."""


@dataclass(frozen=True, slots=True, order=True)
class PriorObject:
    """One resource in the state that a plan starts from. ``deposed``: its key, or empty."""

    address: str
    type: str
    deposed: str = ""


@dataclass(frozen=True, slots=True)
class PlanDocument:
    """A plan's JSON as the guard reads it.

    Attributes:
        errored: Terraform saved the plan although planning failed.
        changes: every managed resource of ``resource_changes``; no-ops are included, most without their values.
        deferred: addresses that Terraform deferred; the plan does not change them.
        prior: the managed resources in the state that the plan starts from.
        planned: addresses with values in ``planned_values``: the resources that exist after the apply.
        faults: the contradictions in the plan.
        drift: what changed outside Terraform, in the form of ``changes``; the plan does not do it.
        configuration: what Terraform read in the files of the configuration.
        current: type and values of resources in the state that the plan starts from, for the types that were asked for.
    """

    errored: bool
    changes: tuple[ResourceChange, ...]
    deferred: frozenset[str]
    prior: frozenset[PriorObject]
    planned: frozenset[str]
    faults: tuple[PlanFault, ...]
    drift: tuple[ResourceChange, ...] = ()
    configuration: frozenset[ConfigurationEntry] = frozenset()
    current: tuple[tuple[str, Mapping[str, Any]], ...] = ()


def read_document(file: Path, whole: Container[str] = (), current: Container[str] = ()) -> PlanDocument:
    """Read a plan's JSON (``terraform show -json``).

    Args:
        file: the JSON.
        whole: types whose unchanged resources keep their values.
        current: types whose resources in the state keep their values. A refresh-only plan lists no changes.

    Raises:
        UnreadableError: the file is missing, truncated, not JSON, not a plan, or of an unknown format.
    """
    parts = _Parts(whole, current)
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
        message = f"the plan's JSON is damaged or truncated: {error}"
        raise UnreadableError(message) from error
    return parts.document()


@dataclass(slots=True)
class _Parts:
    """Collects the parts of a plan, in any order."""

    whole: Container[str] = ()
    current: Container[str] = ()
    version: Any = None
    errored: Any = False
    changes: list[ResourceChange] = field(default_factory=list)
    drift: list[ResourceChange] = field(default_factory=list)
    deferred: set[str] = field(default_factory=set)
    prior: set[PriorObject] = field(default_factory=set)
    planned: set[str] = field(default_factory=set)
    faults: list[PlanFault] = field(default_factory=list)
    configuration: set[ConfigurationEntry] = field(default_factory=set)
    values: list[tuple[str, Mapping[str, Any]]] = field(default_factory=list)

    def read(self, key: str, stream: JsonStream) -> None:
        """Read one member of the plan; the stream skips members that are not read."""
        if key == "format_version":
            self.version = stream.value()
            self._check_version()
        elif key == "errored":
            self.errored = stream.value()
        elif key == "resource_changes":
            self.changes.extend(_changes(key, stream, self.faults, self.whole))
        elif key == "resource_drift":
            self.drift.extend(_changes(key, stream, []))
        elif key == "deferred_changes":
            self.deferred.update(_deferred(each) for each in each_entry(key, stream))
        elif key == "prior_state":
            self._read_state(stream)
        elif key == "planned_values":
            found = _resources(stream, key)
            self.planned.update(string_of(each, "address") for each in found if isinstance(each.get("values"), Mapping))
        elif key == "configuration":
            self.configuration.update(configuration_entries(stream))
        elif key.endswith(_CHANGE_SUFFIXES) and key not in _KNOWN_CHANGES and stream.value():
            self.faults.append(PlanFault("", f"this version of orch does not support {key}"))

    def _read_state(self, stream: JsonStream) -> None:
        for each in _state(stream):
            if each.get("mode") != "data":
                self.prior.add(_object(each))
                if each.get("type") in self.current and isinstance(each.get("values"), Mapping):
                    self.values.append((string_of(each, "type"), each["values"]))

    def document(self) -> PlanDocument:
        """Return the plan, after the end of the stream."""
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
            configuration=frozenset(self.configuration),
            current=tuple(self.values),
        )

    def _check_version(self) -> None:
        if not isinstance(self.version, str) or self.version.split(".")[0] != KNOWN_MAJOR:
            message = f"unsupported plan format {self.version!r}: orch supports {KNOWN_MAJOR}.x"
            raise UnreadableError(message)


def _changes(
    key: str, stream: JsonStream, faults: list[PlanFault], whole: Container[str] = ()
) -> Iterator[ResourceChange]:
    """Yield the managed resources of a list of changes; most no-ops without their values, which are not needed."""
    for entry in each_entry(key, stream):
        if is_data(entry):
            continue
        change = parse_change(entry, faults)
        if change.action is Action.NOOP and change.type not in whole:
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
    """Yield resources that the plan lists more than once, so that its action is ambiguous."""
    seen: set[tuple[str, str | None]] = set()
    for each in changes:
        if (each.address, each.deposed) in seen:
            yield PlanFault(each.address, "the plan lists it twice")
        seen.add((each.address, each.deposed))


def _deferred(entry: Any) -> str:
    change = mapping(mapping(entry, "deferred_changes").get("resource_change"), "deferred_changes")
    return string_of(change, "address")


def _state(stream: JsonStream) -> Iterator[Mapping[str, Any]]:
    """Yield every resource of ``prior_state``; a unit without a state has none."""
    for key in each_member("prior_state", stream):
        if key == "values":
            yield from _resources(stream, "prior_state")


def _resources(stream: JsonStream, what: str) -> Iterator[Mapping[str, Any]]:
    """Yield every resource of a module tree."""
    for key in each_member(what, stream):
        if key == "root_module":
            yield from _of_module(stream, what, 0)


def _of_module(stream: JsonStream, what: str, depth: int) -> Iterator[Mapping[str, Any]]:
    if depth > _DEEPEST:
        message = f"{what} is nested too deeply"
        raise UnreadableError(message)
    for key in each_member(what, stream):
        if key == "resources":
            yield from each_entry(what, stream)
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


def _object(entry: Mapping[str, Any]) -> PriorObject:
    return PriorObject(string_of(entry, "address"), string_of(entry, "type"), optional(entry, "deposed_key") or "")
