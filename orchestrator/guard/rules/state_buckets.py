"""No resource may reach into a state bucket: states, ledgers and receipts are orch's and Terraform's own to write.

The apply role must be able to write there, because Terraform writes its state under it. So IAM cannot tell an
``aws_s3_object`` that overwrites another unit's state from Terraform's own write; the plan can.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from orchestrator.terraform.model import Action, ResourceChange

_OWN_KEYS = re.compile(r"terraform\.tfstate|\.tflock$|^(?:ledger|receipts|outputs|copies)/")
"""Keys that only orch and Terraform give to objects; asked where the bucket's name is not known before the apply."""


def state_bucket_access(
    changes: Iterable[ResourceChange], buckets: frozenset[str]
) -> Iterator[tuple[ResourceChange, str]]:
    """The changes of S3 resources that lie in a state bucket or may lie in one, each with the reason in words.

    Args:
        changes: of a plan.
        buckets: the names of all state buckets of the catalogue.
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
                return f"its bucket is {name}, which holds states"
    if unknown.get("bucket") is not True:
        return ""
    key = (change.after or {}).get("key")
    if unknown.get("key") is True or (isinstance(key, str) and _OWN_KEYS.search(key)):
        shown = "a key that is not known yet" if not isinstance(key, str) else f"the key {key}"
        return f"its bucket is not known before the apply, and it has {shown}, as objects of a state bucket have"
    return ""


def _names(values: Mapping[str, Any]) -> Iterator[str]:
    """The bucket that a resource is in, and the one that an access point or a copy is about, as names."""
    for attribute in ("bucket", "bucket_name", "id"):
        value = values.get(attribute)
        if isinstance(value, str):
            yield value.removeprefix("arn:aws:s3:::").split("/")[0].split(",")[0]
