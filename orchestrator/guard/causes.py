"""Why a plan does what it does, and the way out: Terraform's reasons in words, and ready-made ``moved`` entries."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping

from orchestrator.terraform.model import Action, ResourceChange

MODULE = "module.this."
"""Every unit's module call; the catalogue's ``moved`` names addresses inside it."""

_REASONS: Mapping[str, tuple[str, str]] = {
    "delete_because_no_resource_config": (
        "its block is no longer in the module",
        "put the block back",
    ),
    "delete_because_no_module": (
        "the module that it is in is no longer called",
        "put the module call back",
    ),
    "delete_because_wrong_repetition": (
        "`count` or `for_each` was added to its block or taken away",
        "say with `moved` which instance it is now",
    ),
    "delete_because_count_index": (
        "`count` is now too small for it",
        "put `count` back, or use `for_each`, whose keys do not shift",
    ),
    "delete_because_each_key": (
        "its key is no longer in `for_each`",
        "put the key back",
    ),
    "delete_because_no_move_target": (
        "`moved` leads to an address that is not in the module",
        "correct the address in `moved`",
    ),
    "replace_because_tainted": (
        "it is marked as tainted: a creation that did not end well, or `terraform taint`",
        "look at it in AWS; if it is whole, run `terraform untaint` on it in the unit's root, then plan again",
    ),
    "replace_by_request": (
        "its replacement was asked for",
        "leave out --replace",
    ),
    "replace_by_triggers": (
        "`replace_triggered_by` names something that changes",
        "take it out of `replace_triggered_by`",
    ),
}

_DEPOSED = "look at it in AWS: if it is empty, delete it by hand; the next plan then no longer has it"


def cause(change: ResourceChange) -> str:
    """Why a change is what it is: Terraform's reason, or the attributes that force it."""
    if change.deposed:
        return f"an earlier replacement did not end and left this object behind (deposed {change.deposed})"
    if change.replace_paths and change.reason in {None, "replace_because_cannot_update"}:
        names = ", ".join(attributes(change.replace_paths))
        return f"a change of {names} cannot be made in place"
    if change.reason and change.reason in _REASONS:
        return _REASONS[change.reason][0]
    if change.reason:
        return f"Terraform gives the reason {change.reason}"
    if change.action is Action.DELETE:
        return "the whole unit would be destroyed"
    return "Terraform gives no reason"


def way_out(change: ResourceChange, changes: Iterable[ResourceChange]) -> str:
    """What to do instead. A delete and a create that look like a rename get the ``moved`` entry."""
    if change.deposed:
        return _DEPOSED
    duplicate = renamed_to(change, changes)
    if duplicate is not None:
        return f"it looks renamed: add {moved_entry(change.address, duplicate.address)} to the stack's entry"
    if change.action is Action.FORGET:
        return "take the `removed` block out"
    if change.replace_paths and change.reason in {None, "replace_because_cannot_update"}:
        names = ", ".join(attributes(change.replace_paths))
        return f"put {names} back as it was; if it must differ, make a second resource and move the data first"
    if change.reason and change.reason in _REASONS:
        return _REASONS[change.reason][1]
    return "keep it; what is protected is not destroyed with its unit"


def attributes(paths: Iterable[tuple[str | int, ...]]) -> tuple[str, ...]:
    """Paths as people write them: ``schema[0].name``; each once."""
    return tuple(dict.fromkeys(_path(path) for path in paths))


def _path(path: tuple[str | int, ...]) -> str:
    text = "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path)
    return text.removeprefix(".") or "the resource"


def renamed_to(change: ResourceChange, changes: Iterable[ResourceChange]) -> ResourceChange | None:
    """The new resource that looks like the one that goes, or None when there is none, or no clear one.

    Of all creations of the same type, the one that shares most known values with the old object; a tie is not clear.
    """
    if change.action is not Action.DELETE:
        return None
    created = [each for each in changes if each.action is Action.CREATE and each.type == change.type]
    ranked = sorted(((_alike(change, each), each.address, each) for each in created), reverse=True, key=lambda r: r[:2])
    if not ranked or (len(ranked) > 1 and ranked[0][0] == ranked[1][0]):
        return None
    return ranked[0][2]


def _alike(old: ResourceChange, new: ResourceChange) -> int:
    before, after = old.before or {}, new.after or {}
    return sum(1 for key, value in after.items() if value not in (None, "", [], {}) and before.get(key) == value)


def moved_entry(old: str, new: str) -> str:
    """A ``moved`` entry on one line, valid YAML in a stack or stage file; a block where the catalogue has no key."""
    if old.startswith(MODULE) and new.startswith(MODULE):
        return f"`moved: {{{json.dumps(old.removeprefix(MODULE))}: {json.dumps(new.removeprefix(MODULE))}}}`"
    return f"`moved {{ from = {old}, to = {new} }}`"
