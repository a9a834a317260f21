"""``orch comment`` as a process: from saved runs to a file, without AWS."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.report.comment.marker import parse_marker
from orchestrator.report.model import RunReport, Status
from orchestrator.report.rehearsal.json_form import rehearsal_form
from orchestrator.report.rehearsal.model import Outcome, RehearsedUnit
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.history.reports import save_report
from orchestrator.run.rehearse.record import save_rehearsal
from tests.support.comments import RUN, attribute, pool_finding, pool_replacement, receipt, run, unit, update
from tests.support.project import Project
from tests.support.rehearsals import mixed, whole

LATER = "20261124-140000-0000"
BASE = "20261124-120000-0000"
DRIFT = update("aws_s3_bucket.this", attribute("tags.Owner", '"somebody"', '"platform"'))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "repo", emulator=None, accounts={"main": "111111111111"})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {identity: }\n")
    made.write("live/stacks/identity.yaml", "module: box\n")
    identity = unit(
        "prod/identity", pool_replacement(), status=Status.BLOCKED, findings=(pool_finding("prod/identity"),)
    )
    save(made, run(identity, unit("prod/data", DRIFT)))
    save(made, run(unit("prod/data", DRIFT), run_id=BASE))
    save(made, run(unit("prod/jobs", DRIFT), unit("test/jobs", DRIFT), run_id=LATER))
    folders = RunPaths(root=made.root, run=RUN)
    (folders.of_run / "receipts/prod/data").mkdir(parents=True)
    receipt("prod/data").write(folders.of_run / "receipts/prod/data/eu-west-1.json")
    return made


def save(project: Project, report: RunReport) -> None:
    folders = RunPaths(root=project.root, run=report.run)
    folders.of_run.mkdir(parents=True)
    save_report(folders, report)


def test_a_comment_of_two_runs_and_one_of_base(project: Project, tmp_path: Path) -> None:
    files = [str(tmp_path / name) for name in ("comment.md", "x.sarif", "x.xml")]
    options = ("--base", BASE, "--stage", "prod", "--file", files[0], "--sarif", files[1], "--junit", files[2])
    assert project.orch("comment", RUN, LATER, *options).out == ""
    text, sarif, junit = (Path(name).read_text() for name in files)
    marker = parse_marker(text)
    assert marker is not None
    assert (marker.stage, marker.run, marker.head) == ("prod", LATER, receipt("prod/data").commit)
    assert "### 🛑 prod: 1 blocked, 1 create" not in text
    assert "### 🛑 prod: 1 blocked, 1 update, 1 unchanged" in text
    assert "#### Differed before this pull request" in text
    assert "Judged: 3 of 3 checks ran on 3 plans" in text
    assert [each["ruleId"] for each in json.loads(sarif)["runs"][0]["results"]] == ["ORCH_PROTECTED"]
    assert 'failures="1"' in junit


def test_the_same_comment_as_json_with_its_check(project: Project) -> None:
    told = project.orch("comment", RUN, LATER, "--file", "-", "--json").json
    assert (told["format"], told["kind"]) == (1, "comment")
    by_stage = {each["stage"]: each for each in told["stages"]}
    prod, test = by_stage["prod"], by_stage["test"]
    assert prod["complete"] is True
    assert parse_marker(prod["text"]) is not None
    check = prod["check"]
    assert (check["name"], check["conclusion"]) == ("orch: prod", "action_required")
    assert check["annotations"][0]["where"] == {"file": "live/stacks/identity.yaml", "line": 7, "column": 5}
    assert test["check"]["conclusion"] == "neutral"
    assert project.orch("comment", RUN, "--file", "-").out.startswith("<!-- orch:v1 stage=prod")


def test_a_file_for_each_stage_and_none_from_an_older_run_over_a_newer_one(project: Project, tmp_path: Path) -> None:
    one = project.orch("comment", LATER, "--file", str(tmp_path / "comment.md"), code=2)
    assert "2 stages do not fit in one file: prod, test" in one.err
    names = ("--file", str(tmp_path / "{stage}.md"), "--full", str(tmp_path / "{stage}.full.md"))
    project.orch("comment", LATER, *names)
    newer = (tmp_path / "prod.md").read_bytes()
    assert (tmp_path / "test.full.md").read_bytes() == (tmp_path / "test.md").read_bytes()
    older = project.orch("comment", RUN, "--file", str(tmp_path / "prod.md"))
    assert (tmp_path / "prod.md").read_bytes() == newer
    assert f"prod.md stays as it is: it is from run {LATER}, which is newer" in older.err


def test_a_change_that_touches_no_unit_updates_the_same_comment(project: Project, tmp_path: Path) -> None:
    file = tmp_path / "prod.md"
    project.orch("comment", LATER, "--stage", "prod", "--file", str(file))
    project.orch("comment", "--stage", "prod", "--file", str(file))
    assert "### ✅ prod: no unit is affected" in file.read_text()


def test_a_stage_that_is_nowhere_gets_no_green_check(project: Project) -> None:
    for runs in ([], [LATER], ["--base", BASE]):
        refused = project.orch("comment", *runs, "--stage", "prdo", "--file", "-", code=2)
        assert "no run and no file of live/ has a stage 'prdo'" in refused.err
        assert 'did you mean "prod"?' in refused.err
        assert refused.out == ""
    # A stage that the change removes is still in the run that planned it.
    assert "test" in project.orch("comment", LATER, "--stage", "test", "--file", "-").out
    (project.root / "live/stages/prod.yaml").write_text("broken: [")
    assert "prod" in project.orch("comment", RUN, "--stage", "prod", "--file", "-").out


def test_mistakes(project: Project) -> None:
    without = project.orch("comment", RUN, code=2).err
    assert "nowhere to post: this is no run of GitHub Actions or GitLab CI" in without
    assert "--file FILE" in without
    both = project.orch("comment", RUN, "--file", "-", "--pull-request", "7", code=2).err
    assert "--file writes the comment in place of posting it" in both
    assert "there is no run 'nothing'" in project.orch("comment", "nothing", "--file", "-", code=2).err
    assert "no run given" in project.orch("comment", "--file", "-", code=2).err
    report = RunPaths(root=project.root, run=RUN).report
    report.write_text(report.read_text().replace('"region": "eu-west-1"', '"region": 7'))
    assert "report.json is not the report of a run" in project.orch("comment", RUN, "--file", "-", code=2).err


def test_a_rehearsal_has_a_comment_and_a_check_beside_those_of_a_plan(project: Project, tmp_path: Path) -> None:
    run_id = "20261124-150000-0000"
    save(project, run(unit("prod/identity"), run_id=run_id, verb="rehearse"))
    save_rehearsal(RunPaths(root=project.root, run=run_id), replace(mixed(), run=run_id))
    stages = project.orch("comment", RUN, run_id, "--file", "-", "--json").json["stages"]
    assert [(each["stage"], each["check"]["name"]) for each in stages] == [
        ("prod", "orch: prod"),
        ("rehearse.prod", "orch rehearse: prod"),
    ]
    (only,) = project.orch("comment", run_id, "--stage", "prod", "--file", "-", "--json").json["stages"]
    assert only["check"]["conclusion"] == "action_required"
    project.orch(
        "comment", RUN, run_id, "--file", str(tmp_path / "x-{stage}.md"), "--full", str(tmp_path / "f-{stage}.md")
    )
    assert {path.name for path in tmp_path.glob("*.md")} == {
        f"{kind}-{stage}.md" for kind in "xf" for stage in ("prod", "rehearse.prod")
    }
    assert "prod, rehearsed: 1 lost" in (tmp_path / "x-rehearse.prod.md").read_text()


def test_a_shown_rehearsal_says_what_survived(project: Project) -> None:
    run_id = "20261124-150000-0000"
    save(project, run(unit("prod/identity"), run_id=run_id, verb="rehearse"))
    save_rehearsal(RunPaths(root=project.root, run=run_id), replace(mixed(), run=run_id))
    shown = project.orch("show", run_id).out
    assert re.search(r"prod/orders +lost +aws_dynamodb_table.this +replaced +3 items +0", shown)
    assert shown.splitlines()[-1].startswith("orch rehearse prod: 1 lost")
    assert "judged" not in shown, "the run of head is shown with -v"
    verbose = project.orch("show", run_id, "-v").out
    assert verbose.startswith(shown.splitlines()[0])
    assert "judged" in verbose
    form = project.orch("show", run_id, "--json").json
    assert (form["kind"], form["verb"]) == ("show-run", "rehearse")
    assert form["rehearsal"]["result"].startswith("1 lost")
    assert project.orch("show", RUN, "--json").json["rehearsal"] is None


def test_a_rehearsal_that_cannot_be_read_is_an_error(project: Project) -> None:
    (RunPaths(root=project.root, run=RUN).of_run / "rehearsal.json").write_text("{}")
    result = project.orch("comment", RUN, "--file", "-", code=2)
    assert "rehearsal.json is not the record of a rehearsal" in " ".join(result.err.split())


LONG = "x" * 70_000
DEEP = "[" * 100_000


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        ("report.json", {"units": [], "targets": [LONG]}, "a name of more than 300 characters"),
        ("rehearsal.json", {"units": [{**rehearsal_form(mixed())["units"][0], "unit": f"{LONG}/x"}]}, "more than 300"),
        ("rehearsal.json", DEEP, "cannot be read"),
        ("report.json", DEEP, "no readable report"),
        ("report.json", {"units": [], "targets": ["\ud800"]}, ""),
        ("receipts/prod/data/eu-west-1.json", DEEP, ""),
        ("receipts/prod/data/eu-west-1.json", {"unit": ["prod/data"], "json_sha256": {}}, ""),
        ("receipts/prod/data/eu-west-1.json", {"json_sha256": "\ud800"}, ""),
    ],
)
def test_a_record_that_somebody_else_wrote_is_an_error_or_shown_but_never_a_crash(
    project: Project, name: str, change: dict[str, Any] | str, says: str
) -> None:
    folder = RunPaths(root=project.root, run=RUN).of_run
    if name == "rehearsal.json":
        (folder / name).write_text(json.dumps(rehearsal_form(replace(mixed(), run=RUN))))
    file = folder / name
    file.write_text(change if isinstance(change, str) else json.dumps(json.loads(file.read_text()) | change))
    done = project.orch("comment", RUN, "--stage", "prod", "--file", "-", code=2 if says else 0)
    assert says in " ".join(done.err.split())


def test_of_a_fork_nothing_but_a_rehearsal_is_shown(project: Project) -> None:
    assert f"run {RUN} is not a rehearsal" in project.orch("comment", RUN, "--fork", "--file", "-", code=3).err
    assert "no run given" in project.orch("comment", "--fork", "--file", "-", code=2).err
    both = project.orch("comment", RUN, "--fork", "--base", BASE, "--file", "-", code=2).err
    assert "nothing but its rehearsal" in both
    save_rehearsal(RunPaths(root=project.root, run=RUN), replace(mixed(), run=RUN))
    many = [RehearsedUnit(f"s{n}/x", Outcome.NEW) for n in range(51)]
    save_rehearsal(RunPaths(root=project.root, run=LATER), replace(whole(*many), run=LATER))
    assert "the runs name 51 stages" in project.orch("comment", LATER, "--fork", "--file", "-", code=3).err
    (RunPaths(root=project.root, run=LATER).of_run / "rehearsal.json").unlink()
    (shown,) = project.orch("comment", RUN, "--fork", "--file", "-", "--json").json["stages"]
    assert shown["stage"] == "rehearse.prod"
    assert f"run {LATER} is not" in project.orch("comment", RUN, LATER, "--fork", "--file", "-", code=3).err


def test_a_file_that_is_no_file_of_a_comment(project: Project, tmp_path: Path) -> None:
    shown = project.orch("comment", RUN, "--file", "/dev/stdout").out
    assert shown == project.orch("comment", RUN, "--file", "-").out
    assert "cannot" in project.orch("comment", RUN, "--file", str(tmp_path), code=2).err
    assert "cannot" in project.orch("comment", RUN, "--file", "/dev/full", code=2).err
