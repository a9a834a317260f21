"""The worlds that the tests of escapes attack, and what the table of escapes is made of."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator
from pathlib import Path

import pytest

from tests.support.escape_table import PAGE, Row, counts, merged, plain, read, row_of, write
from tests.support.escapes import Blueprint, Built, World, build, trouble

MakeWorld = Callable[..., World]


class Worlds:
    """The worlds of one worker: each blueprint is built once, and again only when a test broke it."""

    def __init__(self, folder: Path, emulator: Path) -> None:
        self._folder = folder
        self._emulator = emulator
        self._built: dict[str, Built] = {}
        self._number = 0

    def get(self, blueprint: Blueprint) -> Built:
        """The world of a blueprint, alive."""
        built = self._built.get(blueprint.key)
        if built is None or trouble(built, pool=built.pool) is not None:
            self._number += 1
            built = build(blueprint, self._folder / f"world{self._number}", self._emulator)
            self._built[blueprint.key] = built
        return built


FAILED = pytest.StashKey[bool]()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Let fixtures know whether their test failed."""
    report = yield
    item.stash[FAILED] = item.stash.get(FAILED, False) or report.failed
    return report


@pytest.fixture(scope="session")
def worlds(tmp_path_factory: pytest.TempPathFactory, emulator: Path) -> Worlds:
    """All worlds of this worker."""
    return Worlds(tmp_path_factory.mktemp("worlds"), emulator)


@pytest.fixture
def make_world(worlds: Worlds, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[MakeWorld]:
    """``make_world(modules=…, files=…, apply=…)``: a copy of another world, built once per blueprint and worker."""
    marker = request.node.get_closest_marker("way")
    properties: list[tuple[str, object]] = request.node.user_properties
    if marker is not None:
        against = marker.kwargs.get("against", getattr(request.module, "AGAINST", ""))
        properties += [("way", marker.args[0]), ("item", marker.kwargs.get("item", "")), ("against", against)]
    made: list[World] = []

    def make(**blueprint: object) -> World:
        built = worlds.get(Blueprint(**blueprint))  # type: ignore[arg-type]  # as Blueprint says
        folder = tmp_path / f"repo{len(made)}"
        note = lambda name, value: properties.append((name, value))  # noqa: E731 - a def would need three lines
        world = World(built, folder, note, comparing=request.config.getoption("--compare"))
        made.append(world)
        return world

    yield make
    for world in made:
        world.restore()
    noted = {name for name, _ in properties}
    if marker is not None and made and not request.node.stash.get(FAILED, False):
        assert {"stopped", "alive"} <= noted, "a way ends with what stopped it, and with world.assert_alive()"


@pytest.fixture
def world(make_world: MakeWorld) -> World:
    """The world that most ways begin in: the stage ``prod`` with the unit ``identity``, three users in its pool."""
    return make_world()


def pytest_configure(config: pytest.Config) -> None:
    """With ``--compare`` the process that the user started gathers the rows of the table."""
    if config.getoption("--compare") and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Gathering(), "escapes-table")


class Gathering:
    """Collects the row of each way from its test report, prints the table and writes it to ``docs/escapes.md``."""

    def __init__(self) -> None:
        self._rows: list[Row] = []
        self._failed: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the row from the teardown's report: it is the last one and has every recorded property."""
        if report.failed:
            self._failed.add(report.nodeid)
        if report.when == "teardown":
            row = row_of(report.user_properties, passed=report.nodeid not in self._failed)
            if row is not None:
                self._rows.append(row)

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print and write the table at the end of the run."""
        rows = merged((), self._rows)
        terminalreporter.write_line("")
        terminalreporter.write_line(plain(rows))
        terminalreporter.write_line(", ".join(f"{name}: {number}" for name, number in counts(rows).items()))
        write(PAGE, merged(read(PAGE), rows))
