"""What AWS refuses to delete, and what lets it go."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.rules.deletion_protection import refusals, switched_resources, switches
from orchestrator.terraform.model import Action, ResourceChange


def gone(type_: str, action: Action = Action.DELETE, **before: Any) -> ResourceChange:
    return ResourceChange(
        address=f"module.this.{type_}.this",
        type=type_,
        name="this",
        provider="aws",
        mode="managed",
        action=action,
        before=before,
    )


@pytest.mark.parametrize(
    ("change", "line"),
    [
        (gone("aws_cognito_user_pool", deletion_protection="ACTIVE"), "has deletion_protection = 'ACTIVE'"),
        (gone("aws_dynamodb_table", deletion_protection_enabled=True), "has deletion_protection_enabled = True"),
        (gone("aws_rds_cluster", deletion_protection=True, skip_final_snapshot=True), "has deletion_protection = True"),
        (gone("aws_lb", enable_deletion_protection=True), "has enable_deletion_protection = True"),
        (gone("aws_instance", disable_api_termination=True), "has disable_api_termination = True"),
        (
            gone("aws_db_instance", skip_final_snapshot=False, final_snapshot_identifier=None),
            "has skip_final_snapshot = False, but no final_snapshot_identifier",
        ),
    ],
)
def test_what_is_protected_is_refused(change: ResourceChange, line: str) -> None:
    assert list(refusals([change])) == [f"{change.type}.this {line}"]


@pytest.mark.parametrize(
    "change",
    [
        gone("aws_cognito_user_pool", deletion_protection="INACTIVE"),
        gone("aws_dynamodb_table", deletion_protection_enabled=False),
        gone("aws_lb", enable_deletion_protection=None),
        gone("aws_db_instance", skip_final_snapshot=False, final_snapshot_identifier="last"),
        gone("aws_dynamodb_table", Action.UPDATE, deletion_protection_enabled=True),
        gone("aws_s3_bucket", force_destroy=False),
        gone("aws_x", deletion_protection=1),
    ],
)
def test_what_is_not_protected_is_not_refused(change: ResourceChange) -> None:
    assert list(refusals([change])) == []


LISTED = Protected.read(Path(__file__).parents[4] / "policies/protected.yaml").types
PROTECTIONS = {name: entry.protection for name, entry in LISTED.items() if entry.protection is not None}
KEPT_ON_PURPOSE = {"aws_organizations_account"}
"""Its ``close_on_deletion`` closes the account, which nobody can undo; without it the account only leaves the state."""


@pytest.mark.parametrize("name", sorted(PROTECTIONS.keys() - KEPT_ON_PURPOSE))
def test_every_protection_of_the_list_is_known(name: str) -> None:
    """What protects a type from its deletion is switched off first, and what AWS refuses is said before."""
    protection = PROTECTIONS[name]
    before: dict[str, Any] = {protection.attribute: protection.value}
    assert protection.attribute in switches(name, before)
    assert bool(list(refusals([gone(name, **before)]))) == (protection.value is not False)


def test_the_switches_of_a_resource() -> None:
    assert switches("aws_cognito_user_pool", {"deletion_protection": "ACTIVE", "name": "x"}) == {
        "deletion_protection": "INACTIVE"
    }
    assert switches("aws_s3_bucket", {"force_destroy": None}) == {"force_destroy": True}
    assert switches("aws_db_instance", {"deletion_protection": True, "skip_final_snapshot": False}) == {
        "deletion_protection": False,
        "skip_final_snapshot": True,
    }
    assert switches("aws_secretsmanager_secret", {"recovery_window_in_days": 30}) == {"recovery_window_in_days": 0}
    assert switches("aws_secretsmanager_secret", {"recovery_window_in_days": None}) == {"recovery_window_in_days": 0}
    assert switches("aws_secretsmanager_secret", {"recovery_window_in_days": 0}) == {}
    assert switches("aws_cloudwatch_log_group", {"skip_destroy": True}) == {"skip_destroy": False}
    assert switches("aws_s3_bucket", {"force_destroy": True}) == {}
    assert switches("aws_dynamodb_table", {"deletion_protection_enabled": False}) == {}
    assert switches("aws_lambda_layer_version", {"skip_destroy": True}) == {}, "changing it would replace the layer"
    assert switches("aws_cloudwatch_log_group", {"skip_destroy": None}) == {}


def test_what_a_plan_deletes_or_replaces_is_switched_off_first() -> None:
    changes = [
        gone("aws_dynamodb_table", Action.REPLACE, deletion_protection_enabled=True),
        gone("aws_s3_bucket", force_destroy=False),
        gone("aws_lb", Action.UPDATE, enable_deletion_protection=True),
        gone("aws_sqs_queue", name="x"),
    ]
    assert switched_resources(changes) == ("module.this.aws_dynamodb_table.this", "module.this.aws_s3_bucket.this")
