"""Item 8: plans that cannot be read or that contradict what they do; failed plans.

A wrapper around Terraform damages the JSON, as an attacker on the machine could; everything else is real.
"""

from __future__ import annotations

import sys

import pytest

from tests.support.escapes import POOL, World

pytestmark = pytest.mark.integration
AGAINST = "careless"

HEAD = "import json, sys\nplan = json.load(sys.stdin)\n"
TAIL = "json.dump(plan, sys.stdout)\n"
EACH = "for each in plan['resource_changes']:\n    "

DAMAGE = {
    "plan JSON cut off": "import sys\nsys.stdout.write(sys.stdin.read()[:4000])\n",
    "plan JSON empty": "import sys\nsys.stdin.read()\n",
    "plan of an unknown format": f"{HEAD}plan['format_version'] = '2.0'\n{TAIL}",
    "plan with an unknown action": f"{HEAD}{EACH}each['change']['actions'] = ['archive']\n{TAIL}",
    "plan that says no-op for the delete": f"{HEAD}{EACH}each['change']['actions'] = ['no-op']\n{TAIL}",
    "plan that leaves the pool out": f"{HEAD}plan['resource_changes'] = []\n{TAIL}",
    "plan with a key twice": "import sys\nsys.stdout.write('{\"resource_changes\":[],' + sys.stdin.read()[1:])\n",
}


def in_front(world: World, damage: str) -> dict[str, str]:
    """Return an environment in which `terraform show` runs through a wrapper."""
    script = world.root.parent / "damage.py"
    script.write_text(damage)
    return world.wrap_terraform(f'if [ "$1" = show ]; then "$REAL" "$@" | "{sys.executable}" "{script}"; exit $?; fi')


@pytest.mark.parametrize("damage", [pytest.param(each, marks=pytest.mark.way(each, item="8")) for each in DAMAGE])
def test_a_plan_that_cannot_be_read_is_blocked(world: World, damage: str) -> None:
    world.empty_module()
    result = world.attempt(env=in_front(world, DAMAGE[damage]))
    assert result.code == 3, result.text
    rules = {finding["rule"] for finding in result.units()["prod/identity"]["findings"]}
    world.assert_blocked(result, rule="ORCH_UNREADABLE" if "ORCH_UNREADABLE" in rules else "ORCH_PROTECTED")
    world.assert_alive()


@pytest.mark.way("errored plan that shows a protected delete", item="8", against="sly author")
def test_an_errored_plan_with_a_loss_is_blocked(world: World) -> None:
    world.edit("live/stacks/identity.yaml", "[email]", "[phone_number]")
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=POOL)
    assert finding["action"] == "replace"
    world.assert_alive()


@pytest.mark.way("any other errored plan", item="8", against="sly author")
def test_any_other_errored_plan_is_a_failure(world: World) -> None:
    """A precondition in the module fails: Terraform saves a plan and ends with an error."""
    condition = 'condition     = self.name == "x"\n      error_message = "no"'
    world.edit_module(
        '"aws_cognito_user_pool" "this" {',
        f'"aws_cognito_user_pool" "this" {{\n  lifecycle {{\n    postcondition {{\n      {condition}\n    }}\n  }}\n',
    )
    world.edit_module("lifecycle {\n    prevent_destroy = true\n  }\n}\n", "}\n")
    result = world.attempt(code=1)
    assert result.units()["prod/identity"]["status"] == "failed"
    world.stopped_by("failed, exit 1")
    world.assert_alive()
