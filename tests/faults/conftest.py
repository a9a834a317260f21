"""What the tests of faults share: a disturbed stage, and what an undisturbed one looks like in the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.emulator import new_account_id
from tests.support.faults import Disturbed, wait, working_in


@pytest.fixture
def stage(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Iterator[Disturbed]:
    """A stage of four units of which nothing is applied yet."""
    made = Disturbed(tmp_path / "repo", emulator, account_ids())
    yield made
    made.inject()
    wait(lambda: not working_in(made.root), seconds=60)


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory, emulator: Path) -> dict[str, Any]:
    """What is there in the end when nothing goes wrong."""
    made = Disturbed(tmp_path_factory.mktemp("undisturbed") / "repo", emulator, new_account_id())
    made.apply()
    return made.final()
