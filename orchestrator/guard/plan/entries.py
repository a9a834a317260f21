"""Parses one entry of a plan's ``resource_changes`` strictly: whatever is odd counts as the worst case."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.terraform.model import Action, ResourceChange
from orchestrator.terraform.plan.jsonstream import JsonStream, sharing

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


_KEY = r'(?:\[(?:\d+|"(?:[^"\\]|\\.)*")\])?'
_WORD = r'[^.\["]+'
_ADDRESS = re.compile(rf"(?:module\.{_WORD}{_KEY}\.)*(?P<data>data\.)?(?P<type>{_WORD})\.{_WORD}{_KEY}", re.DOTALL)
"""A resource address; it contains the type, and whether it is a data source."""

_MODULE_CALL = re.compile(rf"module\.({_WORD}){_KEY}(?:\.|$)", re.DOTALL)


class UnreadableError(Exception):
    """The plan cannot be understood, so it cannot be judged. The message is the reason."""


@dataclass(frozen=True, slots=True)
class PlanFault:
    """One contradiction in a plan.

    Attributes:
        address: the address of a resource.
        what: a sentence about it.
        protected_type: its protected type, where the contradiction is about one.
    """

    address: str
    what: str
    protected_type: str = ""


def module_names(module_address: str | None) -> tuple[str, ...]:
    """Return the module calls of an address: ``("this", "vpc")`` for ``module.this.module.vpc["a"]``."""
    return tuple(_MODULE_CALL.findall(module_address or ""))


def parse_change(entry: Mapping[str, Any], faults: list[PlanFault]) -> ResourceChange:
    """Parse one entry. An unknown action becomes ``delete``, the worst case, and a fault.

    Args:
        entry: an element of ``resource_changes``.
        faults: receives the contradictions.

    Raises:
        UnreadableError: a part is missing or has the wrong type.
    """
    address = string_of(entry, "address")
    change = mapping(entry.get("change"), address)
    before = object_or_none(change.get("before"), f"{address}: before")
    after = sharing(object_or_none(change.get("after"), f"{address}: after"), before)
    actions = tuple(str(each) for each in list_of(change.get("actions"), f"{address}: actions"))
    action = _ACTIONS.get(actions)
    reason = entry.get("action_reason")
    paths = list_of(change.get("replace_paths"), f"{address}: replace_paths")
    contradiction = (
        f"unknown actions {list(actions)!r}"
        if action is None
        else _misnamed(entry, address) or _contradiction(action, before=before, after=after, reason=reason, paths=paths)
    )
    if contradiction:
        faults.append(PlanFault(address, contradiction))
    return ResourceChange(
        address=address,
        type=string_of(entry, "type"),
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
        deposed=optional(entry, "deposed"),
        previous_address=optional(entry, "previous_address"),
        module_address=optional(entry, "module_address"),
        forgets_old=action is Action.REPLACE and "forget" in actions,
    )


def addressed_type(address: str) -> str:
    """Return the resource type in an address; empty if it is not the address of a managed resource."""
    match = _ADDRESS.fullmatch(address)
    return match["type"] if match is not None and match["data"] is None else ""


def is_data(entry: Mapping[str, Any]) -> bool:
    """Return whether an entry is a data source: it says so, its address says so, and it is only read or left alone."""
    change = entry.get("change")
    actions = change.get("actions") if isinstance(change, Mapping) else None
    match = _ADDRESS.fullmatch(str(entry.get("address")))
    addressed_as_data = match is not None and match["data"] is not None
    return entry.get("mode") == "data" and addressed_as_data and actions in (["read"], ["no-op"])


def _misnamed(entry: Mapping[str, Any], address: str) -> str:
    """Return why an address does not match its entry; empty when it does."""
    if entry.get("mode") == "data":
        return "its mode is data, but data sources can only be read"
    match = _ADDRESS.fullmatch(address)
    if match is None or match["data"] is not None or match["type"] != entry.get("type"):
        return f"its address does not match its type {entry.get('type')!r}"
    return ""


def _contradiction(action: Action, *, before: object, after: object, reason: object, paths: list[Any]) -> str:
    """Return why an action contradicts the rest of its entry; empty when it does not."""
    if action.destructive:
        return ""  # already the worst case
    kept = action in {Action.UPDATE, Action.NOOP}
    gone = isinstance(reason, str) and reason.startswith(("delete_", "replace_"))
    contradictions = {
        "its action is read, but only data sources are read": action is Action.READ,
        "its action is create, but it already exists": action is Action.CREATE and before is not None,
        "its action is update, but one side of the change is missing": action is Action.UPDATE
        and (before is None or after is None),
        "its action is no-op, but it appears or disappears": action is Action.NOOP
        and (before is None) != (after is None),
        "it would be kept, but the plan names attributes that replace it": kept and bool(paths),
        f"it would be kept, but Terraform's reason is {reason}": kept and gone,
    }
    return next((what for what, true in contradictions.items() if true), "")


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """Return a JSON object; ``what`` names it in the error.

    Raises:
        UnreadableError: it is not an object.
    """
    if not isinstance(value, dict):
        message = f"{what} is not an object"
        raise UnreadableError(message)
    return value


def list_of(value: Any, what: str) -> list[Any]:
    """Return a JSON list; null is an empty one.

    Raises:
        UnreadableError: it is not a list.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        message = f"{what} is not a list"
        raise UnreadableError(message)
    return value


def string_of(entry: Mapping[str, Any], key: str) -> str:
    """Return a required string that is not empty.

    Raises:
        UnreadableError: it is missing, empty, or not a string.
    """
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        message = f"an entry has no {key}"
        raise UnreadableError(message)
    return value


def optional(entry: Mapping[str, Any], key: str) -> str | None:
    """Return a string or None.

    Raises:
        UnreadableError: it is neither a string nor null.
    """
    value = entry.get(key)
    if value is None or isinstance(value, str):
        return value
    message = f"{key} of {entry.get('address')!r} is not a string"
    raise UnreadableError(message)


def object_or_none(value: Any, what: str) -> Mapping[str, Any] | None:
    """Return a JSON object or None.

    Raises:
        UnreadableError: it is neither an object nor null.
    """
    return None if value is None else mapping(value, what)


def each_entry(key: str, stream: JsonStream) -> Iterator[Mapping[str, Any]]:
    """Yield the objects of a list one at a time; null is an empty list.

    Raises:
        UnreadableError: it is something else.
    """
    if stream.kind() != "[":
        if stream.value() is not None:
            message = f"{key} is not a list"
            raise UnreadableError(message)
        return
    for _ in stream.items():
        yield mapping(stream.value(), key)


def each_member(what: str, stream: JsonStream) -> Iterator[str]:
    """Yield the keys of an object; null, false and empty values have none.

    Raises:
        UnreadableError: it is something else.
    """
    if stream.kind() == "{":
        yield from stream.members()
    elif stream.value():
        message = f"{what} is not an object"
        raise UnreadableError(message)
