"""Ways to make a stage that lasts, or what it has, disposable."""

from __future__ import annotations

import pytest

from tests.support.escapes import World

pytestmark = pytest.mark.integration
AGAINST = "sly author"

PROD = "live/stages/prod.yaml"
FEAT = "account: main\ndisposable: true\nstacks:\n  identity:\n"


@pytest.mark.way("`disposable: true` added to a stage that exists, and merged", item="4")
def test_an_existing_stage_is_made_disposable(world: World) -> None:
    world.edit(PROD, "account: main\n", "account: main\ndisposable: true\n")
    world.commit("It can go")
    result = world.attempt("destroy", "prod", "--yes", "--json")
    world.assert_refused(result, "prod exists, and was not disposable when it was created", f"{PROD}:2:13")
    world.assert_alive()


@pytest.mark.way("a record that the stage is disposable, after it was applied without", item="4")
def test_the_record_of_a_former_stage_of_that_name(world: World) -> None:
    """A stage of the name was disposable and destroyed, and its record is still there: the next one lasts."""
    s3, key = world.account.client("s3"), "ledger/disposable/prod.json"
    record = (
        '{"format": 1, "stage": "prod", "account_id": "1", "disposable": true, "commit": "", "run": "", '
        '"time": "", "orch": ""}'
    )
    s3.put_object(Bucket=world.bucket, Key=key, Body=record.encode())
    try:
        world.attempt("apply", "prod", "--yes", "--json", code=0)  # as the stage that it is
        world.edit(PROD, "account: main\n", "account: main\ndisposable: true\n")
        world.commit("It can go")
        result = world.attempt("destroy", "prod", "--yes", "--json")
        world.assert_refused(result, "prod exists, and was not disposable when it was created")
        world.assert_alive()
    finally:
        s3.delete_object(Bucket=world.bucket, Key=key)


@pytest.mark.way("a disposable stage in a restricted account", item="4")
def test_a_disposable_stage_in_a_restricted_account(world: World) -> None:
    world.edit("live/accounts/main.yaml", "access: open\n", "access: restricted\n")
    world.edit(PROD, "account: main\n", "account: main\ndisposable: true\n")
    world.commit("It can go")
    result = world.attempt("destroy", "prod", "--yes", "--json")
    world.assert_refused(result, "prod is disposable, but the account main is restricted")
    world.assert_alive()


@pytest.mark.way("a lasting stage that `uses` a disposable one", item="4")
def test_a_lasting_stage_uses_a_disposable_one(world: World) -> None:
    world.write("live/stages/feat.yaml", FEAT)
    world.edit(PROD, "account: main\n", "account: main\nuses: {users: feat/identity}\n")
    world.commit("Share the users")
    result = world.attempt("apply", "feat", "prod", "--yes", "--json")
    world.assert_refused(result, "uses.users: feat is disposable, and prod is not")
    world.assert_alive()


@pytest.mark.parametrize(
    "target",
    [
        pytest.param("feat", marks=pytest.mark.way("a stage renamed to a disposable one, with `orch move`", item="4")),
        pytest.param(
            "feat/identity",
            marks=pytest.mark.way("a pool moved into a disposable stage, which may be destroyed", item="4"),
        ),
    ],
)
def test_a_pool_is_moved_into_a_disposable_stage(world: World, target: str) -> None:
    world.write("live/stages/feat.yaml", FEAT)
    world.commit("A stage that goes")
    source = "prod" if target == "feat" else "prod/identity:aws_cognito_user_pool.this"
    target = target if target == "feat" else "feat/identity:aws_cognito_user_pool.this"
    if source == "prod":
        world.remove(PROD)
        world.commit("Renamed")
    result = world.attempt("move", source, target, "--yes")
    world.assert_refused(result, "feat is disposable, so feat/identity must not take over resources of prod")
    world.assert_alive()


@pytest.mark.way("a pool imported into a disposable stage, which may be destroyed", item="4")
def test_a_pool_is_imported_into_a_disposable_stage(world: World) -> None:
    imports = f"    imports: {{aws_cognito_user_pool.this: {world.pool}}}\n"
    world.write("live/stages/feat.yaml", FEAT + imports)
    world.commit("Take it")
    result = world.attempt("apply", "feat", "--yes", "--json")
    world.assert_refused(result, "feat is disposable, so it must not import aws_cognito_user_pool.this")
    world.assert_alive()


@pytest.mark.way("`extends` of a disposable stage", item="4")
def test_a_stage_extends_a_disposable_one(world: World) -> None:
    world.write("live/stages/feat.yaml", FEAT)
    world.edit(PROD, "account: main\n", "extends: feat\n")
    world.commit("Inherit it")
    result = world.attempt("destroy", "prod", "--yes", "--json")
    world.assert_blocked(result, rule="ORCH_PROTECTED")
    world.assert_alive()
