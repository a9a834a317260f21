"""Item 1: a protected resource deleted, replaced or forgotten."""

from __future__ import annotations

import pytest

from tests.support.escapes import POOL, World

pytestmark = pytest.mark.integration


@pytest.mark.way("block removed", item="1")
def test_the_block_of_the_pool_is_removed(world: World) -> None:
    world.empty_module()
    result = world.attempt()
    world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    world.assert_alive()
