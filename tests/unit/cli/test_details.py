"""What tables of commands hold, with and without ``--verbose``; and that help keeps words whole."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import pytest

from orchestrator.aws.state.locks import HeldLock
from orchestrator.cli.app import command_line
from orchestrator.cli.command_table import COMMANDS
from orchestrator.cli.commands.unlock import _facts
from orchestrator.cli.project import Project as Opened
from orchestrator.config.load import load
from orchestrator.report.final.report import render_report
from orchestrator.report.model import RunReport, Status, UnitReport
from orchestrator.run.history.journal import Journal
from orchestrator.run.unit.lock_holders import Holder
from orchestrator.terraform.model import Action
from orchestrator.terraform.state.lock import StateLock
from tests.support.project import Project
from tests.support.reports import change, lines

WITHOUT_DETAILS = {
    "account list",
    "account new",
    "comment",
    "completion",
    "credentials",
    "diff",
    "emulator reset",
    "emulator start",
    "emulator status",
    "emulator stop",
    "graph",
    "issue",
    "output",
    "pr command",
    "pr number",
    "pr status",
    "pr waiver",
    "providers lock",
    "schema",
    "stage list",
    "stage new",
    "terraform",
    "unlock",
    "verify",
    "version",
    "waive",
}
NAMES = [each.name for entries in COMMANDS.values() for each in entries]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    project = Project(tmp_path / "repo", emulator=None, accounts={"main": "123123123123"})
    project.write("live/stages/prod.yaml", "account: main\nstacks: {first: , second: }\n")
    project.write("live/stacks/first.yaml", "module: box\ninputs: {value: 1}\n")
    project.write("live/stacks/second.yaml", "module: box\ninputs: {value: '${{ first.value }}'}\n")
    return project


OFFLINE = {
    "check": ("check", "--fast"),
    "doctor": ("doctor",),
    "list": ("list",),
    "runs": ("runs",),
    "show": ("show", "prod/first"),
}
"""Commands that need no AWS, with arguments. The others show the report of a run."""
OF_RUNS = {"adopt", "apply", "bootstrap", "destroy", "drift", "move", "plan", "rehearse", "stage reap"}


def help_of(name: str) -> str:
    """The help of a command on a terminal with 80 columns."""
    command, context = command_line(), None
    for word in ("orch", *name.split()):
        command = command if word == "orch" else cast("Any", command).commands[word]
        context = command.make_context(word, [], parent=context, resilient_parsing=True, terminal_width=80)
    assert context is not None
    return context.get_help()


@pytest.mark.parametrize("name", NAMES)
def test_help_breaks_no_word_and_offers_details_where_there_are_some(name: str) -> None:
    text = help_of(name)
    assert not [line for line in text.split("\n") if len(line) > 80]
    assert not re.search(r"\w-\n", text), "a word is broken at its hyphen"
    assert ("--verbose" in text) == (name not in WITHOUT_DETAILS)


def test_every_command_that_offers_details_has_some() -> None:
    assert set(NAMES) - WITHOUT_DETAILS == OFFLINE.keys() | OF_RUNS | {"init"}


@pytest.mark.parametrize("name", OFFLINE)
def test_details_are_more_lines_or_more_columns(project: Project, name: str) -> None:
    past_run(project)

    def words(*more: str) -> list[str]:
        return project.orch(*OFFLINE[name], *more, "--no-color", code=None).out.split()

    assert len(words("-v")) > len(words())


@pytest.mark.parametrize("verb", sorted(OF_RUNS - {"rehearse", "stage reap"}))
def test_reports_of_runs_have_details(verb: str) -> None:
    """`orch stage reap` shows the report of a destroy; that of a rehearsal has its own test."""
    changed = lines(change(Action.UPDATE, {"name": "a"}, {"name": "b"}))
    units = (
        UnitReport("prod/first", "main", "eu-west-1", Status.UNCHANGED),
        UnitReport("prod/second", "main", "eu-west-1", Status.APPLIED, changes=changed),
    )
    report = RunReport(run="r", verb=verb, targets=("prod",), units=units, seconds=1.0)
    for detail in ('"a" → "b"', "prod/first   unchanged"):
        assert detail in render_report(report, verbose=True)
        assert detail not in render_report(report)


def test_init_lists_each_file(tmp_path: Path) -> None:
    given = ["--name", "acme", "--region", "eu-west-1", "--management", "999999999999"]
    given += ["--account", "production=111111111111", "--account", "development=222222222222"]
    assert "live/orch.yaml" not in Project.at(tmp_path / "one", {}).orch("init", *given).out
    assert "live/orch.yaml" in Project.at(tmp_path / "two", {}).orch("init", *given, "-v").out


def test_list(project: Project) -> None:
    assert project.orch("list").out.split("\n")[0].split() == ["unit", "account", "region", "module", "upstreams"]
    shown = project.orch("list", "prod/second", "-v").out.split("\n")
    assert " ".join(shown[0].split()) == "unit account region module set by state upstreams"
    assert shown[1].split()[4:] == [
        "live/stages/prod.yaml:2:19",
        "s3://t-123123123123-tfstate/prod/second/eu-west-1/terraform.tfstate",
        "prod/first",
    ]
    (row,) = project.orch("list", "prod/second", "--json").json["rows"]
    assert set(row) == {"unit", "account", "region", "module", "set_by", "state", "upstreams"}
    assert row["upstreams"] == ["prod/first"], "also what lies outside of the selection"


def test_graph_names_upstreams_outside_of_the_selection(project: Project) -> None:
    for format_ in ("tree", "mermaid", "dot", "json"):
        assert "prod/first" in project.orch("graph", "prod/second", "--format", format_, "-v").out


def test_show_lists_what_nothing_sets(project: Project) -> None:
    assert "replace_on" not in project.orch("show", "prod/first").out
    assert "replace_on" in project.orch("show", "prod/first", "-v").out
    (unset,) = project.orch("show", "prod/first", "--json").json["unset"]
    assert unset == {"input": "replace_on", "type": "any", "where": "modules/box/variables.tf:6:1"}


def past_run(project: Project) -> None:
    (project.root / ".orch/runs/20260101-000000-aaaa").mkdir(parents=True)
    journal = Journal(project.root / ".orch/runs/20260101-000000-aaaa/journal.jsonl")
    journal.write("run-started", verb="plan", targets=["prod"], units=["prod/first"], user="maria", host="build-7")


def test_runs(project: Project) -> None:
    past_run(project)
    assert "maria" not in project.orch("runs").out
    shown = project.orch("runs", "-v").out
    assert "maria" in shown
    assert "build-7" in shown


def test_doctor_shows_the_environment_that_counts(project: Project) -> None:
    env = {"AWS_PROFILE": "team", "AWS_SECRET_ACCESS_KEY": "hunter2"}
    assert "AWS_PROFILE=team" not in project.orch("doctor", code=None, **env).out
    shown = project.orch("doctor", "-v", code=None, **env).out
    assert "AWS_PROFILE=team" in shown
    assert "hunter2" not in shown


def test_check_notes_modules_that_are_not_pinned(project: Project) -> None:
    text = (project.root / "live/orch.yaml").read_text()
    project.write("live/orch.yaml", text + 'module_sources: ["git::https://example.com/a.git", "acme/net/aws"]\n')
    project.write("live/stacks/first.yaml", "module: git::https://example.com/a.git\n")
    project.write("modules/box/call.tf", 'module "net" {\n  source = "acme/net/aws"\n}\n')
    rows = project.orch("check", "--fast", "--json", code=None).json["rows"]
    notes = {row["subject"]: row["note"] for row in rows if row["check"] == "modules" and row["note"]}
    assert notes["live/stacks/first.yaml:1:9"] == (
        "git::https://example.com/a.git has no ?ref=, so a run uses whatever its default branch has then — add `version:` "
        "with a tag, commit or version"
    )
    assert "acme/net/aws has no version" in next(
        text for where, text in notes.items() if where.startswith("modules/box")
    )


def test_unlock_says_all_that_is_known_of_a_lock(project: Project) -> None:
    catalogue = load(project.root)
    lock = StateLock(
        id="id-1",
        operation="OperationTypeApply",
        who="maria@build-7",
        version="1.11.4",
        created=datetime(2026, 1, 1, tzinfo=UTC),
        info="why",
    )
    opened = cast("Opened", SimpleNamespace(catalogue=catalogue))
    found = _facts(opened, HeldLock("prod/first", lock, "etag"), Holder(lock, run="20260101-000000-aaaa"))
    assert found.pop("age")
    assert found == {
        "unit": "prod/first",
        "holder": "maria",
        "host": "build-7",
        "operation": "apply",
        "since": "2026-01-01T00:00:00+00:00",
        "process": "is on another machine",
        "run": "20260101-000000-aaaa",
        "alive": None,
        "version": "1.11.4",
        "id": "id-1",
        "info": "why",
        "state": "s3://t-123123123123-tfstate/prod/first/eu-west-1/terraform.tfstate",
    }


@pytest.mark.parametrize(("written", "read"), [("2027-01-31", "2027-01-31"), ("'2027-01-31'", "2027-01-31")])
def test_a_date_needs_no_quotes(project: Project, written: str, read: str) -> None:
    project.write("live/stages/prod.yaml", f"account: main\nexpires: {written}\nstacks: {{first: }}\n")
    assert load(project.root).stages["prod"].expires == read


@pytest.mark.parametrize("written", ["2027-02-30", "31.01.2027", "tomorrow", "20270131"])
def test_what_is_no_date_is_refused_at_its_place(project: Project, written: str) -> None:
    project.write("live/stages/prod.yaml", f"account: main\nexpires: {written}\nstacks: {{first: }}\n")
    refused = project.orch("list", code=2).err
    assert "live/stages/prod.yaml:2:10" in refused
    assert "2027-01-31" in refused
