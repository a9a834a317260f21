"""Items 4 and 5: units that are removed from live/ or look for their state elsewhere, and a bucket hidden by a 403."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.escapes.conftest import MakeWorld
from tests.support.escapes import STATE_KEY, World

pytestmark = pytest.mark.integration
AGAINST = "sly author"

LOCK = "live/accounts.lock.yaml"
OTHER = "module: box\ninputs: {value: nothing}\n"
DOCUMENTS = "module: bucket\n"


def other_id(world: World) -> str:
    """An account id that is not the world's, which is random."""
    first = "5" if world.account.id.startswith("4") else "4"
    return f"{first}{world.account.id[1:]}"


@pytest.mark.way("unit removed from its stage", item="4")
def test_a_unit_vanishes(world: World) -> None:
    world.write("live/stacks/other.yaml", OTHER)
    world.edit("live/stages/prod.yaml", "  identity:\n", "  other:\n")
    result = world.attempt()
    finding = world.assert_blocked(result, rule="ORCH_ORPHANED", address=STATE_KEY)
    assert world.pool in finding["message"]
    assert "3 users" in finding["inside"]
    assert "orch destroy --orphans prod" in finding["hint"]
    assert result.units()["prod/other"]["status"] == "skipped"
    world.assert_alive()


@pytest.mark.way("stage file removed", item="4")
def test_a_stage_file_vanishes(world: World) -> None:
    world.remove("live/stages/prod.yaml")
    result = world.attempt("apply", "main/baseline", "--yes", "--json")
    world.assert_blocked(result, rule="ORCH_ORPHANED", address=STATE_KEY)
    world.assert_alive()


@pytest.mark.way("account file and its stages removed", item="4")
def test_an_account_file_vanishes(world: World) -> None:
    world.remove("live/accounts/main.yaml")
    world.remove("live/stages/prod.yaml")
    admin = "OrganizationAccountAccessRole"
    roles = f"roles: {{plan: {admin}, apply: {admin}}}\n"
    world.write("live/accounts/next.yaml", f'id: "{other_id(world)}"\naccess: open\n{roles}')
    world.write("live/stages/test.yaml", "account: next\nstacks:\n  other:\n")
    world.write("live/stacks/other.yaml", OTHER)
    world.attempt("bootstrap", "next", "--yes", "-q", code=0)
    result = world.attempt("apply", "test", "--yes", "--json")
    world.assert_blocked(result, rule="ORCH_ORPHANED", address=STATE_KEY)
    assert result.units()["test/other"]["status"] == "skipped"
    world.assert_alive()


@pytest.mark.way("account id changed", item="4")
def test_an_account_id_is_changed(world: World) -> None:
    world.edit("live/accounts/main.yaml", world.account.id, other_id(world))
    finding = world.assert_blocked(world.attempt(), rule="ORCH_DUPLICATE", unit="account:main")
    assert LOCK in finding["cause"]
    assert "live/accounts/main.yaml:1" in finding["cause"]
    world.assert_alive()


@pytest.mark.way("another state bucket", item="4")
def test_another_bucket(world: World) -> None:
    world.edit("live/orch.yaml", "-tfstate", "-states")
    world.assert_blocked(world.attempt(), rule="ORCH_DUPLICATE", unit="account:main")
    assert world.attempt("bootstrap", "main", "--yes").code == 3
    world.assert_alive()


@pytest.mark.way("another state bucket, and `accounts.lock.yaml` removed", item="4")
def test_another_bucket_without_the_record(world: World) -> None:
    """The bucket is created by hand, as if it were only missing."""
    world.remove(LOCK)
    world.edit("live/orch.yaml", "-tfstate", "-states")
    world.edit("live/stacks/baseline.yaml", "-tfstate", "-states")
    name = world.bucket.replace("-tfstate", "-states")
    s3 = world.account.client("s3")
    s3.create_bucket(Bucket=name, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    try:
        finding = world.assert_blocked(world.attempt(), rule="ORCH_DUPLICATE")
        assert world.bucket in finding["cause"]
    finally:
        s3.delete_bucket(Bucket=name)
    world.assert_alive()


@pytest.mark.way("the project's name changed", item="4")
def test_the_catalogue_is_renamed(world: World) -> None:
    world.edit("live/orch.yaml", "name: e", "name: x")
    world.assert_blocked(world.attempt(), rule="ORCH_DUPLICATE", unit="account:main")
    world.assert_alive()


@pytest.mark.way("stage renamed", item="4")
def test_a_stage_is_renamed(world: World) -> None:
    world.write("live/stages/production.yaml", world.read("live/stages/prod.yaml"))
    world.remove("live/stages/prod.yaml")
    result = world.attempt("apply", "production", "--yes", "--json")
    world.assert_blocked(result, rule="ORCH_ORPHANED", address=STATE_KEY)
    finding = world.assert_blocked(result, rule="ORCH_DUPLICATE", unit="production/identity")
    assert "`orch move prod production`" in finding["hint"]
    world.assert_alive()


@pytest.mark.way("stack renamed", item="4")
def test_a_stack_is_renamed(world: World) -> None:
    world.write("live/stacks/users.yaml", world.read("live/stacks/identity.yaml"))
    world.edit("live/stages/prod.yaml", "identity", "users")
    result = world.attempt()
    world.assert_blocked(result, rule="ORCH_ORPHANED", address=STATE_KEY)
    world.assert_blocked(result, rule="ORCH_DUPLICATE", unit="prod/users")
    world.assert_alive()


@pytest.mark.way("region changed", item="4")
def test_a_region_is_changed(world: World) -> None:
    world.edit("live/accounts/main.yaml", "[eu-west-1]", "[eu-west-1, us-east-1]")
    world.edit("live/stages/prod.yaml", "account: main\n", "account: main\nregion: us-east-1\n")
    result = world.attempt()
    world.assert_blocked(result, rule="ORCH_ORPHANED", address=STATE_KEY, unit="prod/identity@eu-west-1")
    world.assert_blocked(result, rule="ORCH_DUPLICATE")
    world.assert_alive()


@pytest.mark.way("state object deleted", item="4", against="careless")
def test_the_state_is_lost(world: World) -> None:
    s3 = world.account.client("s3")
    before = world.state()
    s3.delete_object(Bucket=world.bucket, Key=STATE_KEY)
    try:
        finding = world.assert_blocked(world.attempt(), rule="ORCH_DUPLICATE")
        assert world.pool in finding["message"]
    finally:
        s3.put_object(Bucket=world.bucket, Key=STATE_KEY, Body=before)
    world.assert_alive()


@pytest.mark.way("resource removed from the state outside orch", item="5", against="careless")
def test_the_pool_is_taken_out_of_the_state(world: World) -> None:
    before = world.state()
    world.edit_state(lambda state: state.update(resources=[r for r in state["resources"] if r["mode"] != "managed"]))
    try:
        finding = world.assert_blocked(world.attempt(), rule="ORCH_VANISHED")
        assert "it is in the ledger" in finding["cause"]
    finally:
        world.account.client("s3").put_object(Bucket=world.bucket, Key=STATE_KEY, Body=before)
    world.assert_alive(same_state=False)


@contextmanager
def hidden(world: World, bucket: str) -> Iterator[None]:
    """The bucket policy lets only the administrator list the bucket: HeadBucket returns 403."""
    statement = {
        "Effect": "Deny",
        "Action": "s3:ListBucket",
        "Resource": f"arn:aws:s3:::{bucket}",
    }
    document = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    iam = world.account.client("iam")
    for role in ("orch-plan", "orch-apply"):
        iam.put_role_policy(RoleName=role, PolicyName="hide", PolicyDocument=document)
    try:
        yield
    finally:
        for role in ("orch-plan", "orch-apply"):
            iam.delete_role_policy(RoleName=role, PolicyName="hide")


@pytest.mark.longest
@pytest.mark.way("403 makes the provider forget a bucket and create it again", item="5", against="careless")
def test_a_bucket_is_hidden_by_a_403(make_world: MakeWorld) -> None:
    world = make_world(
        modules=("bucket",),
        files={
            "live/stacks/documents.yaml": DOCUMENTS,
            "live/stages/prod.yaml": "account: main\nstacks:\n  identity:\n  documents:\n",
        },
    )
    s3 = world.account.client("s3")
    bucket = world.attempt("output", "prod/documents", "bucket", "--json", code=0).json
    s3.put_object(Bucket=bucket, Key="contract.pdf", Body=b"signed")
    key = "prod/documents/eu-west-1/terraform.tfstate"
    before = s3.get_object(Bucket=world.bucket, Key=key)["Body"].read()
    with hidden(world, bucket):
        result = world.attempt("apply", "prod/documents", "--yes", "--json")
    finding = world.assert_blocked(result, rule="ORCH_VANISHED", unit="prod/documents")
    assert (finding["address"], finding["action"]) == ("aws_s3_bucket.this", "create")
    assert s3.get_object(Bucket=bucket, Key="contract.pdf")["Body"].read() == b"signed"
    assert s3.get_object(Bucket=world.bucket, Key=key)["Body"].read() == before
    world.assert_alive()


@pytest.mark.way("stage file removed, then orch destroy --orphans", item="4", against="careless")
def test_what_is_left_of_a_stage_is_destroyed(world: World) -> None:
    world.remove("live/stages/prod.yaml")
    result = world.attempt("destroy", "--orphans", "prod", "--yes", "--json")
    world.assert_blocked(result, rule="ORCH_PROTECTED", address="aws_cognito_user_pool.this")
    world.assert_alive()
