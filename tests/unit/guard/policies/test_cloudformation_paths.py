"""What the list says about CloudFormation is in the schemas that cfn-lint has: a path that is not there protects nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from cfnlint.schema import PROVIDER_SCHEMA_MANAGER

from orchestrator.guard.policies.protected import Protected

LISTED = Protected.read(Path(__file__).parents[4] / "policies/protected.yaml").types
IN_TEMPLATES = {name: entry for name, entry in LISTED.items() if entry.cloudformation}

TERRAFORM_ONLY = {
    *("SkipFinalSnapshot", "SkipFinalBackup", "FinalSnapshot", "ForceDestroy", "ForceDelete", "CloseOnDeletion"),
    *("ForceOverwriteReplicaSecret", "BypassSnaplockEnterpriseRetention", "SkipDeletionCheck"),
    *(
        "RetentionPolicy.HomeEfsFileSystem",
        "RecoveryWindowInDays",
        "DeletionWindowInDays",
        "PermanentDeletionTimeInDays",
    ),
    "EnforceConsumerDeletion",
}
"""Arguments for a deletion by Terraform; CloudFormation has its ``DeletionPolicy``."""

ELSEWHERE = {
    "aws_s3_bucket": {"Versioning.Enabled", "LifecycleRule", "Policy"},
    "aws_secretsmanager_secret": {"Policy"},
    "aws_sqs_queue": {"Policy"},
    "aws_s3control_bucket": {"Rule"},
    "aws_dynamodb_table": {"Replica", "Replica[RegionName].PointInTimeRecovery"},
    "aws_keyspaces_table": {"PointInTimeRecovery.Status"},
    "aws_kms_replica_key": {"BypassPolicyLockoutSafetyCheck"},
    "aws_acmpca_certificate_authority": {"Enabled"},
    "aws_fsx_lustre_file_system": {"AutomaticBackupRetentionDays"},
}
"""What another property or type of CloudFormation is for, which the list has too, or what it does not have at all."""


@pytest.mark.parametrize("name", IN_TEMPLATES)
def test_every_path_of_a_protected_type_is_in_its_schema(name: str) -> None:
    entry = IN_TEMPLATES[name]
    schemas = [schema(kind) for kind in entry.cloudformation]
    missing = {path for path in entry.template_safeguards if not any(has(each, each, path) for each in schemas)}
    assert missing - TERRAFORM_ONLY == ELSEWHERE.get(name, set()) - TERRAFORM_ONLY


def test_every_path_of_a_companion_is_in_its_schema() -> None:
    companions = [each for entry in LISTED.values() for each in entry.companions.values() if each.cloudformation]
    assert companions
    for each in companions:
        assert each.cloudformation is not None
        found, own = schema(each.cloudformation.type), each.in_template
        assert all(has(found, found, path) for path in (own.of, *own.attributes)), each


def schema(kind: str) -> Mapping[str, Any]:
    """The schema of a type of CloudFormation."""
    found: Mapping[str, Any] = PROVIDER_SCHEMA_MANAGER.get_resource_schema("us-east-1", kind).schema
    return found


def has(root: Mapping[str, Any], node: Mapping[str, Any], path: str) -> bool:
    """Whether a schema has a property at a path; ``A[K].B`` goes through the elements of a list."""
    if "$ref" in node:
        found: Any = root
        for step in node["$ref"].removeprefix("#/").split("/"):
            found = found[step]
        return has(root, found, path)
    if not path:
        return True
    if "items" in node and "properties" not in node:
        return has(root, node["items"], path)
    step, _, rest = path.partition(".")
    name, _, key = step.removesuffix("]").partition("[")
    inner = node.get("properties", {}).get(name)
    if inner is not None:
        return has(root, inner, rest) and (not key or has(root, inner, key))
    return any(has(root, each, path) for kind in ("oneOf", "anyOf", "allOf") for each in node.get(kind, ()))
