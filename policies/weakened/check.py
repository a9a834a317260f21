"""The safeguards of protected resources must stay: without them, a later change could lose the data."""

from __future__ import annotations

from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from orchestrator.guard.checkov.annotate import Change
from orchestrator.guard.rules.weakened import safeguards_lost


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
        """Compare current and planned values by the list; the policy ``protected`` handles deletions."""
        self.details = list(dict.fromkeys(safeguards_lost(Change.of(conf))))
        return CheckResult.FAILED if self.details else CheckResult.PASSED


check = ProtectionStays()
