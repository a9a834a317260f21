"""Reads Terraform's plan JSON into a PlanRecord. Strict: unexpected content is an error, never an empty plan.

The file is read as a stream; nothing is kept of unchanged resources.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.errors import UnitError
from orchestrator.terraform.model import Action, OutputChange, PlanRecord, ResourceChange
from orchestrator.terraform.plan.jsonstream import BrokenJsonError, JsonStream, sharing

_FORMAT = re.compile(r"1\.\d+$")

_ACTIONS: Mapping[tuple[str, ...], Action] = {
    ("no-op",): Action.NOOP,
    ("create",): Action.CREATE,
    ("read",): Action.READ,
    ("update",): Action.UPDATE,
    ("delete",): Action.DELETE,
    ("forget",): Action.FORGET,
    ("delete", "create"): Action.REPLACE,
    ("create", "delete"): Action.REPLACE,
    # A new object replaces the old one, which is no longer managed: the old one is lost. OpenTofu has the second.
    ("create", "forget"): Action.REPLACE,
    ("forget", "create"): Action.REPLACE,
}

# Whether the object exists (before, after) an action; None: either. Any other plan contradicts itself.
_EXISTS: Mapping[Action, tuple[bool | None, bool | None]] = {
    Action.CREATE: (False, True),
    Action.READ: (None, True),
    Action.UPDATE: (True, True),
    Action.DELETE: (True, False),
    Action.FORGET: (True, False),
    Action.REPLACE: (True, True),
    Action.NOOP: (None, None),
}


class UnreadablePlanError(UnitError):
    """A plan's JSON is not what Terraform writes, or has an unknown format: it must not be applied."""


def empty_plan(plan: Path) -> PlanRecord:
    """Return the record of a plan that Terraform reported as empty (``-detailed-exitcode`` 0); nothing is read."""
    return PlanRecord(file=plan, json_file=None)


def read_plan(plan: Path, json_file: Path) -> PlanRecord:
    """Read the output of ``terraform show -json``.

    Args:
        plan: the plan file.
        json_file: its JSON.

    Raises:
        UnreadablePlanError: the file is missing, empty, cut off, of an unknown format, contradicts itself, or has an
            entry that is too large.
    """
    try:
        with json_file.open(encoding="utf-8", newline="") as file:
            parts = _Parts()
            stream = JsonStream(file)
            if stream.kind() == "{":
                for key in stream.members():
                    parts.read(key, stream)
                stream.end()
            return _record(plan, json_file, parts)
    except OSError as error:
        raise UnreadablePlanError(f"cannot read the plan {json_file}: {error.strerror}") from error
    except BrokenJsonError as error:
        raise UnreadablePlanError(
            f"the plan {json_file} is not valid JSON: {error}", hint="check for a full disk, and plan again"
        ) from error
    except _StrangeError as error:
        raise UnreadablePlanError(
            f"the plan {json_file} cannot be judged: {error}", hint="use a Terraform version that this orch supports"
        ) from error


class _StrangeError(Exception):
    """The JSON has something that Terraform does not write."""


_SMALL = frozenset({"format_version", "terraform_version", "errored", "complete", "output_changes"})
_OBJECTS = ("planned_values", "configuration")
"""Terraform writes both in every plan, so JSON without them is not a plan, even if it looks empty."""


@dataclass(slots=True)
class _Parts:
    """What is taken from the stream, in the order it comes."""

    small: dict[str, Any] = field(default_factory=dict)
    objects: set[str] = field(default_factory=set)
    changes: list[ResourceChange] = field(default_factory=list)
    drift: list[ResourceChange] = field(default_factory=list)

    def read(self, key: str, stream: JsonStream) -> None:
        """Take one member of the plan; unneeded members stay in the stream."""
        if key in _SMALL:
            self.small[key] = stream.value()
        elif key in _OBJECTS and stream.kind() == "{":
            self.objects.add(key)
        elif key == "resource_changes":
            self.changes.extend(_resource_changes(key, stream))
        elif key == "resource_drift":
            self.drift.extend(_resource_changes(key, stream))


def _record(plan: Path, json_file: Path, parts: _Parts) -> PlanRecord:
    small = parts.small
    version = small.get("format_version")
    if not isinstance(version, str) or not _FORMAT.match(version):
        raise UnreadablePlanError(
            f"the plan {json_file} has format version {version!r}; orch supports 1.x",
            hint="use a Terraform version that this orch supports",
        )
    for key in _OBJECTS:
        if key not in parts.objects:
            raise UnreadablePlanError(f"the plan {json_file} has no {key}: Terraform did not write it")
    _of(small, "terraform_version", str)
    _of(small, "complete", bool, default=True)
    return PlanRecord(
        file=plan,
        json_file=json_file,
        changes=tuple(parts.changes),
        drift=tuple(parts.drift),
        outputs={
            name: _output_change(name, entry) for name, entry in _of(small, "output_changes", dict, default={}).items()
        },
        errored=_of(small, "errored", bool, default=False),
    )


def _resource_changes(key: str, stream: JsonStream) -> Iterator[ResourceChange]:
    """Yield the entries that change something; null means no entries."""
    if stream.kind() != "[":
        if stream.value() is not None:
            raise _StrangeError(f"the plan has no usable {key}")
        return
    for _ in stream.items():
        change = _resource_change(stream.value())
        if change is not None:
            yield change


def _resource_change(entry: Any) -> ResourceChange | None:
    """Parse one entry of ``resource_changes``; None if it changes nothing."""
    address = _of(entry, "address", str)
    change = _of(entry, "change", dict)
    mode = _of(entry, "mode", str)
    if mode not in {"managed", "data"}:
        raise _StrangeError(f"{address} has mode {mode!r}")
    action = _action(address, change)
    before = change.get("before")
    after = sharing(change.get("after"), before)
    _check_existence(address, action, before, after)
    previous = _of(entry, "previous_address", str, default=None)
    importing = _of(change, "importing", dict, default=None)
    if action is Action.NOOP and previous is None and importing is None:
        return None
    return ResourceChange(
        address=address,
        type=_of(entry, "type", str),
        name=_of(entry, "name", str),
        provider=_of(entry, "provider_name", str),
        mode=mode,
        action=action,
        before=before,
        after=after,
        after_unknown=change.get("after_unknown"),
        before_sensitive=change.get("before_sensitive"),
        after_sensitive=change.get("after_sensitive"),
        replace_paths=_paths(address, _of(change, "replace_paths", list, default=[])),
        reason=_of(entry, "action_reason", str, default=None),
        deposed=_of(entry, "deposed", str, default=None),
        previous_address=previous,
        importing=None if importing is None else str(importing.get("id", "")),
        index=entry.get("index"),
        module_address=_of(entry, "module_address", str, default=None),
        forgets_old=action is Action.REPLACE and "forget" in change["actions"],
    )


def _output_change(name: str, entry: Any) -> OutputChange:
    return OutputChange(
        name=name,
        action=_action(f"output {name}", entry),
        after=entry.get("after"),
        after_unknown=entry.get("after_unknown", False),
        # Sensitive before or after: showing either would reveal the secret.
        sensitive=any_true(entry.get("before_sensitive")) or any_true(entry.get("after_sensitive")),
    )


def any_true(mirror: Any) -> bool:
    """Return whether a mirror of a value (``after_unknown``, ``after_sensitive``) is true anywhere."""
    if isinstance(mirror, Mapping):
        return any(any_true(part) for part in mirror.values())
    if isinstance(mirror, list | tuple):
        return any(any_true(part) for part in mirror)
    return mirror is True


def _action(what: str, change: Any) -> Action:
    actions = _of(change, "actions", list)
    known = _ACTIONS.get(tuple(actions)) if all(isinstance(action, str) for action in actions) else None
    if known is None:
        raise _StrangeError(f"{what} has the actions {json.dumps(actions)}")
    return known


def _check_existence(address: str, action: Action, before: Any, after: Any) -> None:
    for name, value, wanted in zip(("before", "after"), (before, after), _EXISTS[action], strict=True):
        if value is not None and not isinstance(value, dict):
            raise _StrangeError(f"{address}: {name} is not an object")
        if wanted is not None and wanted != (value is not None):
            raise _StrangeError(f"{address}: {action}, but {name} is {'present' if value is not None else 'missing'}")
    if action is Action.NOOP and (before is None) != (after is None):
        raise _StrangeError(f"{address}: {action}, but the object appears or disappears")


def _paths(address: str, paths: list[Any]) -> tuple[tuple[str | int, ...], ...]:
    for path in paths:
        if not isinstance(path, list) or not all(isinstance(step, str | int) for step in path):
            raise _StrangeError(f"{address} has the replace path {json.dumps(path)}")
    return tuple(tuple(path) for path in paths)


_MISSING: Any = object()


def _of(entry: Any, key: str, kind: Callable[..., Any], *, default: Any = _MISSING) -> Any:
    """Return a value of an object, checked for the type that Terraform gives it."""
    if not isinstance(entry, dict):
        raise _StrangeError(f"an object is missing where {key} should be")
    value = entry.get(key)
    if value is None and default is not _MISSING:
        return default
    if not isinstance(kind, type) or not isinstance(value, kind):
        raise _StrangeError(f"{entry.get('address', 'the plan')} has no usable {key}")
    return value
