"""Compares a real plan with its approved preview: it must do only what the preview announced.

A change is announced when the preview has the same action on the same address, and every attribute ends as the preview
announced or was unknown in the preview.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.terraform.model import Action, OutputChange, PlanRecord, ResourceChange


def unannounced(preview: PlanRecord, real: PlanRecord) -> tuple[str, ...]:
    """Return what the real plan does that the preview did not announce, one line each; empty when it may be applied.

    Args:
        preview: the plan that was shown and approved.
        real: the plan that would be applied now.
    """
    announced: dict[tuple[str, str | None], ResourceChange | None] = {}
    for change in preview.changes:  # An address that occurs twice is ambiguous, so it announces nothing.
        announced[_key(change)] = None if _key(change) in announced else change
    lines = [line for change in real.changes if (line := _resource(change, announced.get(_key(change)))) is not None]
    for name, output in sorted(real.outputs.items()):
        line = _output(name, output, preview.outputs.get(name))
        if line is not None:
            lines.append(line)
    return tuple(lines)


def destroys(plan: PlanRecord) -> tuple[str, ...]:
    """Return the addresses that a plan deletes, replaces or forgets, with the action."""
    return tuple(f"{change.action.value} {change.address}" for change in plan.changes if change.action.destructive)


def _key(change: ResourceChange) -> tuple[str, str | None]:
    return (change.address, change.deposed)


def _resource(real: ResourceChange, announced: ResourceChange | None) -> str | None:
    if real.mode != "managed" and real.action in {Action.READ, Action.NOOP}:  # data read again changes nothing
        return None
    what = f"{real.action.value} {real.address}"
    if announced is None:
        return f"{what}: not in the preview"
    if real.previous_address != announced.previous_address or real.importing != announced.importing:
        return f"{what}: the preview moved or imported it differently"
    if real.action is not announced.action and not (
        real.action is Action.UPDATE and announced.action is Action.REPLACE
    ):
        return f"{what}: the preview announced {announced.action.value}"
    path = _difference(real.after, real.after_unknown, announced.after, announced.after_unknown)
    return None if path is None else f"{what}: {path or 'its value'} is not what the preview announced"


def _output(name: str, real: OutputChange, announced: OutputChange | None) -> str | None:
    if real.action is Action.NOOP:
        return None
    if announced is None:
        return f"output {name}: not in the preview"
    if announced.action is Action.NOOP:
        return f"output {name}: the preview did not change it"
    path = _difference(real.after, real.after_unknown, announced.after, announced.after_unknown)
    removed = real.action is Action.DELETE and announced.action is not Action.DELETE
    return f"output {name}: not what the preview announced" if removed or path is not None else None


def _difference(real: Any, real_unknown: Any, announced: Any, announced_unknown: Any) -> str | None:
    """Return the path of the first value that was not announced; None when there is none, "" for the whole value."""
    if announced_unknown is True:
        return None
    if real_unknown is True:
        return ""
    if _is_map(real, real_unknown) and _is_map(announced, announced_unknown):
        return _map_difference(_map(real), _map(real_unknown), _map(announced), _map(announced_unknown))
    if _is_list(real, real_unknown) and _is_list(announced, announced_unknown):
        return _list_difference(_list(real), _list(real_unknown), _list(announced), _list(announced_unknown))
    return None if real == announced and isinstance(real, bool) is isinstance(announced, bool) else ""  # True is not 1


def _map_difference(
    real: Mapping[str, Any],
    real_unknown: Mapping[str, Any],
    announced: Mapping[str, Any],
    announced_unknown: Mapping[str, Any],
) -> str | None:
    for key in sorted({*real, *real_unknown, *announced, *announced_unknown}):
        path = _difference(real.get(key), real_unknown.get(key), announced.get(key), announced_unknown.get(key))
        if path is not None:
            return f"{key}.{path}" if path else key
    return None


def _list_difference(
    real: Sequence[Any], real_unknown: Sequence[Any], announced: Sequence[Any], announced_unknown: Sequence[Any]
) -> str | None:
    if any(_any_unknown(mark) for mark in announced_unknown):
        return _unordered_difference(real, real_unknown, announced, announced_unknown)
    if len(real) != len(announced):
        return ""
    for number, item in enumerate(real):
        path = _difference(item, _at(real_unknown, number), announced[number], None)
        if path is not None:
            return f"{number}.{path}" if path else str(number)
    return None


def _unordered_difference(
    real: Sequence[Any], real_unknown: Sequence[Any], announced: Sequence[Any], announced_unknown: Sequence[Any]
) -> str | None:
    """Compare lists of which some announced elements are unknown.

    Plan JSON does not distinguish sets from lists. A set is sorted differently, and may shrink, once an element
    becomes known. So each real element must match a different announced element, and each announced element that was
    partly known must match some real element.
    """
    fits = [
        [
            _difference(item, _at(real_unknown, n), other, _at(announced_unknown, m)) is None
            for m, other in enumerate(announced)
        ]
        for n, item in enumerate(real)
    ]
    for number in range(len(announced)):
        if _at(announced_unknown, number) is not True and not any(row[number] for row in fits):
            return str(number)
    unmatched = _unmatched(fits)
    return None if unmatched is None else str(unmatched)


def _unmatched(fits: Sequence[Sequence[bool]]) -> int | None:
    """Return the first row that cannot be assigned a column of its own, in any assignment; None when every row can."""
    taken: dict[int, int] = {}

    def assign(row: int, tried: set[int]) -> bool:
        for column, fit in enumerate(fits[row]):
            if fit and column not in tried:
                tried.add(column)
                if column not in taken or assign(taken[column], tried):
                    taken[column] = row
                    return True
        return False

    return next((row for row in range(len(fits)) if not assign(row, set())), None)


def _any_unknown(mark: Any) -> bool:
    if isinstance(mark, Mapping):
        return any(_any_unknown(item) for item in mark.values())
    if isinstance(mark, list):
        return any(_any_unknown(item) for item in mark)
    return mark is True


def _is_map(value: Any, unknown: Any) -> bool:
    return isinstance(value, Mapping) or (value is None and isinstance(unknown, Mapping) and bool(unknown))


def _is_list(value: Any, unknown: Any) -> bool:
    return isinstance(value, list) or (value is None and isinstance(unknown, list) and bool(unknown))


def _map(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any) -> Sequence[Any]:
    return value if isinstance(value, list) else []


def _at(marks: Sequence[Any], number: int) -> Any:
    return marks[number] if number < len(marks) else None
