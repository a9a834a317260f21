"""The protection of a protected resource may not be taken away: it is how the next plan gets past everything else."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from orchestrator.guard.checkov.annotate import Change
from orchestrator.guard.policies.protected import Companion, ProtectedType
from orchestrator.terraform.model import Action


class ProtectionStays(BaseResourceCheck):  # type: ignore[misc]  # checkov is not followed by mypy
    """Fails when an attribute that protects an existing resource is switched off, or may be."""

    def __init__(self) -> None:
        super().__init__(
            name="the protection of a protected resource would be taken away",
            id="ORCH_WEAKENED",
            categories=[CheckCategories.BACKUP_AND_RECOVERY],
            supported_resources=["*"],
            guideline="put the attribute back to the value that it has",
        )

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        """Compare before and after; what goes altogether is the policy ``protected``'s matter."""
        change = Change.of(conf)
        if change.companion is not None:
            self.details = list(_net_gone(change, change.companion))
        elif change.protected is not None and change.action is Action.UPDATE:
            entry = change.protected
            self.details = [*_taken_away(change, entry), *_disarmed(change, entry), *_shortened(change, entry)]
        return CheckResult.FAILED if self.details else CheckResult.PASSED


def _taken_away(change: Change, entry: ProtectedType) -> Iterator[str]:
    if entry.protection is not None:
        yield from _left(change, entry.protection.attribute, entry.protection.value)


def _left(change: Change, name: str, armed: object) -> Iterator[str]:
    """An attribute that has its armed value, and would have another."""
    if not _is(change.was(name), armed):
        return
    if not change.is_known(name):
        yield f"{name} is {armed!r} and would be a value that is not known yet"
    elif not _is(change.will_be(name), armed):
        yield f"{name} would go from {armed!r} to {change.will_be(name)!r}"


def _disarmed(change: Change, entry: ProtectedType) -> Iterator[str]:
    for name, danger in entry.disarmed_by.items():
        if _is(change.was(name), danger):
            continue
        if not change.is_known(name):
            yield f"{name} would be a value that is not known yet"
        elif _is(change.will_be(name), danger):
            yield f"{name} would become {danger!r}"


def _shortened(change: Change, entry: ProtectedType) -> Iterator[str]:
    for name, zero in entry.shortened_by.items():
        before, after = change.was(name), change.will_be(name)
        if before is not None and not change.is_known(name):
            yield f"{name} would be a value that is not known yet"
        elif before is not None and after is not None and _days(after, zero) < _days(before, zero):
            yield f"{name} would go from {before!r} to {after!r}: what is older than that is lost"


def _days(value: Any, zero: str) -> float:
    return math.inf if value == 0 and zero == "forever" else float(value)


def _net_gone(change: Change, companion: Companion) -> Iterator[str]:
    """What keeps the content of another resource goes, or no longer keeps it."""
    if change.deposed is not None or change.action is Action.CREATE:
        return
    if change.action in {Action.DELETE, Action.FORGET}:
        yield "it would go, and what it keeps would no longer be kept"
    elif companion.attribute is not None:
        yield from _left(change, companion.attribute, companion.value)


def _is(value: Any, wanted: object) -> bool:
    """Whether an attribute has a value; one that is not set counts as false, but neither as 0 nor as a text."""
    if wanted is False and value is None:
        return True
    return type(value) is type(wanted) and value == wanted


check = ProtectionStays()
