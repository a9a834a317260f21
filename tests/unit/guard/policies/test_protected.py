from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import CatalogueError
from orchestrator.guard.policies.protected import Protected

ROOT = Path(__file__).parents[4]
GOOD = "aws_x:\n  lost: everything in it\n  delete_apis: [x:DeleteX]\n"


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
    assert {"deletion_protection", "schema"} <= pool.attributes


def test_every_type_has_its_names_in_cloudformation_and_no_two_share_one() -> None:
    types = Protected.read(ROOT / "policies/protected.yaml").types
    # A resource of Cloud Control is of any type, so in CloudFormation it is of none.
    nameless = {name for name, entry in types.items() if not entry.cloudformation}
    assert nameless == {"aws_cloudcontrolapi_resource"}
    names = [each for entry in types.values() for each in entry.cloudformation]
    assert len(names) == len(set(names))


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        (GOOD + "  losses: x\n", "4:3", "unknown key"),
        ("aws_x:\n  delete_apis: [x:DeleteX]\n", "1:1", "is missing"),
        ("aws_x:\n  lost: everything in it\n", "1:1", "is missing"),
        ("aws_x:\n  lost: everything in it.\n  delete_apis: [x:DeleteX]\n", "2:3", "no period"),
        ("aws_x:\n  lost: everything in it\n  delete_apis: []\n", "3:3", "at least one"),
        ("aws_x:\n  lost: everything in it\n  delete_apis: [x:DeleteX, DeleteX]\n", "3:28", "service:Action"),
        (GOOD + "  protection: {attribute: a}\n", "4:3", "is missing"),
        (GOOD + "  protection: {attribute: a, value: [1]}\n", "4:30", "true or false"),
        (GOOD + "  replaced_by: {schema: sometimes}\n", "4:17", "removal"),
        (GOOD + "  disarmed_by: {a..b: 0}\n", "4:17", "is invalid"),
        (GOOD + "  shortened_by: {days: soon}\n", "4:18", "none"),
        (GOOD + "  cloudformation: [Cognito::UserPool]\n", "4:20", "is invalid"),
        (GOOD + "Aws-X:\n  lost: all\n  delete_apis: [x:DeleteX]\n", "4:1", "is invalid"),
        (GOOD + GOOD, "4:1", "duplicate key"),
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
    file.write_text("aws_x:\n  lst: a\naws_y:\n  lost: all of it\n  delete_apis: [bad]\n")
    with pytest.raises(CatalogueError) as caught:
        Protected.read(file)
    assert len(caught.value.problems) == 4
