from __future__ import annotations

import json
from dataclasses import fields
from pathlib import Path
from typing import Any

import pytest
from pydantic import BaseModel

from orchestrator.errors import CatalogueError
from orchestrator.guard.checkov.annotate import _dump
from orchestrator.guard.policies import protected_file
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.policies.protected_types import Companion, ProtectedType, Protection, TemplateType
from orchestrator.guard.policies.safeguards import Safeguard

ROOT = Path(__file__).parents[4]
NOT_IN_CLOUDFORMATION = """\
ami ami_copy ami_from_instance athena_database chimesdkvoice_voice_profile_domain cloudcontrolapi_resource
cloudformation_stack_instances cloudformation_stack_set_instance cloudhsm_v2_cluster cloudsearch_domain
codecatalyst_source_repository config_retention_configuration dataexchange_data_set db_cluster_snapshot
db_instance_automated_backups_replication db_snapshot db_snapshot_copy docdb_cluster_snapshot
dynamodb_global_table dynamodb_table_replica ebs_snapshot ebs_snapshot_copy ebs_snapshot_import
finspace_kx_database finspace_kx_environment finspace_kx_volume fsx_backup fsx_file_cache fsx_ontap_file_system
fsx_openzfs_file_system fsx_openzfs_volume fsx_windows_file_system glacier_vault identitystore_user
kms_custom_key_store kms_external_key kms_replica_external_key memorydb_snapshot neptune_cluster_snapshot
neptune_global_cluster quicksight_account_subscription quicksight_namespace quicksight_user
rds_cluster_snapshot_copy redshift_cluster_snapshot redshiftserverless_snapshot route53_delegation_set
route53domains_domain secretsmanager_secret_version simpledb_domain ssm_parameter
storagegateway_cached_iscsi_volume storagegateway_gateway storagegateway_stored_iscsi_volume"""
"""Cloud Control has resources of any type; CloudFormation has none of the others, or has them under another one's name."""

GOOD = "aws_x:\n  lost: everything in it\n  severity: data\n  delete_apis: [x:DeleteX]\n"


def test_the_list_has_every_type_that_must_be_on_it() -> None:
    listed = Protected.read(ROOT / "policies/protected.yaml")
    wanted = """cognito_user_pool cognito_user_pool_domain cognito_user_pool_client cognito_identity_pool dynamodb_table
        s3_bucket db_instance rds_cluster kms_key efs_file_system opensearch_domain secretsmanager_secret ecr_repository
        route53_zone cloudformation_stack backup_vault cloudwatch_log_group organizations_account"""
    assert {f"aws_{each}" for each in wanted.split()} <= listed.types.keys()


def test_the_entry_of_the_user_pool_is_complete() -> None:
    pool = Protected.read(ROOT / "policies/protected.yaml").types["aws_cognito_user_pool"]
    assert pool.protection is not None
    assert (pool.protection.attribute, pool.protection.value) == ("deletion_protection", "ACTIVE")
    assert pool.replaced_by["schema"] == "removal"
    assert {"alias_attributes", "username_attributes"} <= pool.replaced_by.keys()
    assert {"deletion_protection", "schema"} <= pool.safeguards.keys() | pool.replaced_by.keys()


def test_every_type_has_its_names_in_cloudformation_and_no_two_share_one() -> None:
    types = Protected.read(ROOT / "policies/protected.yaml").types
    nameless = {name.removeprefix("aws_") for name, entry in types.items() if not entry.cloudformation}
    assert nameless == set(NOT_IN_CLOUDFORMATION.split())
    names = [each for entry in types.values() for each in entry.cloudformation]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        (GOOD + "  losses: x\n", "5:3", "unknown key"),
        ("aws_x:\n  severity: data\n  delete_apis: [x:DeleteX]\n", "1:1", "is missing"),
        ("aws_x:\n  lost: everything in it\n  severity: data\n", "1:1", "is missing"),
        ("aws_x:\n  lost: everything in it.\n  severity: data\n  delete_apis: [x:DeleteX]\n", "2:3", "no period"),
        (
            "aws_x:\n  lost: everything in it\n  severity: data\n  delete_apis: [x:DeleteX, DeleteX]\n",
            "4:28",
            "service:Action",
        ),
        (GOOD + "  protection: {attribute: a}\n", "5:3", "is missing"),
        (GOOD + "  protection: {attribute: a, value: [1]}\n", "5:30", "true or false"),
        (GOOD + "  replaced_by: {schema: sometimes}\n", "5:17", "removal"),
        (GOOD + "  attributes: {a..b: {never: 0}}\n", "5:16", "is invalid"),
        (GOOD + "  attributes: {a: {}}\n", "5:16", "exactly one of keep, never"),
        (GOOD + "  attributes: {a: {keep: 1, never: 0}}\n", "5:16", "exactly one of keep, never"),
        (GOOD + "  attributes: {a: {no_new: rule}}\n", "5:20", "expiration"),
        (GOOD + "  severity: high\n", "5:3", "duplicate key"),
        (GOOD.replace("data", "high"), "3:3", "identity"),
        (GOOD + "  companions: {aws_y: {attributes: {a: {keep: 1}}}}\n", "5:16", "is missing"),
        (GOOD + "  cloudformation: [Cognito::UserPool]\n", "5:20", "is invalid"),
        (GOOD + "Aws-X:\n  lost: all\n  severity: data\n  delete_apis: [x:DeleteX]\n", "5:1", "is invalid"),
        (GOOD + GOOD, "5:1", "duplicate key"),
        ("aws_x: [\n", "2:1", "invalid YAML"),
        ("aws_x: !!python/object/apply:os.abort []\n", "1:8", "unsupported tag"),
        ("aws_x: []\n", "1:1", "map of keys"),
        ("", "1", "empty"),
        ("- a\n", "1", "empty"),
    ],
)
def test_a_mistake_is_reported_with_its_location(tmp_path: Path, text: str, where: str, what: str) -> None:
    file = tmp_path / "protected.yaml"
    file.write_text(text)
    with pytest.raises(CatalogueError) as caught:
        Protected.read(file, shown_as="policies/protected.yaml")
    first = caught.value.problems[0]
    assert str(first.where) == f"policies/protected.yaml:{where}"
    assert what in first.what


@pytest.mark.parametrize("data", [b"\xff\xfe\x00", b"\x00"])
def test_a_file_that_is_not_text_is_an_error(tmp_path: Path, data: bytes) -> None:
    file = tmp_path / "protected.yaml"
    file.write_bytes(data)
    with pytest.raises(CatalogueError):
        Protected.read(file)


def test_a_missing_list_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="cannot read"):
        Protected.read(tmp_path / "protected.yaml")


def test_every_mistake_is_reported_at_once(tmp_path: Path) -> None:
    file = tmp_path / "protected.yaml"
    file.write_text(
        "aws_x:\n  lst: a\n  severity: data\naws_y:\n  lost: all of it\n  severity: data\n  delete_apis: [bad]\n"
    )
    with pytest.raises(CatalogueError) as caught:
        Protected.read(file)
    assert len(caught.value.problems) == 4


@pytest.mark.parametrize(
    ("model", "record"),
    [
        (protected_file._Safeguard, Safeguard),
        (protected_file._Protection, Protection),
        (protected_file._TemplateType, TemplateType),
        (protected_file._Companion, Companion),
        (protected_file._ProtectedType, ProtectedType),
    ],
)
def test_a_record_has_what_its_model_allows(model: type[BaseModel], record: Any) -> None:
    assert {each.name for each in fields(record)} == model.model_fields.keys()


def test_what_a_policy_gets_of_an_entry_is_the_entry() -> None:
    listed = Protected.read(ROOT / "policies/protected.yaml")
    for entry in listed.types.values():
        assert ProtectedType.of_data(json.loads(json.dumps(_dump(entry)))) == entry
        for companion in entry.companions.values():
            assert Companion.of_data(json.loads(json.dumps(_dump(companion.in_template)))) == companion.in_template


def test_an_empty_value_is_one_that_is_not_given(tmp_path: Path) -> None:
    file = tmp_path / "protected.yaml"
    file.write_text(GOOD + "  protection: null\n  companions: {aws_y: {of: x, cloudformation: null}}\n")
    entry = Protected.read(file).types["aws_x"]
    assert (entry.protection, entry.companions["aws_y"].cloudformation) == (None, None)
