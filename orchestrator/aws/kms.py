"""The KMS key of a state bucket, as the S3 backend and IAM take it."""

from __future__ import annotations

from orchestrator.config.catalogue import Account
from orchestrator.util.partitions import partition_of


def key_for_backend(account: Account) -> str | None:
    """Return the key for ``kms_key_id``: Terraform's S3 backend accepts ids and ARNs, and no bare aliases.

    An alias becomes its ARN in the account and region of the bucket. None: the bucket's default encrypts.
    """
    key = account.state_kms_key
    if key is None or not key.startswith("alias/"):
        return key
    return f"arn:{partition_of(account.region)}:kms:{account.region}:{account.id}:{key}"
