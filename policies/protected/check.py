"""Protected resources must not be deleted, replaced or forgotten. ``policies/protected.yaml`` lists them."""

from __future__ import annotations

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from orchestrator.guard.checkov.annotate import Change
from orchestrator.terraform.model import Action

LOSING = {Action.DELETE, Action.REPLACE, Action.FORGET}


class ProtectedStays(BaseResourceCheck):  # type: ignore[misc]  # checkov is not followed by mypy
    """Fails for every change that loses a protected resource."""

    def __init__(self) -> None:
        super().__init__(
            name="a protected resource would be lost",
            id="ORCH_PROTECTED",
            categories=[CheckCategories.BACKUP_AND_RECOVERY],
            supported_resources=["*"],
            guideline="keep it; if only its address changes, add a `moved` entry",
        )

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        """Examine the action, not the planned values."""
        change = Change.of(conf)
        if change.protected is None:
            return CheckResult.PASSED
        vanishes = bool(change.before) and not change.stays
        if change.action is Action.REPLACE and change.protected.replaceable and change.stays:
            return CheckResult.PASSED
        if change.action in {Action.DELETE, Action.REPLACE} and change.protected.is_kept(change.before):
            return CheckResult.PASSED
        return CheckResult.FAILED if vanishes or change.action in LOSING else CheckResult.PASSED


check = ProtectedStays()
