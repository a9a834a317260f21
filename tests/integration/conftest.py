"""What the tests with the real Terraform, provider and emulator share."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.emulator import Account, new_account_id, shared_emulator


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder with the ``emulator.json`` of the emulator that all tests of this run share."""
    base = tmp_path_factory.getbasetemp()
    # A worker's folder lies in the one of the run.
    return shared_emulator(base.parent if "PYTEST_XDIST_WORKER" in os.environ else base)


@pytest.fixture
def account_ids() -> Callable[[], str]:
    """Gives an account id that no other test uses, each time that it is called."""
    return new_account_id


@pytest.fixture
def account(emulator: Path) -> Account:
    """An account of its own in the shared emulator."""
    return Account(emulator)
