"""One entry of a plan's ``resource_changes`` as the guard reads it: strictly, the worst assumed of what is odd."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.terraform.model import Action, ResourceChange
from orchestrator.terraform.plan.jsonstream import sharing

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
"""An address says itself what type it is of, and whether it is data."""


class UnreadableError(Exception):
    """The plan cannot be understood, so it cannot be judged. The text says why."""


@dataclass(frozen=True, slots=True)
class PlanFault:
    """One thing in a plan that does not fit together."""

    address: str
    what: str


def parse_change(entry: Mapping[str, Any], faults: list[PlanFault]) -> ResourceChange:
    """One entry. An unknown action becomes ``delete``, the worst that it can be, and a fault.

    Args:
        entry: an element of ``resource_changes``.
        faults: gets what does not fit together.

    Raises:
        UnreadableError: a part is missing or of another type.
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
        f"the actions {list(actions)!r} are not known"
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
    )


def is_data(entry: Mapping[str, Any]) -> bool:
    """Whether an entry is about data, which is read or left alone: whatever else would happen to it, it is no data."""
    change = entry.get("change")
    actions = change.get("actions") if isinstance(change, Mapping) else None
    match = _ADDRESS.fullmatch(str(entry.get("address")))
    says = match is not None and match["data"] is not None
    return entry.get("mode") == "data" and says and actions in (["read"], ["no-op"])


def _misnamed(entry: Mapping[str, Any], address: str) -> str:
    """Why an address does not belong to its entry; empty when it does."""
    if entry.get("mode") == "data":
        return "it is said to be data, and data is only read"
    match = _ADDRESS.fullmatch(address)
    if match is None or match["data"] is not None or match["type"] != entry.get("type"):
        return f"its address is not one of the type {entry.get('type')!r}"
    return ""


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


def mapping(value: Any, what: str) -> Mapping[str, Any]:
    """A JSON object, or an error that says what should be one.

    Raises:
        UnreadableError: it is something else.
    """
    if not isinstance(value, dict):
        message = f"{what} is not an object"
        raise UnreadableError(message)
    return value


def list_of(value: Any, what: str) -> list[Any]:
    """A JSON list; null stands for an empty one.

    Raises:
        UnreadableError: it is something else.
    """
    if value is None:
        return []
    if not isinstance(value, list):
        message = f"{what} is not a list"
        raise UnreadableError(message)
    return value


def string_of(entry: Mapping[str, Any], key: str) -> str:
    """A text that must be there and not empty.

    Raises:
        UnreadableError: it is something else.
    """
    value = entry.get(key)
    if not isinstance(value, str) or not value:
        message = f"an entry has no {key}"
        raise UnreadableError(message)
    return value


def optional(entry: Mapping[str, Any], key: str) -> str | None:
    """A text or null.

    Raises:
        UnreadableError: it is something else.
    """
    value = entry.get(key)
    if value is None or isinstance(value, str):
        return value
    message = f"{key} of {entry.get('address')!r} is not text"
    raise UnreadableError(message)


def object_or_none(value: Any, what: str) -> Mapping[str, Any] | None:
    """A JSON object or null.

    Raises:
        UnreadableError: it is something else.
    """
    return None if value is None else mapping(value, what)
