"""checkov's documented check for deletions, for the comparison in `make escapes`.

checkov's documentation, "Terraform Plan Scanning", section "Deleted resources" (www.checkov.io/7.Scan Examples): "the
change actions values can be accessed via the attribute name `__change_actions__`", with this very method as its example.
checkov's own runner loads this file; orch does not.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck
from ruamel.yaml import YAML

PROTECTED = Path(__file__).parents[3] / "policies" / "protected.yaml"


class Kept(BaseResourceCheck):  # type: ignore[misc]  # checkov is not followed by mypy
    """Fails on a protected resource whose change actions contain "delete"."""

    def __init__(self) -> None:
        super().__init__(
            name="protected resources are kept",
            id="CUSTOM_KEPT",
            categories=[CheckCategories.BACKUP_AND_RECOVERY],
            supported_resources=list(YAML(typ="rt").load(PROTECTED)),
        )

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        """Check the actions, as in the documentation."""
        actions = conf.get("__change_actions__")
        if isinstance(actions, list) and "delete" in actions:
            return CheckResult.FAILED
        return CheckResult.PASSED


check = Kept()
