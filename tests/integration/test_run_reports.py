"""Each run's report is there afterwards, however the run ended."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.run.records import find_report, saved_reports
from tests.support.project import REPOSITORY, Project

pytestmark = pytest.mark.integration


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {first: , second: }\n")
    made.write("live/stacks/first.yaml", "module: box\ninputs: {value: one}\n")
    made.write("live/stacks/second.yaml", "module: box\ninputs: {value: '${{ first.id }}'}\n")
    return made.ready()


def newest(project: Project) -> dict[str, Any]:
    return next(report for _, report in saved_reports(project.root))


def newest_journal(project: Project) -> Path:
    return max((project.root / ".orch" / "runs").glob("*/journal.jsonl"))


def test_the_report_of_a_run_is_its_json(project: Project) -> None:
    shown = project.orch("apply", "prod", "--yes", "--json")
    run = shown.json["run"]
    file = project.root / ".orch" / "runs" / run / "report.json"
    assert file.read_text() == shown.out
    assert file.stat().st_mode & 0o777 == 0o600
    project.write("live/stacks/first.yaml", "module: box\ninputs: {value: one, replace_on: 1, run: 'exit 7'}\n")
    failed = project.orch("apply", "prod/first", "--yes", "--json", code=1).json
    assert find_report(project.root, failed["run"]) == failed
    assert failed["units"][0]["status"] == "failed"


def test_a_run_that_ends_with_an_error_or_an_interrupt_leaves_its_report(project: Project) -> None:
    project.orch("apply", "prod", "--yes")
    project.orch("destroy", "prod/first", "--yes", code=2)  # prod/second stands on it
    refused = newest(project)
    assert (refused["verb"], refused["outcome"]) == ("destroy", "failed")
    assert "prod/second stands on prod/first" in refused["error"]
    project.write("live/stacks/first.yaml", "module: box\ninputs: {value: two, replace_on: 1, run: 'sleep 4'}\n")
    process = subprocess.Popen(
        project.command("apply", "prod", "--yes", "-q"), env=project.environment(), cwd=REPOSITORY, text=True
    )
    deadline = time.monotonic() + 60
    while '"apply-started"' not in (journal := newest_journal(project)).read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    report = newest(project)
    assert report["run"] == journal.parent.name
    assert (report["outcome"], report["interrupted"]) == ("interrupted", True)
    assert [unit["status"] for unit in report["units"]] == ["applied", "interrupted"]
