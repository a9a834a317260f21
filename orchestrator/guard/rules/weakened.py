"""Finds what a change makes less safe: in a protected resource, or in a companion that safeguards its content."""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.guard.checkov.annotate import Change
from orchestrator.guard.policies.protected_types import Companion, ProtectedType
from orchestrator.guard.policies.safeguards import newly_bad, weakened
from orchestrator.guard.policies.values import value_at
from orchestrator.terraform.model import Action


def safeguards_lost(change: Change) -> Iterator[str]:
    """Yield a phrase for everything that a change makes less safe; the rule about losses handles deletions.

    Args:
        change: a change of a plan, with the entry of its type.
    """
    if change.companion is not None:
        yield from _companion(change, change.companion)
    elif change.protected is not None and (change.action is Action.UPDATE or _made_again(change, change.protected)):
        yield from weakened(change.safeguards, change.current, change.planned)


def _made_again(change: Change, entry: ProtectedType) -> bool:
    return change.action is Action.REPLACE and entry.replaceable


def _companion(change: Change, companion: Companion) -> Iterator[str]:
    if change.action is Action.CREATE:
        yield from _created(change)
        return
    going = change.action in {Action.DELETE, Action.FORGET, Action.REPLACE}
    removed = (going or _moves(change, companion)) and not change.owner_goes
    if removed and companion.removal_counts(change.current):
        yield (
            "the safeguard itself would be removed"
            if change.action is not Action.REPLACE
            else ("the safeguard itself would be replaced, and the removal of the old one switches it off")
        )
    if change.stays:
        if not change.owner_goes:
            yield from weakened(change.safeguards, change.current, change.planned)
        if _moves(change, companion):
            yield from _created(change)


def _created(change: Change) -> Iterator[str]:
    if not change.owner_is_new:
        yield from newly_bad(change.safeguards, change.planned, change.siblings)


def _moves(change: Change, companion: Companion) -> bool:
    """Return whether a companion would belong to another resource, or may."""
    return change.stays and value_at(change.current, companion.of) != value_at(change.planned, companion.of)
