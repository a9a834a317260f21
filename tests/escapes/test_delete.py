"""Item 1: a protected resource deleted, replaced or forgotten."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.escapes import POOL, World

pytestmark = pytest.mark.integration
AGAINST = "sly author"

IDENTITY = "live/stacks/identity.yaml"
REMOVED = "removed {{\n  from = aws_cognito_user_pool.this\n  lifecycle {{\n    destroy = {destroy}\n  }}\n}}\n"
CREATE_FIRST = "lifecycle {\n    create_before_destroy = true"


def rename_pool(world: World) -> None:
    """Rename the pool's block everywhere in its module."""
    world.edit_module('"aws_cognito_user_pool" "this"', '"aws_cognito_user_pool" "people"')
    world.edit_module("aws_cognito_user_pool.this", "aws_cognito_user_pool.people")


def drop_prevention(world: World) -> None:
    """Remove `prevent_destroy`, as a deliberate change does in the same commit."""
    world.edit_module("prevent_destroy = true", "prevent_destroy = false")


@pytest.mark.way("block removed", item="1")
def test_the_block_of_the_pool_is_removed(world: World) -> None:
    world.empty_module()
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=POOL)
    assert finding["action"] == "delete"
    world.assert_alive()


@pytest.mark.way("`removed { destroy = true }`", item="1")
def test_a_removed_block_destroys_it(world: World) -> None:
    world.empty_module()
    world.write("modules/user_pool/removed.tf", REMOVED.format(destroy="true"))
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=POOL)
    assert finding["action"] == "delete"
    world.assert_alive()


@pytest.mark.way("forgotten with `removed { destroy = false }`", item="1")
def test_a_removed_block_forgets_it(world: World) -> None:
    world.empty_module()
    world.write("modules/user_pool/removed.tf", REMOVED.format(destroy="false"))
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=POOL)
    assert finding["action"] == "forget"
    world.assert_alive()


@pytest.mark.way("resource renamed without `moved`", item="3")
def test_the_resource_is_renamed(world: World) -> None:
    rename_pool(world)
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=POOL)
    assert 'moved: {"aws_cognito_user_pool.this": "aws_cognito_user_pool.people"}' in finding["hint"]
    world.assert_alive()


@pytest.mark.way("module renamed without `moved`", item="3")
def test_a_child_module_is_renamed(world: World) -> None:
    """The pool is in the child module `pool` of the unit's module; the change renames the call to `users`."""
    put_in_child_module(world, now="users")
    address = "module.pool.aws_cognito_user_pool.this"
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=address)
    assert finding["action"] == "delete"
    assert "module.users.aws_cognito_user_pool.this" in finding["hint"]
    world.assert_alive()


def put_in_child_module(world: World, *, now: str) -> None:
    """Add a module `people` that calls `user_pool` under the name ``now``; in the state it is still `pool`."""
    variables = "\n".join(f'variable "{name}" {{ type = any }}' for name in ("names", "sign_in", "attributes"))
    call = f'module "{now}" {{\n  source     = "../user_pool"\n  names      = var.names\n  sign_in    = var.sign_in\n'
    call += "  attributes = var.attributes\n}\n"
    world.write("modules/people/main.tf", f"{variables}\n{call}")
    world.write("modules/people/versions.tf", world.read("modules/user_pool/versions.tf"))
    text = world.read(IDENTITY).replace("module: user_pool", "module: people\nnames: true").split("  clients:")[0]
    world.write(IDENTITY, text)

    def nest(state: dict[str, Any]) -> None:
        state["resources"] = [each for each in state["resources"] if each["type"] == "aws_cognito_user_pool"]
        for each in state["resources"]:
            each["module"] = "module.this.module.pool"

    world.edit_state(nest)


@pytest.mark.way("key removed from `for_each`", item="1")
def test_the_key_of_a_client_is_removed(world: World) -> None:
    world.edit(IDENTITY, "    web: {callback_urls", "    app: {callback_urls")
    finding = world.assert_blocked(
        world.attempt(), rule="ORCH_PROTECTED", address='aws_cognito_user_pool_client.this["web"]'
    )
    assert "for_each" in finding["cause"]
    world.assert_alive()


@pytest.mark.way("`count` reduced", item="1")
def test_the_count_of_the_domain_is_reduced(world: World) -> None:
    world.edit(IDENTITY, "  domain: {}\n", "")
    world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address="aws_cognito_user_pool_domain.this[0]")
    world.assert_alive()


@pytest.mark.way("`for_each` added to the block", item="1")
def test_the_block_gets_instances(world: World) -> None:
    world.edit_module("aws_cognito_user_pool.this", 'aws_cognito_user_pool.this["main"]')
    world.edit_module(
        'resource "aws_cognito_user_pool" "this" {',
        'resource "aws_cognito_user_pool" "this" {\n  for_each = toset(["main"])',
    )
    world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=POOL)
    world.assert_alive()


ATTRIBUTES = {
    "name": ("  sign_in:", "  names: {pool: another, domain: another}\n  sign_in:"),
    "username_attributes": ("username_attributes: [email]", "username_attributes: [email, phone_number]"),
    "alias_attributes": ("username_attributes: [email]", "alias_attributes: [email]"),
    "username_configuration": ("username_attributes: [email]", "username_attributes: [email], case_sensitive: true"),
}


@pytest.mark.parametrize(
    "attribute", [pytest.param(each, marks=pytest.mark.way(f"`{each}` changed", item="2")) for each in ATTRIBUTES]
)
def test_an_attribute_that_forces_a_replacement(world: World, attribute: str) -> None:
    """The module still has `prevent_destroy`: Terraform ends the plan with an error, and the finding says why."""
    world.edit(IDENTITY, *ATTRIBUTES[attribute])
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=POOL)
    assert finding["action"] == "replace"
    assert attribute in finding["cause"]
    world.assert_alive()


@pytest.mark.way("replaced, `prevent_destroy` removed in the same commit", item="1")
def test_a_replacement_without_prevent_destroy(world: World) -> None:
    drop_prevention(world)
    world.edit(IDENTITY, *ATTRIBUTES["username_configuration"])
    world.commit("Let names differ by case")
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=POOL)
    assert finding["action"] == "replace"
    assert finding["where"]["file"] == "modules/user_pool/main.tf"
    world.assert_alive()


@pytest.mark.way("replaced with `create_before_destroy`", item="1")
def test_a_replacement_that_creates_first(world: World) -> None:
    world.edit_module("lifecycle {\n    prevent_destroy = true", CREATE_FIRST)
    world.edit(IDENTITY, *ATTRIBUTES["name"])
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=POOL)
    assert finding["action"] == "replace"
    assert "name" in finding["cause"]
    world.assert_alive()


@pytest.mark.way("replaced with `replace_triggered_by`", item="1")
def test_a_replacement_that_something_else_triggers(world: World) -> None:
    trigger = 'resource "terraform_data" "go" {\n  input = "1"\n}\n'
    world.write("modules/user_pool/trigger.tf", trigger)
    world.edit_module(
        "lifecycle {\n    prevent_destroy = true", "lifecycle {\n    replace_triggered_by = [terraform_data.go]"
    )

    def has_trigger(state: dict[str, Any]) -> None:
        attributes = {"id": "x", "input": {"value": "0", "type": "string"}, "output": {"value": "0", "type": "string"}}
        state["resources"].append(
            {
                "module": "module.this",
                "mode": "managed",
                "type": "terraform_data",
                "name": "go",
                "provider": 'provider["terraform.io/builtin/terraform"]',
                "instances": [{"schema_version": 0, "attributes": attributes}],
            }
        )

    world.edit_state(has_trigger)
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=POOL)
    assert "replace_triggered_by" in finding["cause"]
    world.assert_alive()


def _of_pool(state: dict[str, Any]) -> list[dict[str, Any]]:
    (pool,) = (each for each in state["resources"] if each["type"] == "aws_cognito_user_pool")
    instances: list[dict[str, Any]] = pool["instances"]
    return instances


@pytest.mark.way("tainted resource", item="1")
def test_a_tainted_pool_is_not_replaced(world: World) -> None:
    def taint(state: dict[str, Any]) -> None:
        _of_pool(state)[0]["status"] = "tainted"

    world.edit_state(taint)
    drop_prevention(world)
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=POOL)
    assert "tainted" in finding["cause"]
    world.assert_alive()


@pytest.mark.way("deposed object", item="1")
def test_a_deposed_object_is_not_deleted(world: World) -> None:
    """A replacement failed, and the next apply would delete the old pool with its users."""

    def depose(state: dict[str, Any]) -> None:
        instances = _of_pool(state)
        instances.append({**instances[0], "deposed": "1a2b3c4d"})

    world.edit_state(depose)
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED")
    assert "1a2b3c4d" in finding["address"]
    assert "deposed" in finding["cause"]
    world.assert_alive()
