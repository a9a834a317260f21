"""Item 4: names, states and keys changed with orch's commands, so that the next apply would create a duplicate."""

from __future__ import annotations

import pytest

from tests.support.escapes import POOL, STATE_KEY, World

pytestmark = pytest.mark.integration
AGAINST = "careless"

OTHER = """\
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}
"""


@pytest.mark.way("stage renamed, its state moved with `orch move`, without `named`", item="4")
def test_a_move_to_another_name_is_blocked(world: World) -> None:
    (world.root / "live/stages/prod.yaml").rename(world.root / "live/stages/live.yaml")
    result = world.attempt("move", "prod", "live", "--yes", "--json")
    finding = world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL, unit="live/identity")
    assert finding["action"] == "replace"
    world.assert_alive()


@pytest.mark.way("pool moved to a unit without it", item="4")
def test_a_pool_moved_to_where_it_is_not_wanted_is_blocked(world: World) -> None:
    world.write("live/stages/prod.yaml", "account: main\nstacks: {identity: , other: }\n")
    world.write("live/stacks/other.yaml", "module: other\n")
    world.write("modules/other/main.tf", OTHER)
    result = world.attempt("move", f"prod/identity:{POOL}", "prod/other:aws_cognito_user_pool.gone", "--yes", "--json")
    finding = world.assert_blocked(
        result, rule="ORCH_PROTECTED", address="aws_cognito_user_pool.gone", unit="prod/other"
    )
    assert finding["action"] == "delete"
    world.assert_alive()


@pytest.mark.way("state adopted with `orch adopt` by a unit with other names", item="4")
def test_an_adoption_by_a_unit_with_other_names_is_blocked(world: World) -> None:
    world.write("live/stages/copy.yaml", "account: main\nstacks: {identity: }\n")
    state = world.root.parent / "taken.tfstate"
    # Resources below module.this keep their addresses.
    state.write_bytes(world.state())
    result = world.attempt("adopt", "copy/identity", "--state", str(state), "--yes", "--json")
    world.assert_refused(result, f"prod/identity manages module.this.{POOL} already")
    keys = world.account.client("s3").list_objects_v2(Bucket=world.bucket)["Contents"]
    assert not [each["Key"] for each in keys if each["Key"].startswith("copy/")], "nothing was written"
    assert STATE_KEY in {each["Key"] for each in keys}
    world.assert_alive()
