"""The import IDs of resources that are known before the resources are: their names, URLs and ARNs.

Source: "Import" on the page of each resource in the documentation of the AWS provider 5.100.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from orchestrator.config.catalogue import Account
from orchestrator.util.partitions import dns_suffix_of, partition_of

_ATTRIBUTES: Mapping[str, str] = {
    "aws_backup_vault": "name",
    "aws_cloudformation_stack": "name",
    "aws_cloudwatch_dashboard": "dashboard_name",
    "aws_cloudwatch_log_group": "name",
    "aws_cloudwatch_metric_alarm": "alarm_name",
    "aws_codebuild_project": "name",
    "aws_codepipeline": "name",
    "aws_cognito_user_pool_domain": "domain",
    "aws_db_instance": "identifier",
    "aws_db_parameter_group": "name",
    "aws_db_subnet_group": "name",
    "aws_dynamodb_table": "name",
    "aws_ecr_repository": "name",
    "aws_ecs_cluster": "name",
    "aws_eks_cluster": "name",
    "aws_elasticache_replication_group": "replication_group_id",
    "aws_elasticache_subnet_group": "name",
    "aws_iam_account_alias": "account_alias",
    "aws_iam_group": "name",
    "aws_iam_instance_profile": "name",
    "aws_iam_role": "name",
    "aws_iam_user": "name",
    "aws_key_pair": "key_name",
    "aws_kinesis_stream": "name",
    "aws_kms_alias": "name",
    "aws_lambda_function": "function_name",
    "aws_rds_cluster": "cluster_identifier",
    "aws_s3_bucket": "bucket",
    "aws_ssm_parameter": "name",
}
"""Type -> the attribute that is the import ID."""

_TEMPLATES: Mapping[str, tuple[str, str]] = {
    "aws_iam_openid_connect_provider": ("url", "arn:{partition}:iam::{account}:oidc-provider/{value}"),
    "aws_iam_policy": ("name", "arn:{partition}:iam::{account}:policy{path}{value}"),
    "aws_iam_saml_provider": ("name", "arn:{partition}:iam::{account}:saml-provider/{value}"),
    "aws_sfn_state_machine": ("name", "arn:{partition}:states:{region}:{account}:stateMachine:{value}"),
    "aws_sns_topic": ("name", "arn:{partition}:sns:{region}:{account}:{value}"),
    "aws_sqs_queue": ("name", "https://sqs.{region}.{domain}/{account}/{value}"),
}
"""Type -> the attribute that the import ID contains, and the ID."""


def import_id(kind: str, attributes: Mapping[str, Any], account: Account, region: str) -> str:
    """Return the import ID of a resource; empty if only AWS knows it, or an attribute is not known.

    Args:
        kind: the type of the resource.
        attributes: its planned attributes.
        account: the account that it is in.
        region: the region that it is in.
    """
    name, template = _TEMPLATES.get(kind, (_ATTRIBUTES.get(kind, ""), "{value}"))
    value = attributes.get(name)
    if not isinstance(value, str) or not value:
        return ""
    return template.format(
        value=value.removeprefix("https://") if name == "url" else value,
        path=attributes.get("path") or "/",
        account=account.id,
        region=region,
        partition=partition_of(region),
        domain=dns_suffix_of(region),
    )
