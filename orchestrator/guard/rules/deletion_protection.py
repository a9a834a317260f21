"""Finds what AWS, or its provider, refuses to destroy: by the attributes that protect a resource from deletion.

No plan shows it: Terraform plans the deletion, and the call fails when half of the unit is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any, TypeAlias

from orchestrator.terraform.model import Action, ResourceChange

SwitchValue = bool | int | str
_Table: TypeAlias = Mapping[str, Mapping[SwitchValue, SwitchValue]]

_REFUSING: _Table = {
    "deletion_protection": {True: False, "ACTIVE": "INACTIVE", "ENABLED": "DISABLED"},
    "deletion_protection_enabled": {True: False},
    "enable_deletion_protection": {True: False},
    "delete_protection": {True: False},
    "disable_api_termination": {True: False},
    "termination_protection": {True: False},
    "termination_protection_enabled": {True: False},
}
"""Attribute -> the values with which AWS refuses a deletion -> the value without. They mean the same in every type."""

_KEEPING: _Table = {
    "force_destroy": {False: True},
    "force_delete": {False: True},
    "enforce_consumer_deletion": {False: True},
    "skip_final_snapshot": {False: True},
}
"""Attribute -> the values with which a deletion fails or leaves something behind -> the value without."""

_OF_TYPE: Mapping[str, tuple[str, SwitchValue, SwitchValue]] = {
    "aws_secretsmanager_secret": ("recovery_window_in_days", 30, 0),  # It keeps its name for these days.
    "aws_cloudwatch_log_group": ("skip_destroy", False, False),
}
"""Type -> an attribute that leaves something behind after a deletion, its default, and the value that does not."""


def refusals(changes: Iterable[ResourceChange]) -> Iterator[str]:
    """Yield why AWS would refuse deletions of a plan, one line for each: what protects which resource.

    Args:
        changes: the changes of a plan, with their current values.
    """
    for change in changes:
        if change.mode != "managed" or change.action is not Action.DELETE or change.before is None:
            continue
        for name, value in _armed(change.before, _REFUSING):
            yield f"{_short(change)} has {name} = {value!r}"
        if change.before.get("skip_final_snapshot") is False and not change.before.get("final_snapshot_identifier"):
            yield f"{_short(change)} has skip_final_snapshot = False, but no final_snapshot_identifier"


def switches(type_: str, attributes: Mapping[str, Any]) -> dict[str, SwitchValue]:
    """Return the attributes that stand in the way of destroying a resource, with the values that let it go.

    Args:
        type_: the type of the resource.
        attributes: its values in the state.
    """
    both = {**_REFUSING, **_KEEPING}
    found = {name: both[name][value] for name, value in _armed(attributes, both)}
    name, default, value = _OF_TYPE.get(type_, ("", False, False))
    current = attributes.get(name)
    if name in attributes and (default if current is None else current) != value:
        found[name] = value
    return found


def switched_resources(changes: Iterable[ResourceChange]) -> tuple[str, ...]:
    """Return the addresses that a plan deletes or replaces and that have something to switch off, sorted.

    Args:
        changes: the changes of a plan, with their current values.
    """
    return tuple(
        sorted(
            each.address
            for each in changes
            if each.mode == "managed"
            and each.action in {Action.DELETE, Action.REPLACE}
            and each.deposed is None
            and switches(each.type, each.before or {})
        )
    )


def _armed(
    attributes: Mapping[str, Any], table: Mapping[str, Mapping[SwitchValue, SwitchValue]]
) -> Iterator[tuple[str, SwitchValue]]:
    for name, values in table.items():
        if name not in attributes:
            continue
        value = False if attributes[name] is None else attributes[name]
        if isinstance(value, bool | str) and value in values:
            yield name, value


def _short(change: ResourceChange) -> str:
    return change.address.removeprefix("module.this.")
