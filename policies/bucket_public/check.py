"""Buckets must not become public: neither by their public access block nor by an ACL, canned or of grants."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from orchestrator.guard.checkov.annotate import Change
from orchestrator.guard.policies.values import Mark
from orchestrator.terraform.model import Action

BLOCKS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
PUBLIC_GROUPS = ("/AllUsers", "/AuthenticatedUsers")
PUBLIC_ACLS = ("public-read", "public-read-write", "authenticated-read")


class BucketStaysPrivate(BaseResourceCheck):  # type: ignore[misc]  # checkov is not followed by mypy
    """Fails for a public access block that is incomplete or removed, and for a public ACL."""

    def __init__(self) -> None:
        super().__init__(
            name="the bucket could become public",
            id="ORCH_BUCKET_PUBLIC",
            categories=[CheckCategories.GENERAL_SECURITY],
            supported_resources=["aws_s3_bucket_public_access_block", "aws_s3_bucket_acl", "aws_s3_bucket"],
            guideline="set all four attributes of aws_s3_bucket_public_access_block to true; grant nothing to everyone",
        )

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        """Examine the planned values, and the removal of an access block."""
        change = Change.of(conf)
        blocks = change.type == "aws_s3_bucket_public_access_block"
        self.details = list(_block(change) if blocks else _acl(change))
        return CheckResult.FAILED if self.details else CheckResult.PASSED


def _block(change: Change) -> Iterator[str]:
    if not change.stays:
        if not change.owner_goes:
            yield "the public access block would be removed"
        return
    # An unknown bucket replaces the block: the provider never changes it in place.
    known = bool(change.before) and change.is_known("bucket")
    moves = known and change.before.get("bucket") != change.after.get("bucket")
    if (moves or change.action is Action.REPLACE) and not change.owner_goes:
        yield "the public access block would be replaced, and the removal of the old one switches it off"
    for name in BLOCKS:
        if not change.is_known(name):
            yield f"the value of {name} is {Mark.UNKNOWN.value}"
        elif change.after.get(name) is not True:
            yield f"{name} would be off"


def _acl(change: Change) -> Iterator[str]:
    acl = change.after.get("acl")
    if acl in PUBLIC_ACLS:
        yield f"the ACL would be {acl}"
    for name, uri in _grants(change.after):
        if isinstance(uri, str) and uri.endswith(PUBLIC_GROUPS):
            yield f"{name} would give access to {uri.rpartition('/')[2]}"


def _grants(after: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Yield the group of each grant: of a bucket's own block, and of the policy in an ACL."""
    for grant in after.get("grant") or ():
        yield "grant", grant.get("uri")
    for policy in after.get("access_control_policy") or ():
        for grant in policy.get("grant") or ():
            for grantee in grant.get("grantee") or ():
                yield "access_control_policy", grantee.get("uri")


check = BucketStaysPrivate()
