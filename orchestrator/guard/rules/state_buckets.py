"""Finds resources that access a state bucket. Only orch and Terraform may write states, ledgers and receipts.

The apply role needs write access to the bucket, because Terraform saves its state there. So IAM cannot stop an
``aws_s3_object`` from overwriting the state of another unit; the plan shows it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestrator.terraform.model import Action, ResourceChange

_OWN_KEYS = re.compile(r"terraform\.tfstate|\.tflock$|^(?:ledger|receipts|outputs|copies)/")
"""Object keys that only orch and Terraform use; checked if the bucket name is known only after the apply."""

_S3_ARN = re.compile(r"^arn:[a-z-]+:s3:::")


def state_bucket_access(
    changes: Iterable[ResourceChange], buckets: frozenset[str]
) -> Iterator[tuple[ResourceChange, str]]:
    """Yield the S3 changes that are in a state bucket or may be, each with the reason.

    Args:
        changes: the changes of a plan.
        buckets: the names of all state buckets of the configuration.
    """
    for change in changes:
        if change.type.startswith("aws_s3") and change.action is not Action.READ:
            why = _why(change, buckets)
            if why:
                yield change, why


def _why(change: ResourceChange, buckets: frozenset[str]) -> str:
    unknown = change.after_unknown if isinstance(change.after_unknown, Mapping) else {}
    for values in (change.before or {}, change.after or {}):
        for name in _names(values):
            if name in buckets:
                return f"its bucket {name} is a state bucket"
    if unknown.get("bucket") is not True:
        return ""
    key = (change.after or {}).get("key")
    if unknown.get("key") is True or (isinstance(key, str) and _OWN_KEYS.search(key)):
        shown = "an unknown key" if not isinstance(key, str) else f"the key {key}"
        return f"its bucket is known only after the apply, and {shown} could be that of an object in a state bucket"
    return ""


def _names(values: Mapping[str, Any]) -> Iterator[str]:
    """Yield the names of the buckets that a resource is in or refers to."""
    for attribute in ("bucket", "bucket_name", "id"):
        value = values.get(attribute)
        if isinstance(value, str):
            yield _S3_ARN.sub("", value).split("/")[0].split(",")[0]
