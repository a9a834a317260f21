"""Exit codes of commands that end before a unit runs: errors with ``--detailed-exitcode``, and nothing to do."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "repo", emulator=None, accounts={"production": "111111111111"})
    made.write("live/stages/prod.yaml", "account: production\nstacks: {first: }\n")
    made.write("live/stacks/first.yaml", "module: box\ninputs: {value: one}\n")
    return made


def commit(project: Project) -> None:
    project.write(".gitignore", ".orch/\n")
    project.git("init", "-q", "-b", "main")
    project.git("add", ".")
    project.git("commit", "-q", "-m", "All")


@pytest.mark.parametrize("verb", ["plan", "drift"])
@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["nothere"],
        ["prod", "--nothere"],
        ["prod", "--timeout", "soon"],
        ["prod", "--parallelism", "many"],
        ["prod", "--exclude", "prod"],
        ["prod", "--changed", "nothere"],
        ["prod", "--scheduler", "tcp://somewhere:1"],
    ],
)
def test_with_detailed_exitcode_every_error_is_1_because_2_means_changes(
    project: Project, verb: str, arguments: list[str]
) -> None:
    project.orch(verb, *arguments, code=2)
    told = project.orch(verb, *arguments, "--detailed-exitcode", "--json", code=1)
    if told.out:  # Click's own errors are text.
        assert told.json["exit_code"] == 1


def test_an_invalid_configuration_is_1_too(project: Project) -> None:
    project.write("live/stacks/first.yaml", "module: box\ninputs: {valeu: one}\n")
    project.orch("plan", "prod", code=2)
    assert project.orch("plan", "prod", "--detailed-exitcode", "--json", code=1).json["error"] == "catalogue"
    (project.root / "live" / "orch.yaml").unlink()
    project.orch("plan", "prod", "--detailed-exitcode", code=1)


def test_a_diff_that_fails_is_1_and_differences_are_2(project: Project) -> None:
    for arguments in (["main"], ["main", "--nothere"]):
        project.orch("diff", *arguments, code=2)
        project.orch("diff", *arguments, "--detailed-exitcode", "--json", code=1)  # no repository, no such option
    commit(project)
    for arguments in (["nothere"], ["main", "nothere"], []):
        project.orch("diff", *arguments, code=2)
        project.orch("diff", *arguments, "--detailed-exitcode", code=1)
    assert project.orch("diff", "main", "--detailed-exitcode", "--json").json["rows"] == []
    project.write("live/stacks/first.yaml", "module: box\ninputs: {value: two}\n")
    project.orch("diff", "main", "--detailed-exitcode", code=2)
    project.write("live/stacks/first.yaml", "module: box\ninputs: {valeu: two}\n")
    assert project.orch("diff", "main", "--detailed-exitcode", "--json", code=1).json["error"] == "catalogue"


def test_an_option_of_another_program_is_not_orchs(project: Project) -> None:
    project.orch("terraform", "prod/first", "--", "taint", "--detailed-exitcode", code=2)
    refused = project.orch("terraform", "prod/first", "--", "taint", "--json", code=2)
    assert refused.out == ""


def test_nothing_changed_is_success_with_nothing_in_it(project: Project) -> None:
    project.orch("schema")
    commit(project)
    changed = ("--changed", "main")
    assert project.orch("list", *changed, "--json").json["rows"] == []
    assert project.orch("list", *changed, "--matrix", "account").json == {"include": []}
    assert project.orch("list", *changed, "--matrix", "stage").json == {"include": []}
    checked = project.orch("check", *changed, "--fast", "--json").json["rows"]
    assert {row["check"] for row in checked} >= {"configuration", "modules", "policies"}
    assert not [row for row in checked if row["check"] == "roots" or row["problem"]]
    assert "No selected unit differs from main" in project.orch("check", "prod", *changed, "--fast").err
    rehearsed = project.orch("rehearse", *changed, "--json").json
    assert (rehearsed["kind"], rehearsed["units"], rehearsed["exit_code"]) == ("rehearsal", [], 0)
    assert project.orch("rehearse", *changed, "--dry-run", "--json").json["rows"] == []
    written = project.root / ".orch" / "rehearsal.md"
    assert project.orch("rehearse", *changed, "--file", str(written)).out.startswith(
        "No selected unit differs from main."
    )
    assert written.read_text() == "No selected unit differs from main.\n", "the file is there for who reads it next"
    assert project.orch("graph", *changed, "--json").json["units"] == []
    assert project.orch("graph", *changed).out.strip() == ""
    assert "No selected unit differs from main" in project.orch("list", "prod", *changed).err
    for verb, more in (("plan", ["--detailed-exitcode"]), ("drift", ["--detailed-exitcode"]), ("apply", []), ("apply", ["--yes"])):  # fmt: skip
        told = project.orch(verb, "prod", *changed, *more, "--json").json
        assert (told["kind"], told["verb"], told["outcome"], told["units"]) == ("run", verb, "nothing to do", [])
        shown = project.orch(verb, "prod", *changed, *more).out.splitlines()
        assert shown == ["No selected unit differs from main.", f"orch {verb} prod: nothing to do"]
    assert not (project.root / ".orch" / "runs").exists(), "no run was begun"

    project.write("live/stacks/first.yaml", "module: box\ninputs: {value: two}\n")
    assert [row["unit"] for row in project.orch("list", *changed, "--json").json["rows"]] == ["prod/first"]
    project.orch("plan", "nothere", *changed, code=2)


def test_missing_targets_are_ignored_if_asked_for(project: Project) -> None:
    project.orch("plan", "prod/gone", "test", code=2)
    told = project.orch("plan", "prod/gone", "test", "--ignore-missing", "--json").json
    assert (told["outcome"], told["units"], told["targets"]) == ("nothing to do", [], ["prod/gone", "test"])
    assert project.orch("plan", "prod/gone", "--ignore-missing").out.startswith("No target matches a unit.")
    assert "no target given" in project.orch("plan", "--ignore-missing", code=2).err
    assert not (project.root / ".orch" / "runs").exists(), "no run was begun"


def test_an_invalid_configuration_does_not_keep_the_emulator_running(project: Project) -> None:
    project.write("live/stacks/first.yaml", "module: box\ninputs: {valeu: one}\n")
    assert "No emulator is running" in project.orch("emulator", "status").out
    assert "No emulator was running" in project.orch("emulator", "stop").out
    assert "no emulator is running" in project.orch("emulator", "reset", code=2).err
    assert project.orch("schema", "--json").json["rows"], "editors need the schemas most where there are errors"
