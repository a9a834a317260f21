"""The safeguards of protected resources must stay: without them, a later change could lose the data."""

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
    """Fails if a safeguard of an existing resource would be switched off, or may be."""

    def __init__(self) -> None:
        super().__init__(
            name="a safeguard against data loss would be removed",
            id="ORCH_WEAKENED",
            categories=[CheckCategories.BACKUP_AND_RECOVERY],
            supported_resources=["*"],
            guideline="restore the current value",
        )

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        """Compare current and planned values; the policy ``protected`` handles deletions."""
        change = Change.of(conf)
        if change.companion is not None:
            self.details = list(_companion_weakened(change, change.companion))
        elif change.protected is not None and change.action is Action.UPDATE:
            entry = change.protected
            self.details = [*_unprotected(change, entry), *_disabled(change, entry), *_shortened(change, entry)]
        return CheckResult.FAILED if self.details else CheckResult.PASSED


def _unprotected(change: Change, entry: ProtectedType) -> Iterator[str]:
    if entry.protection is not None:
        yield from _changed_from(change, entry.protection.attribute, entry.protection.value)


def _changed_from(change: Change, name: str, protecting: object) -> Iterator[str]:
    """Report an attribute that has its protecting value now, but would get another one."""
    if not _is(change.was(name), protecting):
        return
    if not change.is_known(name):
        yield f"{name} would change from {protecting!r} to a value known only after the apply"
    elif not _is(change.will_be(name), protecting):
        yield f"{name} would change from {protecting!r} to {change.will_be(name)!r}"


def _disabled(change: Change, entry: ProtectedType) -> Iterator[str]:
    for name, danger in entry.disarmed_by.items():
        if _is(change.was(name), danger):
            continue
        if not change.is_known(name):
            yield f"{name} would become a value known only after the apply"
        elif _is(change.will_be(name), danger):
            yield f"{name} would become {danger!r}"


def _shortened(change: Change, entry: ProtectedType) -> Iterator[str]:
    for name, zero in entry.shortened_by.items():
        before, after = change.was(name), change.will_be(name)
        if before is not None and not change.is_known(name):
            yield f"{name} would become a value known only after the apply"
        elif before is not None and after is not None and _days(after, zero) < _days(before, zero):
            yield f"{name} would change from {before!r} to {after!r}: older data would be lost"


def _days(value: Any, zero: str) -> float:
    return math.inf if value == 0 and zero == "forever" else float(value)


def _companion_weakened(change: Change, companion: Companion) -> Iterator[str]:
    """Report a companion resource that would be removed, or would no longer safeguard the protected one."""
    if change.deposed is not None or change.action is Action.CREATE:
        return
    if change.action in {Action.DELETE, Action.FORGET}:
        yield "the safeguard itself would be removed"
    elif companion.attribute is not None:
        yield from _changed_from(change, companion.attribute, companion.value)


def _is(value: Any, wanted: object) -> bool:
    """Return whether an attribute has a value; an unset one counts as false, but not as 0 or a string."""
    if wanted is False and value is None:
        return True
    return type(value) is type(wanted) and value == wanted


check = ProtectionStays()
