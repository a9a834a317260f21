"""A plan's JSON as the guard reads it: on its own, strictly, and without trusting anything it does not know.

The guard does not use what ``terraform.plan`` read: that reader serves people and reports. Whatever is odd here is a
fault, and a fault blocks.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from orchestrator.terraform.records import Action, ResourceChange

KNOWN_MAJOR = "1"
"""The major version of Terraform's plan format that this code knows; minors only add."""

_ACTIONS: Mapping[tuple[str, ...], Action] = {
    ("no-op",): Action.NOOP,
    ("create",): Action.CREATE,
    ("read",): Action.READ,
    ("update",): Action.UPDATE,
    ("delete",): Action.DELETE,
    ("forget",): Action.FORGET,
    ("delete", "create"): Action.REPLACE,
    ("create", "delete"): Action.REPLACE,
    ("create", "forget"): Action.REPLACE,
    ("forget", "create"): Action.REPLACE,
}


class UnreadableError(Exception):
    """The plan cannot be understood, so it cannot be judged. The text says why."""


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing in a plan that does not fit together."""

    address: str
    what: str


@dataclass(frozen=True, slots=True, order=True)
class Object:
    """One object in the state that a plan starts from. ``deposed``: its key, or empty."""

    address: str
    type: str
    deposed: str = ""


@dataclass(frozen=True, slots=True)
class Document:
    """A plan's JSON, read by the guard.

    Attributes:
        changes: all managed resources of ``resource_changes``, no-ops included.
        deferred: addresses that Terraform put off: nothing happens to them in this plan.
        prior: managed objects in the state that the plan starts from.
        kept: addresses with values in ``planned_values``: what will be there afterwards.
        faults: what does not fit together.
    """

    errored: bool
    changes: tuple[ResourceChange, ...]
    deferred: frozenset[str]
    prior: frozenset[Object]
    kept: frozenset[str]
    faults: tuple[Fault, ...]


def read_document(file: Path) -> Document:
    """Read a plan's JSON (``terraform show -json``).

    Raises:
        UnreadableError: the file is missing, truncated, not JSON, not a plan, or of an unknown format.
    """
    try:
        data = json.loads(file.read_bytes(), object_pairs_hook=_pairs, parse_constant=_constant)
    except OSError as error:
        message = f"the plan's JSON cannot be read: {error.strerror}"
        raise UnreadableError(message) from error
    except UnicodeDecodeError as error:
        message = "the plan's JSON is not text"
        raise UnreadableError(message) from error
    except RecursionError as error:
        message = "the plan's JSON is nested too deeply"
        raise UnreadableError(message) from error
    except json.JSONDecodeError as error:
        message = f"the plan's JSON is damaged or cut off: {error.msg} at line {error.lineno}"
        raise UnreadableError(message) from error
    return _document(_mapping(data, "the plan's JSON"))


def _document(data: Mapping[str, Any]) -> Document:
    version = data.get("format_version")
    if not isinstance(version, str) or version.split(".")[0] != KNOWN_MAJOR:
        message = f"plan format {version!r} is not known: orch reads format {KNOWN_MAJOR}.x"
        raise UnreadableError(message)
    errored = data.get("errored", False)
    if not isinstance(errored, bool):
        message = "`errored` is neither true nor false"
        raise UnreadableError(message)
    faults: list[Fault] = []
    entries = [_mapping(each, "resource_changes") for each in _list(data.get("resource_changes"), "resource_changes")]
    changes = [_change(each, faults) for each in entries if each.get("mode") != "data"]
    faults.extend(_twice(changes))
    deferred = [_deferred(each) for each in _list(data.get("deferred_changes"), "deferred_changes")]
    state = _mapping(data.get("prior_state") or {}, "prior_state")
    before = list(_resources(state.get("values"), "prior_state"))
    after = list(_resources(data.get("planned_values"), "planned_values"))
    return Document(
        errored=errored,
        changes=tuple(changes),
        deferred=frozenset(deferred),
        prior=frozenset(_object(each) for each in before if each.get("mode") != "data"),
        kept=frozenset(_text(each, "address") for each in after if isinstance(each.get("values"), Mapping)),
        faults=tuple(faults),
    )


def _change(entry: Mapping[str, Any], faults: list[Fault]) -> ResourceChange:
    """One entry. An unknown action becomes ``delete``, the worst that it can be, and a fault."""
    address = _text(entry, "address")
    change = _mapping(entry.get("change"), address)
    before = _object_or_none(change.get("before"), f"{address}: before")
    after = _object_or_none(change.get("after"), f"{address}: after")
    actions = tuple(str(each) for each in _list(change.get("actions"), f"{address}: actions"))
    action = _ACTIONS.get(actions)
    reason = entry.get("action_reason")
    paths = _list(change.get("replace_paths"), f"{address}: replace_paths")
    contradiction = (
        f"the actions {list(actions)!r} are not known"
        if action is None
        else _contradiction(action, before=before, after=after, reason=reason, paths=paths)
    )
    if contradiction:
        faults.append(Fault(address, contradiction))
    return ResourceChange(
        address=address,
        type=_text(entry, "type"),
        name=str(entry.get("name", "")),
        provider=str(entry.get("provider_name", "")),
        mode=str(entry.get("mode", "managed")),
        action=action if action is not None else Action.DELETE,
        before=before,
        after=after,
        after_unknown=change.get("after_unknown"),
        before_sensitive=change.get("before_sensitive"),
        after_sensitive=change.get("after_sensitive"),
        replace_paths=tuple(tuple(path) if isinstance(path, list) else (str(path),) for path in paths),
        reason=reason if isinstance(reason, str) else None,
        deposed=_optional(entry, "deposed"),
        previous_address=_optional(entry, "previous_address"),
        module_address=_optional(entry, "module_address"),
    )


def _contradiction(action: Action, *, before: object, after: object, reason: object, paths: list[Any]) -> str:
    """Why an action cannot be what the rest of its entry shows; empty when it can."""
    if action.destructive:
        return ""  # the worst is assumed already
    kept = action in {Action.UPDATE, Action.NOOP}
    gone = isinstance(reason, str) and reason.startswith(("delete_", "replace_"))
    contradictions = {
        "it would only be read, and only data is": action is Action.READ,
        "it would be created although it exists": action is Action.CREATE and before is not None,
        "it would be updated, but one side of the change is missing": action is Action.UPDATE
        and (before is None or after is None),
        "nothing would happen to it, and yet it appears or vanishes": action is Action.NOOP
        and (before is None) != (after is None),
        "it would be kept, and yet attributes are named that replace it": kept and bool(paths),
        f"it would be kept, and yet Terraform gives the reason {reason}": kept and gone,
    }
    return next((what for what, true in contradictions.items() if true), "")


def _twice(changes: list[ResourceChange]) -> Iterator[Fault]:
    """Objects that the plan names more than once: which of the two would happen is not said."""
    seen: set[tuple[str, str | None]] = set()
    for each in changes:
        if (each.address, each.deposed) in seen:
            yield Fault(each.address, "the plan names it twice")
        seen.add((each.address, each.deposed))


def _deferred(entry: Any) -> str:
    change = _mapping(_mapping(entry, "deferred_changes").get("resource_change"), "deferred_changes")
    return _text(change, "address")


def _resources(values: Any, what: str) -> Iterator[Mapping[str, Any]]:
    """Every resource of a tree of modules."""
    if values is None:
        return
    root = _mapping(values, what).get("root_module")
    waiting = [] if root is None else [_mapping(root, what)]
    while waiting:
        module = waiting.pop()
        yield from (_mapping(each, what) for each in _list(module.get("resources"), what))
        waiting.extend(_mapping(each, what) for each in _list(module.get("child_modules"), what))


def _object(entry: Mapping[str, Any]) -> Object:
    return Object(_text(entry, "address"), _text(entry, "type"), _optional(entry, "deposed_key") or "")


def _mapping(value: Any, what: str) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        message = f"{what} is not an object"
        raise UnreadableError(message)
    return value


def _list(value: Any, what: str) -> list[Any]:
    if value is None:
        return []
    if not isinstance(value, list):
        message = f"{what} is not a list"
        raise UnreadableError(message)
    return value


def _text(entry: Mapping[str, Any], key: str) -> str:
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        message = f"an entry has no {key}"
        raise UnreadableError(message)
    return value


def _optional(entry: Mapping[str, Any], key: str) -> str | None:
    value = entry.get(key)
    if value is None or isinstance(value, str):
        return value
    message = f"{key} of {entry.get('address')!r} is not text"
    raise UnreadableError(message)


def _object_or_none(value: Any, what: str) -> Mapping[str, Any] | None:
    return None if value is None else _mapping(value, what)


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Terraform never writes a key twice; a reader that takes the other one of the two would see another plan."""
    result = dict(pairs)
    if len(result) != len(pairs):
        message = "the plan's JSON has a key twice"
        raise UnreadableError(message)
    return result


def _constant(name: str) -> NoReturn:
    message = f"the plan's JSON has {name}, which is not JSON"
    raise UnreadableError(message)
