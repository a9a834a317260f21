"""The protection of a protected resource may not be taken away: it is how the next plan gets past everything else."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from orchestrator.guard.marks import Change
from orchestrator.terraform.records import Action


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
        if change.protected is None or change.action is not Action.UPDATE:
            return CheckResult.PASSED
        self.details = [*_taken_away(change), *_disarmed(change)]
        return CheckResult.FAILED if self.details else CheckResult.PASSED


def _taken_away(change: Change) -> Iterator[str]:
    protection = change.protected.protection if change.protected else None
    if protection is None:
        return
    name, armed = protection.attribute, protection.value
    if not _is(change.before.get(name), armed):
        return
    if not change.is_known(name):
        yield f"{name} is {armed!r} and would be a value that is not known yet"
    elif not _is(change.after.get(name), armed):
        yield f"{name} would go from {armed!r} to {change.after.get(name)!r}"


def _disarmed(change: Change) -> Iterator[str]:
    for name, danger in change.protected.disarmed_by.items() if change.protected else ():
        if _is(change.before.get(name), danger):
            continue
        if not change.is_known(name):
            yield f"{name} would be a value that is not known yet"
        elif _is(change.after.get(name), danger):
            yield f"{name} would become {danger!r}"


def _is(value: Any, wanted: object) -> bool:
    """Whether an attribute has a value; one that is not set counts as false, but neither as 0 nor as a text."""
    if wanted is False and value is None:
        return True
    return type(value) is type(wanted) and value == wanted


check = ProtectionStays()
