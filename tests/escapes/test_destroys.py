"""Items 1 and 4: destroys under waivers: one that AWS itself refuses, and one that failed half-way."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest

from tests.escapes.test_judge import SECURITY, WAIVERS
from tests.support.escapes import POOL, World
from tests.support.project import WAIVER

pytestmark = pytest.mark.integration
AGAINST = "careless"

LEFT = "feat/stuck/eu-west-1/terraform.tfstate"
LISTED = "\nterraform_data:\n  lost: all that was put into it\n  severity: data\n  delete_apis: ['none:Delete']\n"
STUCK = """\
resource "terraform_data" "base" {
  provisioner "local-exec" {
    when    = destroy
    command = "false"
  }
}
resource "terraform_data" "this" {
  depends_on = [terraform_data.base]
}
"""


def allow(world: World, unit: str, *lost: str, runs: str = "") -> None:
    """Let an owner allow the loss of addresses, and what the unit runs: all that is allowed from now on."""
    expires = datetime.now(UTC).date() + timedelta(days=5)
    wanted = [("ORCH_PROTECTED", each) for each in lost] + ([("ORCH_RUNS_CODE", runs)] if runs else [])
    entries = [
        WAIVER.format(id=f"w{number}", rule=rule, unit=unit, address=f"'{address}'", expires=expires)
        for number, (rule, address) in enumerate(wanted)
    ]
    world.write(WAIVERS, "".join(entries) or "[]\n")
    world.commit("Allow it", author=SECURITY)


@pytest.mark.way("`orch destroy` under waivers, which AWS refuses when the rest is gone already", item="1")
def test_a_destroy_that_aws_refuses(world: World) -> None:
    """The pool has its deletion protection in AWS, so its clients and its domain would go, and then the destroy would fail."""
    world.write("policies/owners.yaml", "reviewer: [reviewer@example.com]\n")
    allow(
        world, "prod/identity", POOL, 'aws_cognito_user_pool_client.this["web"]', "aws_cognito_user_pool_domain.this[0]"
    )
    result = world.attempt("destroy", "prod", "--yes", "--json", code=1)
    unit = result.units()["prod/identity"]
    assert {each["severity"] for each in unit["findings"]} == {"waived"}
    assert unit["cause"].startswith("AWS would refuse to delete it: ")
    assert f"{POOL} has deletion_protection = 'ACTIVE'" in unit["cause"]
    clients = world.account.client("cognito-idp").list_user_pool_clients(UserPoolId=world.pool, MaxResults=10)
    assert clients["UserPoolClients"], "nothing went"
    world.stopped_by("failed, exit 1")
    world.assert_alive()


@contextmanager
def cleaned(world: World) -> Iterator[None]:
    """Remove from the state bucket what the test put there: other tests share it."""
    s3 = world.account.client("s3")

    def keys() -> set[str]:
        pages = s3.get_paginator("list_objects_v2").paginate(Bucket=world.bucket)
        return {each["Key"] for page in pages for each in page.get("Contents", ())}

    before = keys()
    try:
        yield
    finally:
        for key in keys() - before:
            s3.delete_object(Bucket=world.bucket, Key=key)


@pytest.mark.way("stage renamed after its destroy failed half-way, so that what is left would be forgotten", item="4")
def test_a_destroy_failed_half_way(world: World) -> None:
    world.write("policies/protected.yaml", world.read("policies/protected.yaml") + LISTED)
    world.write("policies/owners.yaml", "reviewer: [reviewer@example.com]\n")
    world.write("modules/stuck/main.tf", STUCK)
    world.write("live/stacks/stuck.yaml", "module: stuck\n")
    world.write("live/stages/feat.yaml", "account: main\nstacks:\n  stuck:\n")
    allow(world, "feat/stuck", runs="terraform_data.base")
    with cleaned(world):
        world.attempt("apply", "feat", "--yes", "--json", code=0)
        allow(world, "feat/stuck", "terraform_data.base", "terraform_data.this", runs="terraform_data.base")
        failed = world.attempt("destroy", "feat", "--yes", "--json", code=1)
        assert failed.units()["feat/stuck"]["status"] == "failed"
        allow(world, "feature/stuck", runs="terraform_data.base")
        world.git("mv", "live/stages/feat.yaml", "live/stages/feature.yaml")
        result = world.attempt("apply", "feature", "--yes", "--json")
        found = {each["rule"] for each in result.units()["feat/stuck"]["findings"]}
        finding = world.assert_blocked(result, rule="ORCH_ORPHANED", address=LEFT, unit="feat/stuck")
    assert "ORCH_VANISHED" not in found, "what orch deleted is not missed"
    assert "terraform_data.base" in finding["message"]
    assert "terraform_data.this" not in finding["message"]
    world.assert_alive()
