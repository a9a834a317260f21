"""Plans that wait for their approval: swapped, moved, and applied under other policies than those that judged them."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError

from orchestrator.guard.receipt.freeze import hash_file
from tests.escapes.conftest import MakeWorld
from tests.support.catalogue import BASELINE
from tests.support.emulator import Account, client, entry_client
from tests.support.escapes import IDENTITY, World
from tests.support.project import Result
from tests.support.stored_plans import StoredPlans

pytestmark = pytest.mark.integration
AGAINST = "sly author"

APPROVED = ("apply", "prod", "--approved", "--yes", "--json")
PLAN = "plans/prod/identity/eu-west-1.tfplan"
PROTECTED = "policies/protected.yaml"


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """A world whose plan role may store plans."""
    return make_world(files={"live/stacks/baseline.yaml": f"{BASELINE}  stored_plans: true\n"})


def stored(world: World, size: int, tmp_path: Path) -> StoredPlans:
    """Store the plan of a harmless change, and return what the plan role can do with it."""
    attribute = f"team: {{type: string, max: {size}}}"
    world.write("live/stacks/identity.yaml", IDENTITY.replace("max: 32}", f"max: 32}}\n    {attribute}"))
    report = world.attempt("plan", "prod", "--store", "s3", "--json", code=0).json
    assert report["stored"]["units"] == ["prod/identity"]
    return StoredPlans(plan_role(world), world.bucket, "prod/identity", tmp_path / "work")


def approved(world: World) -> Result:
    """Apply the stored plans. Other tools have none that they could look at."""
    result = world.attempt(*APPROVED)
    world.no_comparison("prevented")
    world.no_comparison("checked")
    return result


def plan_role(world: World) -> Any:
    """S3 as the plan role of the account: what a job of a pull request has."""
    arn = f"arn:aws:iam::{world.account.id}:role/orch-plan"
    answer = entry_client(world.account.info, "sts").assume_role(RoleArn=arn, RoleSessionName="job")
    return client(world.account.info, "s3", Account.enter(answer))


def destroying(world: World) -> Path:
    """Return a plan that deletes the pool; the repository is restored."""
    kept = {file: file.read_bytes() for file in sorted((world.root / "modules" / "user_pool").glob("*.tf"))}
    world.empty_module()
    run: str = world.attempt("plan", "prod", "--json", code=3).json["run"]
    for file, data in kept.items():
        file.write_bytes(data)
    return world.root / ".orch" / "runs" / run / PLAN


@pytest.mark.way("a stored plan replaced by one that deletes the pool, by a job with the plan role", item="receipt")
def test_a_stored_plan_is_swapped(world: World, emulator: Path, tmp_path: Path) -> None:
    plans = stored(world, 9, tmp_path)
    (digest, *_) = plans.digests()
    # Nobody of another account reads it, and the plan role removes nothing.
    other = Account(emulator).client("s3")
    with pytest.raises(ClientError, match="AccessDenied"):
        other.get_object(Bucket=world.bucket, Key=plans.index(digest)["key"])
    with pytest.raises(ClientError, match="AccessDenied"):
        plans.s3.delete_object(Bucket=world.bucket, Key=plans.index(digest)["key"])
    with pytest.raises(ClientError, match="AccessDenied"):
        plans.s3.put_object(Bucket=world.bucket, Key="prod/identity/eu-west-1/terraform.tfstate", Body=b"{}")
    bad = destroying(world)
    sha256 = hash_file(bad).removeprefix("sha256:")
    plans.edit(digest, lambda record: replace(record, plan_sha256=sha256), plan=bad)
    result = approved(world)
    world.assert_refused(result, "no longer as approved", "does not ask for this", "delete", code=4)
    world.assert_alive()


@pytest.mark.way("the stored plan of another configuration in the place of the approved one", item="receipt")
def test_a_stored_plan_of_another_configuration(world: World, tmp_path: Path) -> None:
    mine = stored(world, 8, tmp_path)
    theirs = mine.digests()[0]
    stored(world, 10, tmp_path)
    (digest,) = {each for each in mine.digests() if each == newest(mine)}
    mine.write(digest, mine.data(theirs))
    world.assert_refused(approved(world), "or of another configuration", code=3)
    mine.write(digest, mine.data(theirs), key=mine.index(theirs)["key"])
    world.assert_refused(approved(world), "the plan of something else", code=3)
    world.assert_alive()


def newest(plans: StoredPlans) -> str:
    """The digest of the plan that was stored last."""
    return max(plans.digests(), key=lambda each: plans.index(each)["run"])


@pytest.mark.way(
    "a stored plan applied under weaker policies than it was planned with", item="receipt", against="careless"
)
def test_policies_are_weakened_after_the_plan(world: World, tmp_path: Path) -> None:
    stored(world, 11, tmp_path)
    text = world.read(PROTECTED)
    assert "aws_cognito_user_pool:" in text
    world.write(PROTECTED, text.replace("aws_cognito_user_pool:", "aws_cognito_user_pool_none:"))
    world.assert_blocked(approved(world), rule="ORCH_POLICY_WEAKENED")
    world.commit("Protect less")  # Even when it is merged: the plan was approved under other policies.
    result = approved(world)
    world.assert_refused(result, "policies/ changed after it was planned", code=4)
    world.assert_alive()
