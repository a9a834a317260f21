"""Explains why a plan changes a resource, and what to do instead."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from orchestrator.terraform.model import Action, ResourceChange

MODULE = "module.this."
"""The module call of every unit; ``moved`` in ``live/`` uses addresses inside it."""

_REASONS: Mapping[str, tuple[str, str]] = {
    "delete_because_no_resource_config": (
        "its block is no longer in the module",
        "restore the block",
    ),
    "delete_because_no_module": (
        "the module that contains it is no longer called",
        "restore the module call",
    ),
    "delete_because_wrong_repetition": (
        "`count` or `for_each` was added to its block or removed from it",
        "add a `moved` entry that says which instance it is now",
    ),
    "delete_because_count_index": (
        "`count` is now too small for it",
        "restore `count`, or use `for_each`, whose keys do not shift",
    ),
    "delete_because_each_key": (
        "its key is no longer in `for_each`",
        "restore the key",
    ),
    "delete_because_no_move_target": (
        "`moved` points to an address that is not in the module",
        "correct the address in `moved`",
    ),
    "replace_because_tainted": (
        "it is tainted: its creation failed, or someone ran `terraform taint`",
        "check it in AWS; if it is intact, run `terraform untaint` in the unit's root, then plan again",
    ),
    "replace_by_request": (
        "its replacement was requested",
        "run without --replace",
    ),
    "replace_by_triggers": (
        "`replace_triggered_by` refers to something that changes",
        "remove the reference from `replace_triggered_by`",
    ),
}
"""Terraform's ``action_reason`` -> the cause, and what to do."""

_DEPOSED = "check it in AWS; if it is empty, delete it there, and the next plan no longer contains it"


def cause(change: ResourceChange) -> str:
    """Return why Terraform plans a change: its reason, or the attributes that force a replacement."""
    if change.deposed:
        return f"an earlier replacement failed and left this object behind (deposed {change.deposed})"
    if _is_forced(change):
        return f"{', '.join(attributes(change.replace_paths))} cannot be changed in place"
    if change.reason and change.reason in _REASONS:
        return _REASONS[change.reason][0]
    if change.reason:
        return f"Terraform's reason is {change.reason}"
    if change.action is Action.DELETE:
        return "the whole unit would be destroyed"
    return "Terraform gives no reason"


def remedy(change: ResourceChange, changes: Iterable[ResourceChange]) -> str:
    """Return what to do instead. A delete and a create that look like a rename get the ``moved`` entry to add."""
    if change.deposed:
        return _DEPOSED
    renamed = renamed_to(change, changes)
    if renamed is not None:
        return f"this looks like a rename: add {moved_entry(change.address, renamed.address)} to the stack's entry"
    if change.action is Action.FORGET:
        return "delete the `removed` block"
    if _is_forced(change):
        names = ", ".join(attributes(change.replace_paths))
        return f"restore {names}; if the new value is required, create a second resource and migrate the data first"
    if change.reason and change.reason in _REASONS:
        return _REASONS[change.reason][1]
    return "keep it: protected resources are not destroyed with their unit"


def _is_forced(change: ResourceChange) -> bool:
    return bool(change.replace_paths) and change.reason in {None, "replace_because_cannot_update"}


def attributes(paths: Iterable[tuple[str | int, ...]]) -> tuple[str, ...]:
    """Return attribute paths as people write them, ``schema[0].name``, each once."""
    return tuple(dict.fromkeys(_path(path) for path in paths))


def _path(path: tuple[str | int, ...]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "the resource"


def renamed_to(change: ResourceChange, changes: Iterable[ResourceChange]) -> ResourceChange | None:
    """Return the new resource that a deleted one was probably renamed to, or None.

    Of all created resources of the same type, the one that shares the most known values with the old one. A tie is
    None.
    """
    if change.action is not Action.DELETE:
        return None
    created = [each for each in changes if each.action is Action.CREATE and each.type == change.type]
    ranked = sorted(
        ((_shared_values(change, each), each.address, each) for each in created), reverse=True, key=lambda r: r[:2]
    )
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][2]


def _shared_values(old: ResourceChange, new: ResourceChange) -> int:
    before, after = old.before or {}, new.after or {}
    return sum(1 for key, value in after.items() if value not in (None, "", [], {}) and before.get(key) == value)


def moved_entry(old: str, new: str) -> str:
    """Return a ``moved`` entry for a stack or stage file; a Terraform block for addresses outside the module call."""
    if old.startswith(MODULE) and new.startswith(MODULE):
        return f"`moved: {{{json.dumps(old.removeprefix(MODULE))}: {json.dumps(new.removeprefix(MODULE))}}}`"
    return f"`moved {{ from = {old}, to = {new} }}`"
