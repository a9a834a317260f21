"""Changes that must pass without a finding: a guard that blocks everything would pass the other tests."""

from __future__ import annotations

import pytest

from tests.escapes.test_delete import IDENTITY, rename_pool
from tests.support.escapes import World

pytestmark = pytest.mark.integration


def test_a_renamed_resource_with_moved_passes(world: World) -> None:
    rename_pool(world)
    world.edit(
        "live/stages/prod.yaml",
        "  identity:\n",
        "  identity:\n    moved: {aws_cognito_user_pool.this: aws_cognito_user_pool.people}\n",
    )
    unit = world.plan()
    assert unit["status"] == "planned"
    assert unit["findings"] == []
    assert [change["moved_from"] for change in unit["changes"] if change["moved_from"]]
    world.assert_alive()


def test_a_change_in_place_passes(world: World) -> None:
    world.edit(IDENTITY, "  domain: {}\n", "  domain: {}\n  password_policy: {minimum_length: 20}\n")
    unit = world.plan()
    assert (unit["status"], unit["counts"]["update"], unit["findings"]) == ("planned", 1, [])
    world.assert_alive()


def test_an_added_attribute_passes(world: World) -> None:
    world.edit(IDENTITY, "  clients:\n", "    department: {type: string, max: 32}\n  clients:\n")
    unit = world.plan()
    assert (unit["status"], unit["counts"]["update"], unit["findings"]) == ("planned", 1, [])
    world.assert_alive()
