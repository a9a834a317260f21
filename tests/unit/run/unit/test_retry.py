"""A command that changes nothing is tried again after an error that passes; everything else fails at once."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from orchestrator.config.catalogue import Unit
from orchestrator.report.model import Notice
from orchestrator.run.context import RunContext
from orchestrator.run.history.journal import Journal, load_journal
from orchestrator.run.scheduler import Stop
from orchestrator.run.unit.prepare import with_retries
from orchestrator.terraform import retries
from orchestrator.terraform.failures import TerraformError, failure
from tests.support.catalogue import loaded
from tests.support.project import REPOSITORY

PASSING = "Error: api error ThrottlingException: Rate exceeded"


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "DELAYS", (0.01, 0.02))


class Run:
    """A run whose command fails with these errors, one a try, and then succeeds."""

    def __init__(self, folder: Path, *errors: TerraformError, patterns: tuple[str, ...] = ()) -> None:
        text = "== stages/prod\naccount: main\nstacks: {app: }\n== stacks/app\nmodule: any\n"
        self.unit: Unit = loaded(folder, text).units["prod/app"]
        self.errors = list(errors)
        self.tries = 0
        self.notices: list[str] = []
        self.on_notice: Callable[[], None] = lambda: None
        self.stop = Stop()
        self.journal = Journal(folder / "journal.jsonl")
        run = SimpleNamespace(journal=self.journal, sink=self._hear, stop=self.stop)
        settings = SimpleNamespace(retry=patterns)
        self.context = cast("RunContext", SimpleNamespace(run=run, catalogue=SimpleNamespace(settings=settings)))

    def _hear(self, event: Any) -> None:
        assert isinstance(event, Notice)
        self.notices.append(event.text)
        self.on_notice()

    def act(self) -> str:
        self.tries += 1
        if self.errors:
            raise self.errors.pop(0)
        return "done"

    def go(self) -> str:
        action: Callable[[], str] = self.act
        return with_retries(self.context, self.unit, "plan", action)


def error(text: str, **more: Any) -> TerraformError:
    return failure("prod/app", "terraform plan", code=1, lines=text.splitlines(), **more)


def test_an_error_that_passes_is_tried_again_and_told(tmp_path: Path) -> None:
    run = Run(tmp_path, error(PASSING), error(PASSING))
    assert run.go() == "done"
    assert run.tries == 3
    assert "try 2 of 3" in run.notices[0]
    records = [each for each in load_journal(tmp_path / "journal.jsonl").records if each["event"] == "retried"]
    assert [each["unit"] for each in records] == ["prod/app", "prod/app"]


def test_after_three_tries_the_error_stands(tmp_path: Path) -> None:
    run = Run(tmp_path, *(error(PASSING) for _ in range(4)))
    with pytest.raises(TerraformError, match="Rate exceeded"):
        run.go()
    assert run.tries == 3


@pytest.mark.parametrize(
    "wrong",
    [
        error("Error: Invalid for_each argument"),
        error(PASSING, stopped=True),
        error(PASSING, timed_out=True),
    ],
)
def test_any_other_error_stands_at_once(tmp_path: Path, wrong: TerraformError) -> None:
    run = Run(tmp_path, wrong)
    with pytest.raises(TerraformError):
        run.go()
    assert (run.tries, run.notices) == (1, [])


def test_a_pattern_of_live_is_enough(tmp_path: Path) -> None:
    run = Run(tmp_path, error("Error: SSH handshake failed"), patterns=("handshake failed",))
    assert run.go() == "done"


def test_an_interrupt_ends_the_wait(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(retries, "DELAYS", (60.0, 60.0))
    run = Run(tmp_path, error(PASSING), error(PASSING))
    run.on_notice = run.stop.set
    with pytest.raises(TerraformError):
        run.go()
    assert run.tries == 1


def test_an_apply_is_never_tried_again() -> None:
    users = {
        path.relative_to(REPOSITORY).as_posix()
        for path in (REPOSITORY / "orchestrator").rglob("*.py")
        if "with_retries(" in path.read_text(encoding="utf-8")
    }
    folder = "orchestrator/run/unit"
    assert users == {f"{folder}/{name}.py" for name in ("prepare", "planner", "drifter")}
    planner = (REPOSITORY / folder / "planner.py").read_text(encoding="utf-8")
    assert "cli.apply" not in planner
