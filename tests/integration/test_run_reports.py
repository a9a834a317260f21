"""Each run's report is there afterwards, however the run ended."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.run.history.reports import find_report, saved_reports
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
    project.write("live/stacks/first.yaml", "module: tool\ninputs: {value: one, replace_on: 1, run: 'exit 7'}\n")
    project.allow("prod/first")
    failed = project.orch("apply", "prod/first", "--yes", "--json", code=1).json
    assert find_report(project.root, failed["run"]) == failed
    assert failed["units"][0]["status"] == "failed"


def test_a_run_and_a_block_of_it_are_shown(project: Project) -> None:
    run = project.orch("apply", "prod", "--yes", "--json").json["run"]
    text = project.orch("show", run).out
    assert "orch apply prod" in text
    assert "serial 1" in text
    assert "no receipt" not in text
    shown = project.orch("show", run, "--json").json
    assert [receipt["wrote"]["last"] for receipt in shown["receipts"]] == [1, 1]
    assert shown["report"]["run"] == run
    assert "run-ended" in {event["event"] for event in shown["events"]}
    project.write(
        "policies/protected.yaml",
        "terraform_data:\n  lost: what is in the box\n  severity: data\n  delete_apis: ['s3:DeleteObject']\n",
    )
    project.write("live/stacks/second.yaml", "module: box\ninputs: {value: '${{ first.id }}', replace_on: 1}\n")
    blocked = project.orch("apply", "prod/second", "--yes", "--json", code=3).units()["prod/second"]
    (finding,) = blocked["findings"]
    text = project.orch("show", finding["id"]).out
    assert "ORCH_PROTECTED" in text
    assert "what is in the box" in text
    assert f"orch waive {finding['id']}" in text
    assert project.orch("show", finding["id"], "--json").json["finding"] == finding
    assert "no run on this machine has a finding" in project.orch("show", "0123456789", code=2).err
    assert "newest runs" in project.orch("show", "20200101-000000-0000", code=2).err


def test_a_destroy_lists_what_terraform_does_not_plan_any_more(project: Project) -> None:
    lock = "lifecycle {\n    prevent_destroy = true\n  }"
    project.write(
        "modules/pair/main.tf",
        f"""\
resource "terraform_data" "pool" {{
  input = "pool"
  {lock}
}}
resource "terraform_data" "client" {{
  input = terraform_data.pool.id
  {lock}
}}
""",
    )
    project.write("live/stacks/pair.yaml", "module: pair\n")
    project.write("live/stages/pair.yaml", "account: main\nstacks: {pair: }\n")
    project.orch("apply", "pair", "--yes", "-q")
    failed = project.orch("destroy", "pair", "--yes", "--json", code=1).units()["pair/pair"]
    assert [change["address"] for change in failed["changes"]] == ["terraform_data.client", "terraform_data.pool"]
    project.write(
        "policies/protected.yaml",
        "terraform_data:\n  lost: what is in the box\n  severity: data\n  delete_apis: ['s3:DeleteObject']\n",
    )
    report = project.orch("destroy", "pair", "--yes", "--json", code=3).units()["pair/pair"]
    assert [change["address"] for change in report["changes"]] == ["terraform_data.client", "terraform_data.pool"]
    assert report["counts"]["delete"] == 2
    text = project.orch("destroy", "pair", "--yes", code=3).out
    assert "pair/pair  blocked: 2 protected resources would be lost" in text
    assert "  - terraform_data.pool  ORCH_" in text


def test_a_run_that_ends_with_an_error_or_an_interrupt_leaves_its_report(project: Project) -> None:
    project.orch("apply", "prod", "--yes")
    project.orch("destroy", "prod/first", "--yes", code=2)  # prod/second depends on it
    refused = newest(project)
    assert (refused["verb"], refused["outcome"]) == ("destroy", "failed")
    assert "cannot destroy prod/first: prod/second depends on it" in refused["error"]
    project.write("live/stacks/first.yaml", "module: tool\ninputs: {value: two, replace_on: 1, run: 'sleep 4'}\n")
    project.allow("prod/first")
    process = subprocess.Popen(
        project.command("apply", "prod", "--yes", "-q"), env=project.environment(), cwd=REPOSITORY, text=True
    )
    deadline = time.monotonic() + 60
    log = "logs/prod/first/eu-west-1.log"  # the child's: a signal before it starts would keep it from starting
    while not ((file := (journal := newest_journal(project)).parent / log).exists() and "Creating" in file.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) == 130
    report = newest(project)
    assert report["run"] == journal.parent.name
    assert (report["outcome"], report["interrupted"]) == ("interrupted", True)
    assert [unit["status"] for unit in report["units"]] == ["applied", "interrupted"]
