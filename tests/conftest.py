"""Options and fixtures of the whole suite."""

from __future__ import annotations

import gc
import itertools
import os
import signal
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

from tests.support.descriptions import keep_descriptions
from tests.support.emulator import Account, new_account_id, shared_emulator
from tests.support.golden import compare
from tests.support.project import CI_VARIABLES

# Without a .hypothesis folder, as on a fresh machine, the first text costs a second of CPU (tables of Unicode are made),
# which on busy cores counts as slow data: speed is measured in benchmarks/, not here.
settings.register_profile("thorough", deadline=None, suppress_health_check=[HealthCheck.too_slow])
# `make unit` tries a fifth of the examples, for a quick answer while somebody works, `make test` a quarter, `make test-all`
# all of them.
settings.register_profile("orch", parent=settings.get_profile("thorough"), max_examples=25)
settings.register_profile("quick", parent=settings.get_profile("thorough"), max_examples=20)
settings.load_profile("orch")

keep_descriptions()
gc.disable()  # until all tests are collected: of what is imported nothing is garbage

# Whoever starts the tests in the background of a shell script has SIGINT ignored, and every child would inherit that.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_addoption(parser: pytest.Parser) -> None:
    """Both flags write files of the repository; review the difference before you commit it."""
    parser.addoption(
        "--renew-golden", action="store_true", default=False, help="write what the tests make to tests/golden/"
    )
    parser.addoption(
        "--compare",
        action="store_true",
        default=False,
        help="try each escape also with plain Terraform and plain checkov, and write the table to docs/escapes.md",
    )


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Order the tests so that no worker waits for another one at the end.

    pytest-xdist gives each worker a share of the list, and workers that are done take tests from the end of the shares of
    others. So each share begins with tests that take longest and ends with the quick ones.
    """
    workers = int(os.environ.get("PYTEST_XDIST_WORKER_COUNT", "1"))
    longest = [item for item in items if item.get_closest_marker("longest")]
    slow = [item for item in items if item.get_closest_marker("integration") and item not in longest]
    quick = [item for item in items if not item.get_closest_marker("integration") and item not in longest]
    items[:] = [
        item
        for number in range(workers)
        for item in (*longest[number::workers], *_share(slow, number, workers), *_share(quick, number, workers))
    ]


def _share(items: list[pytest.Item], number: int, workers: int) -> list[pytest.Item]:
    """Return one of equal parts of a list."""
    return items[number * len(items) // workers : (number + 1) * len(items) // workers]


def pytest_collection_finish() -> None:
    """Start the garbage collector, and keep it from looking at thousands of tests again and again."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(10_000)
    gc.enable()


@pytest.fixture(scope="session", autouse=True)
def no_ci() -> Iterator[None]:
    """In CI orch judges by what was merged there: only a test that gives it a CI shall see one, in this process too."""
    with pytest.MonkeyPatch.context() as patch:
        for name in [each for each in os.environ if each.startswith(CI_VARIABLES)]:
            patch.delenv(name)
        yield


@pytest.fixture(scope="session")
def folder_numbers() -> Iterator[int]:
    """Numbers for the folders of tests."""
    return itertools.count()


@pytest.fixture
def tmp_path(tmp_path_factory: pytest.TempPathFactory, folder_numbers: Iterator[int]) -> Path:
    """A new folder. pytest's own fixture reads the names of all folders for each new one."""
    folder = tmp_path_factory.getbasetemp() / f"test{next(folder_numbers)}"
    folder.mkdir()
    return folder


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, str], None]:
    """``golden("report/final.txt", text)``: the text must be that of the file under ``tests/golden/``."""
    renew = bool(request.config.getoption("--renew-golden"))
    folder = Path(__file__).parent / "golden"

    def check(name: str, text: str) -> None:
        compare(folder / name, text, renew=renew)

    return check


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
