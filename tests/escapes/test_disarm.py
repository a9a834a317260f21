"""Item 2: protection removed, or a change that cannot be made in place and fails halfway."""

from __future__ import annotations

import pytest

from tests.support.escapes import POOL, World

pytestmark = pytest.mark.integration
AGAINST = "sly author"

IDENTITY = "live/stacks/identity.yaml"
COMPANY = "company: {type: string, max: 64}"


@pytest.mark.way("`deletion_protection` switched off", item="2")
def test_protection_switched_off_in_the_module(world: World) -> None:
    world.edit_module("= var.deletion_protection", '= "INACTIVE"')
    finding = world.assert_blocked(world.attempt(), rule="ORCH_WEAKENED", address=POOL)
    assert "deletion_protection" in finding["cause"]
    world.assert_alive()


@pytest.mark.way("`deletion_protection` left out", item="2")
def test_protection_left_out(world: World) -> None:
    """The provider treats an unset value as INACTIVE."""
    world.edit_module("  deletion_protection      = var.deletion_protection\n", "")
    world.assert_blocked(world.attempt(), rule="ORCH_WEAKENED", address=POOL)
    world.assert_alive()


@pytest.mark.way("schema attribute changed", item="2")
def test_a_schema_attribute_is_changed(world: World) -> None:
    world.edit(IDENTITY, COMPANY, "company: {type: string, max: 128}")
    finding = world.assert_blocked(world.attempt(), rule="ORCH_HIDDEN_REPLACE", address=POOL)
    assert "company" in finding["cause"]
    world.assert_alive()


@pytest.mark.way("schema attribute removed", item="2")
def test_a_schema_attribute_is_removed(world: World) -> None:
    world.edit(IDENTITY, f"    {COMPANY}\n", "")
    finding = world.assert_blocked(world.attempt(), rule="ORCH_HIDDEN_REPLACE", address=POOL)
    assert "company" in finding["cause"]
    world.assert_alive()


@pytest.mark.way("changes hidden with `ignore_changes`", item="2")
def test_ignoring_changes_hides_nothing(world: World) -> None:
    """`ignore_changes = [name]` prevents one replacement of the pool; the others are still reported."""
    world.edit("modules/user_pool/main.tf", "prevent_destroy = true", "ignore_changes = [name, schema]")
    world.edit(IDENTITY, "username_attributes: [email]", "username_attributes: [email], case_sensitive: true")
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=POOL)
    assert "username_configuration" in finding["cause"]
    world.assert_alive()
