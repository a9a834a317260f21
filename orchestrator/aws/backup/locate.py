"""From a resource in a plan to the thing in AWS: what AWS calls it, in which account and region."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.config.catalogue import Catalogue, Unit

_NAMED_BY = {
    "aws_cognito_user_pool": "id",
    "aws_dynamodb_table": "name",
    "aws_s3_bucket": "bucket",
    "aws_db_instance": "identifier",
    "aws_rds_cluster": "cluster_identifier",
}
"""Type -> the attribute that AWS's API knows it by."""


@dataclass(frozen=True, slots=True)
class ResourceLocation:
    """One thing in AWS.

    Attributes:
        type: Terraform's type of it.
        id: what the API of its service calls it.
        account: the account's name in ``live/accounts``.
        region: where it is.
    """

    type: str
    id: str
    account: str
    region: str


def locate_resource(
    catalogue: Catalogue, unit: Unit, type_: str, attributes: Mapping[str, Any] | None
) -> ResourceLocation | None:
    """Where a resource is.

    Args:
        catalogue: knows the accounts.
        unit: whose resource it is: its account and region hold where the attributes do not say.
        type_: the resource's type.
        attributes: as they are now; a further provider of a unit may have made it elsewhere, which its ARN says.

    Returns:
        None for a type that is not known here, and when it is not told what AWS calls it.
    """
    given = attributes or {}
    id_ = given.get(_NAMED_BY.get(type_, ""))
    if not isinstance(id_, str) or not id_:
        return None
    arn = given.get("arn")
    parts = arn.split(":") if isinstance(arn, str) and arn.startswith("arn:") else []
    region, number = (parts[3], parts[4]) if len(parts) > 5 else ("", "")
    if not region and isinstance(given.get("region"), str):
        region = str(given["region"])  # a bucket's ARN does not say
    account = next((each.name for each in catalogue.accounts.values() if each.id == number), unit.account)
    return ResourceLocation(type=type_, id=id_, account=account, region=region or unit.region)
