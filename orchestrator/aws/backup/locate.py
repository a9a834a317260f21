"""Locate a resource of a plan in AWS: its ID in the API, its account and its region."""

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
    "aws_backup_vault": "name",
    "aws_cloudformation_stack": "name",
    "aws_cloudformation_stack_set": "name",
    "aws_cloudwatch_log_group": "name",
    "aws_cognito_identity_pool": "id",
    "aws_cognito_user_group": "id",
    "aws_ecr_repository": "name",
    "aws_efs_file_system": "id",
    "aws_glacier_vault": "name",
    "aws_iam_user": "name",
    "aws_route53_zone": "id",
    "aws_sqs_queue": "id",
}
"""Resource type -> the attribute that identifies it in the API."""


@dataclass(frozen=True, slots=True)
class ResourceLocation:
    """One resource in AWS.

    Attributes:
        type: Terraform resource type.
        id: its ID in the API of its service.
        account: name of the account in ``live/accounts``.
        region: AWS region.
    """

    type: str
    id: str
    account: str
    region: str


def locate_resource(
    catalogue: Catalogue, unit: Unit, type_: str, attributes: Mapping[str, Any] | None
) -> ResourceLocation | None:
    """Return where a resource is.

    Args:
        catalogue: the configuration, with the accounts.
        unit: the unit of the resource. Its account and region apply unless the attributes name others.
        type_: the resource type.
        attributes: the current attributes; the ARN shows whether an additional provider created it elsewhere.

    Returns:
        None if the type or the ID is unknown.
    """
    given = attributes or {}
    id_ = given.get(_NAMED_BY.get(type_, ""))
    if not isinstance(id_, str) or not id_:
        return None
    arn = given.get("arn")
    parts = arn.split(":") if isinstance(arn, str) and arn.startswith("arn:") else []
    region, number = (parts[3], parts[4]) if len(parts) > 5 else ("", "")
    if not region and isinstance(given.get("region"), str):
        region = str(given["region"])  # the ARN of a bucket has no region
    account = next((each.name for each in catalogue.accounts.values() if each.id == number), unit.account)
    return ResourceLocation(type=type_, id=id_, account=account, region=region or unit.region)
