"""Terraform's plan JSON -> PlanRecord. Strict: what is not understood is an error, never an empty plan."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, NoReturn

from orchestrator.errors import UnitError
from orchestrator.terraform.records import Action, OutputChange, PlanRecord, ResourceChange

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
    # A new object takes the old one's place and the old one is let go of: for the old one, a loss.
    ("create", "forget"): Action.REPLACE,
}

# Whether the object exists (before, after) an action; None: either. A plan that says otherwise contradicts itself.
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
    """A plan's JSON is not what Terraform writes, or not in a format that orch knows: nothing may be applied."""


def empty_plan(plan: Path) -> PlanRecord:
    """The record of a plan that Terraform itself called empty (``-detailed-exitcode`` 0): nothing is read."""
    return PlanRecord(file=plan, json_file=None, format_version=None, terraform_version=None)


def read_plan(plan: Path, json_file: Path) -> PlanRecord:
    """Read what ``terraform show -json`` said of a plan.

    Drift (``resource_drift``) is not read: it tells what changed outside, not what the plan will do.

    Args:
        plan: the plan file.
        json_file: its JSON.

    Raises:
        UnreadablePlanError: the file is missing, empty, cut off, of an unknown format, or contradicts itself.
    """
    document = _document(json_file)
    try:
        return PlanRecord(
            file=plan,
            json_file=json_file,
            format_version=document["format_version"],
            terraform_version=_of(document, "terraform_version", str),
            changes=tuple(
                change
                for entry in _of(document, "resource_changes", list, default=[])
                if (change := _resource_change(entry)) is not None
            ),
            outputs={
                name: _output_change(name, entry)
                for name, entry in _of(document, "output_changes", dict, default={}).items()
            },
            errored=_of(document, "errored", bool, default=False),
            complete=_of(document, "complete", bool, default=True) and not document.get("deferred_changes"),
        )
    except _StrangeError as error:
        raise UnreadablePlanError(
            f"the plan {json_file} cannot be judged: {error}", hint="use a version of Terraform that this orch knows"
        ) from error


class _StrangeError(Exception):
    """Something in the JSON that Terraform does not write."""


def _document(json_file: Path) -> dict[str, Any]:
    try:
        document = json.loads(json_file.read_bytes(), parse_constant=_no_constant)
    except OSError as error:
        raise UnreadablePlanError(f"the plan {json_file} cannot be read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise UnreadablePlanError(
            f"the plan {json_file} is not whole JSON: {error}", hint="check that the disk is not full, and plan again"
        ) from error
    version = document.get("format_version") if isinstance(document, dict) else None
    if not isinstance(version, str) or not _FORMAT.match(version):
        raise UnreadablePlanError(
            f"the plan {json_file} has the format {version!r}; orch knows 1.x",
            hint="use a version of Terraform that this orch knows",
        )
    # Terraform writes both in every plan, so a JSON without them is none, however empty it looks.
    for key in ("planned_values", "configuration"):
        if not isinstance(document.get(key), dict):
            raise UnreadablePlanError(f"the plan {json_file} has no {key}: it is not a plan of Terraform's")
    return dict(document)


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _resource_change(entry: Any) -> ResourceChange | None:
    """One entry of ``resource_changes``; None when it does nothing at all."""
    address = _of(entry, "address", str)
    change = _of(entry, "change", dict)
    mode = _of(entry, "mode", str)
    if mode not in {"managed", "data"}:
        raise _StrangeError(f"{address} has the mode {mode!r}")
    action = _action(address, change)
    before, after = change.get("before"), change.get("after")
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
    )


def _output_change(name: str, entry: Any) -> OutputChange:
    return OutputChange(
        name=name,
        action=_action(f"output {name}", entry),
        after=entry.get("after"),
        after_unknown=entry.get("after_unknown", False),
        # Sensitive before or after: showing either would tell the secret.
        sensitive=any_true(entry.get("before_sensitive")) or any_true(entry.get("after_sensitive")),
    )


def any_true(mirror: Any) -> bool:
    """Whether a mirror of a value (``after_unknown``, ``after_sensitive``) is true anywhere."""
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
            raise _StrangeError(f"{address}: {name} is no object")
        if wanted is not None and wanted != (value is not None):
            raise _StrangeError(
                f"{address} says {action}, but {name} is {'there' if value is not None else 'not there'}"
            )
    if action is Action.NOOP and (before is None) != (after is None):
        raise _StrangeError(f"{address} says {action}, but the object appears or vanishes")


def _paths(address: str, paths: list[Any]) -> tuple[tuple[str | int, ...], ...]:
    for path in paths:
        if not isinstance(path, list) or not all(isinstance(step, str | int) for step in path):
            raise _StrangeError(f"{address} has the replace path {json.dumps(path)}")
    return tuple(tuple(path) for path in paths)


_MISSING: Any = object()


def _of(entry: Any, key: str, kind: Callable[..., Any], *, default: Any = _MISSING) -> Any:
    """A value of an object, of the type that Terraform gives it."""
    if not isinstance(entry, dict):
        raise _StrangeError(f"an object is missing where {key} should be")
    value = entry.get(key)
    if value is None and default is not _MISSING:
        return default
    if not isinstance(kind, type) or not isinstance(value, kind):
        raise _StrangeError(f"{entry.get('address', 'the plan')} has no usable {key}")
    return value
