"""Does a real plan do only what its approved preview announced?

A change is announced when the preview has the same action on the same address and every attribute ends as the preview
said, or the preview said that it was not known yet: an unknown that became known is announced.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from orchestrator.terraform.model import Action, OutputChange, PlanRecord, ResourceChange


def unannounced(preview: PlanRecord, real: PlanRecord) -> tuple[str, ...]:
    """What the real plan does that the preview did not say, one line each; empty when it may go on.

    Args:
        preview: the plan that was shown and approved.
        real: the plan that would be applied now.
    """
    said: dict[tuple[str, str | None], ResourceChange | None] = {}
    for change in preview.changes:  # what is named twice announces nothing: which of the two was meant is not said
        said[_key(change)] = None if _key(change) in said else change
    lines = [line for change in real.changes if (line := _resource(change, said.get(_key(change)))) is not None]
    for name, output in sorted(real.outputs.items()):
        line = _output(name, output, preview.outputs.get(name))
        if line is not None:
            lines.append(line)
    return tuple(lines)


def destroys(plan: PlanRecord) -> tuple[str, ...]:
    """Addresses of what a plan deletes, replaces or forgets, with the action."""
    return tuple(f"{change.action.value} {change.address}" for change in plan.changes if change.action.destructive)


def _key(change: ResourceChange) -> tuple[str, str | None]:
    return (change.address, change.deposed)


def _resource(real: ResourceChange, said: ResourceChange | None) -> str | None:
    if real.mode != "managed" and real.action in {Action.READ, Action.NOOP}:  # data read again changes nothing
        return None
    what = f"{real.action.value} {real.address}"
    if said is None:
        return f"{what}: not in the preview"
    if real.previous_address != said.previous_address or real.importing != said.importing:
        return f"{what}: the preview moved or imported it otherwise"
    if real.action is not said.action and not (real.action is Action.UPDATE and said.action is Action.REPLACE):
        return f"{what}: the preview said {said.action.value}"
    path = _difference(real.after, real.after_unknown, said.after, said.after_unknown)
    return None if path is None else f"{what}: {path or 'its value'} is not what the preview said"


def _output(name: str, real: OutputChange, said: OutputChange | None) -> str | None:
    if real.action is Action.NOOP:
        return None
    if said is None:
        return f"output {name}: not in the preview"
    if said.action is Action.NOOP:
        return f"output {name}: the preview said that it stays"
    path = _difference(real.after, real.after_unknown, said.after, said.after_unknown)
    goes = real.action is Action.DELETE and said.action is not Action.DELETE
    return f"output {name}: not what the preview said" if goes or path is not None else None


def _difference(real: Any, real_unknown: Any, said: Any, said_unknown: Any) -> str | None:
    """The first path at which the real value was not announced; None when there is none, "" for the whole value."""
    if said_unknown is True:
        return None
    if real_unknown is True:
        return ""
    if _is_map(real, real_unknown) and _is_map(said, said_unknown):
        return _map_difference(_map(real), _map(real_unknown), _map(said), _map(said_unknown))
    if _is_list(real, real_unknown) and _is_list(said, said_unknown):
        return _list_difference(_list(real), _list(real_unknown), _list(said), _list(said_unknown))
    return None if real == said and isinstance(real, bool) is isinstance(said, bool) else ""  # True is not 1


def _map_difference(
    real: Mapping[str, Any], real_unknown: Mapping[str, Any], said: Mapping[str, Any], said_unknown: Mapping[str, Any]
) -> str | None:
    for key in sorted({*real, *real_unknown, *said, *said_unknown}):
        path = _difference(real.get(key), real_unknown.get(key), said.get(key), said_unknown.get(key))
        if path is not None:
            return f"{key}.{path}" if path else key
    return None


def _list_difference(
    real: Sequence[Any], real_unknown: Sequence[Any], said: Sequence[Any], said_unknown: Sequence[Any]
) -> str | None:
    if any(_any_unknown(mark) for mark in said_unknown):
        return _unordered_difference(real, real_unknown, said, said_unknown)
    if len(real) != len(said):
        return ""
    for number, item in enumerate(real):
        path = _difference(item, _at(real_unknown, number), said[number], None)
        if path is not None:
            return f"{number}.{path}" if path else str(number)
    return None


def _unordered_difference(
    real: Sequence[Any], real_unknown: Sequence[Any], said: Sequence[Any], said_unknown: Sequence[Any]
) -> str | None:
    """Plan JSON does not tell sets from lists, and a set is sorted anew (and may shrink) when an element becomes known.

    So with an unknown inside: each element must be what one that was announced became, no two of them the same one;
    and of what was known of an element, some element must have it still.
    """
    fits = [
        [_difference(item, _at(real_unknown, n), other, _at(said_unknown, m)) is None for m, other in enumerate(said)]
        for n, item in enumerate(real)
    ]
    for number in range(len(said)):
        if _at(said_unknown, number) is not True and not any(row[number] for row in fits):
            return str(number)
    unmatched = _unmatched(fits)
    return None if unmatched is None else str(unmatched)


def _unmatched(fits: Sequence[Sequence[bool]]) -> int | None:
    """The first row for which no column of its own is left, whatever the others take; None when all have one."""
    taken: dict[int, int] = {}

    def place(row: int, tried: set[int]) -> bool:
        for column, fit in enumerate(fits[row]):
            if fit and column not in tried:
                tried.add(column)
                if column not in taken or place(taken[column], tried):
                    taken[column] = row
                    return True
        return False

    return next((row for row in range(len(fits)) if not place(row, set())), None)


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
