"""The guard's own records: the ledger, the denies in IAM, whose waivers count, and who manages what."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from tests.escapes.test_judge import MALLORY, WAIVERS, pull_request, waiver
from tests.support.emulator import ENTRY_ROLE
from tests.support.escapes import IDENTITY, POOL, STATE_KEY, World

pytestmark = pytest.mark.integration

DELETES = "orch-apply-deletes"


# The denies in IAM


@pytest.mark.way("`protected_delete_apis: []` in the baseline's inputs", item="5")
def test_the_denies_are_taken_out_of_the_baseline(world: World) -> None:
    baseline = world.read("live/stacks/baseline.yaml")
    world.write("live/stacks/baseline.yaml", f"{baseline}  protected_delete_apis: []\n")
    result = world.attempt("bootstrap", "main", "--yes")
    world.assert_refused(result, "'protected_delete_apis' is set by orch", "live/stacks/baseline.yaml")
    world.assert_alive()


@pytest.mark.way("`roles.apply` names the administrator's role", item="5")
def test_the_apply_role_is_the_administrator_s(world: World) -> None:
    world.edit("live/orch.yaml", "apply: orch-apply", f"apply: {ENTRY_ROLE}")
    finding = world.assert_blocked(world.attempt(), rule="ORCH_APPLY_ROLE", unit="account:main")
    assert "which is also the role that may do everything" in finding["cause"]
    world.assert_alive()


@contextmanager
def detached(world: World) -> Iterator[None]:
    iam = world.account.client("iam")
    arn = f"arn:aws:iam::{world.account.id}:policy/{DELETES}"
    iam.detach_role_policy(RoleName="orch-apply", PolicyArn=arn)
    try:
        yield
    finally:
        iam.attach_role_policy(RoleName="orch-apply", PolicyArn=arn)


@pytest.mark.way("the policy with the denies detached from the apply role", item="5")
def test_the_denies_are_detached(world: World) -> None:
    with detached(world):
        result = world.attempt()
        rows = world.attempt("doctor", "--json").json["rows"]
    finding = world.assert_blocked(result, rule="ORCH_APPLY_ROLE", address="orch-apply", unit="account:main")
    assert "`orch bootstrap main`" in finding["hint"]
    role = next(row for row in rows if row["what"] == "apply role main")
    assert role["state"] == "error"
    rows = world.attempt("doctor", "--json").json["rows"]
    assert next(row for row in rows if row["what"] == "apply role main")["state"] == "ok"
    world.assert_alive()


# Whose waivers count


@pytest.mark.way("a waiver that its own author commits locally in the name of another owner", item="7")
def test_a_waiver_is_committed_locally(world: World) -> None:
    pull_request(world)
    world.write(WAIVERS, waiver())
    world.empty_module()
    world.commit("Security said yes", author=MALLORY)
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=POOL)
    assert "it is not in origin/main as it was fetched last" in finding["hint"]
    world.assert_alive()


@pytest.mark.way("GitLab's fork point, which lacks policies that were merged since", item="7")
def test_the_policies_are_those_of_the_target_branch(world: World) -> None:
    whole = world.read("policies/protected.yaml")
    start, end = whole.index("aws_cognito_user_pool:"), whole.index("aws_cognito_user_pool_domain:")
    world.write("policies/protected.yaml", whole[:start] + whole[end:])
    forked = world.commit("Before pools were protected")
    world.git("checkout", "-q", "-b", "change")
    world.empty_module()
    world.commit("Tidy up", author=MALLORY)
    world.git("checkout", "-q", "main")
    world.write("policies/protected.yaml", whole)
    world.commit("Protect pools")
    world.git("update-ref", "refs/remotes/origin/main", "HEAD")
    world.git("checkout", "-q", "change")
    env = {"CI": "true", "GITLAB_CI": "true", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main"}
    result = world.attempt(env={**env, "CI_MERGE_REQUEST_DIFF_BASE_SHA": forked})
    world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    world.assert_alive()


# Who manages what


@contextmanager
def no_entry(world: World) -> Iterator[None]:
    """The first apply was killed before it could write its ledger entry."""
    s3, key = world.account.client("s3"), "ledger/prod/identity/eu-west-1.json"
    before = s3.get_object(Bucket=world.bucket, Key=key)["Body"].read()
    s3.delete_object(Bucket=world.bucket, Key=key)
    try:
        yield
    finally:
        s3.put_object(Bucket=world.bucket, Key=key, Body=before)


@pytest.mark.way("stage renamed after its first apply was killed, so that no ledger lists its pool", item="4")
def test_a_stage_without_a_ledger_entry_is_renamed(world: World) -> None:
    world.write("live/stages/production.yaml", world.read("live/stages/prod.yaml"))
    world.remove("live/stages/prod.yaml")
    with no_entry(world):
        result = world.attempt("apply", "production", "--yes", "--json")
    finding = world.assert_blocked(result, rule="ORCH_ORPHANED", address=STATE_KEY)
    assert "no ledger entry lists it" in finding["cause"]
    world.assert_blocked(result, rule="ORCH_DUPLICATE", unit="production/identity")
    world.assert_alive()


@pytest.mark.way("the pool of another unit imported, then deleted there", item="4")
def test_the_pool_of_another_unit_is_imported(world: World) -> None:
    imports = f'imports: {{aws_cognito_user_pool.this: "{world.pool}"}}'
    world.write("live/stacks/copy.yaml", IDENTITY)
    world.write("live/stages/test.yaml", f"account: main\nstacks:\n  copy: {{{imports}}}\n")
    result = world.attempt("apply", "test", "--yes", "--json")
    finding = world.assert_blocked(result, rule="ORCH_DUPLICATE", address=POOL, unit="test/copy")
    assert "prod/identity has it already" in finding["message"]
    world.assert_alive()


@pytest.mark.way("the state of another unit adopted, then destroyed there", item="4")
def test_the_state_of_another_unit_is_adopted(world: World) -> None:
    world.write("live/stages/test.yaml", "account: main\nstacks:\n  identity:\n")
    state = world.root / "saved.tfstate"
    state.write_bytes(world.state())
    for source in (f"s3://{world.bucket}/{STATE_KEY}", str(state)):
        result = world.attempt("adopt", "test/identity", "--state", source, "--yes")
        world.assert_refused(result, "prod/identity manages ")
    copy = {**json.loads(world.state()), "lineage": "0b5d1e0c-8a86-4d0e-93a5-2f4fd4d7b5f1"}
    state.write_text(json.dumps(copy))
    world.assert_refused(world.attempt("adopt", "test/identity", "--state", str(state), "--yes"), POOL)
    world.assert_alive()
