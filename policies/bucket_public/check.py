"""No bucket is opened to the public: neither by its access block, nor by a canned ACL."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from orchestrator.guard.checkov.annotate import Change

BLOCKS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")


class BucketStaysPrivate(BaseResourceCheck):  # type: ignore[misc]  # checkov is not followed by mypy
    """Fails on an access block that is not whole or goes away, and on an ACL that lets everybody in."""

    def __init__(self) -> None:
        super().__init__(
            name="the bucket could be read or written by the public",
            id="ORCH_BUCKET_PUBLIC",
            categories=[CheckCategories.GENERAL_SECURITY],
            supported_resources=["aws_s3_bucket_public_access_block", "aws_s3_bucket_acl", "aws_s3_bucket"],
            guideline="set all four attributes of aws_s3_bucket_public_access_block to true, and use no public ACL",
        )

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        """Look at what will be there; for an access block that goes, at its going."""
        change = Change.of(conf)
        blocks = change.type == "aws_s3_bucket_public_access_block"
        self.details = list(_block(change) if blocks else _acl(change))
        return CheckResult.FAILED if self.details else CheckResult.PASSED


def _block(change: Change) -> Iterator[str]:
    if not change.after:
        if change.deposed is None:
            yield "the public access block would be removed"
        return
    for name in BLOCKS:
        if not change.is_known(name):
            yield f"{name} would be a value that is not known yet"
        elif change.after.get(name) is not True:
            yield f"{name} would not be true"


def _acl(change: Change) -> Iterator[str]:
    acl = change.after.get("acl")
    if acl in PUBLIC_ACLS:
        yield f"the ACL would be {acl}"


check = BucketStaysPrivate()
