"""What is asked, what is refused, and when an approval no longer covers what would be done."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.project import Project
from tests.support.terminal import CTRL_C, on_a_terminal, once

pytestmark = pytest.mark.integration


@pytest.fixture
def project(tmp_path: Path, emulator: Path, account_ids: Callable[[], str]) -> Project:
    made = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {first: , second: }\n")
    made.write("live/stacks/first.yaml", "module: box\ninputs: {value: one}\n")
    made.write("live/stacks/second.yaml", "module: box\ninputs: {value: '${{ first.id }}'}\n")
    return made.ready()


def test_without_a_terminal_and_without_yes_nothing_is_asked_and_nothing_done(project: Project) -> None:
    result = project.orch("apply", "prod", code=2)
    assert "stdin is not a terminal" in result.err
    assert "--yes" in result.err


def test_yes_typed_once_applies_all(project: Project) -> None:
    code, text = on_a_terminal(project, "apply", "prod", answer=once("yes"))
    assert code == 0, text
    assert "Apply 2 units" in text
    assert text.count("will be accepted") == 1
    assert project.orch("plan", "prod", "--detailed-exitcode", code=0)


def test_any_other_word_changes_nothing(project: Project) -> None:
    code, text = on_a_terminal(project, "apply", "prod", answer=once("y"))
    assert code == 4, text
    project.orch("plan", "prod", "--detailed-exitcode", code=2)


@pytest.mark.full
def test_ctrl_c_at_the_question_ends_the_run_and_changes_nothing(project: Project) -> None:
    asked: list[int] = []

    def answer(text: str) -> str | None:
        if "will be accepted" in text and not asked:
            asked.append(1)
            return CTRL_C
        return None

    code, text = on_a_terminal(project, "apply", "prod", answer=answer)
    assert code == 130, text
    assert "No apply was running" in text
    project.orch("plan", "prod", "--detailed-exitcode", code=2)


def test_a_unit_that_would_do_more_than_its_preview_said_stops(project: Project) -> None:
    """Between the question and the apply of the second unit its state is changed by somebody else."""
    project.orch("apply", "prod", "--yes")
    project.write("live/stacks/first.yaml", "module: tool\ninputs: {value: two, replace_on: x, run: 'sleep 3'}\n")
    project.allow("prod/first")
    other = Project(project.root.parent / "other", emulator=None, accounts=project.accounts)
    target = other.root / ".orch" / "emulator"
    target.mkdir(parents=True)
    (target / "emulator.json").write_bytes((project.root / ".orch" / "emulator" / "emulator.json").read_bytes())
    (target / "emulator.json").chmod(0o600)
    other.write("live/stages/prod.yaml", "account: main\nstacks: {first: , second: }\n")
    other.write("live/stacks/first.yaml", "module: box\ninputs: {value: one}\n")
    other.write("live/stacks/second.yaml", "module: box\ninputs: {value: '${{ first.id }}', replace_on: mine}\n")

    def answer(text: str) -> str | None:
        typed = first(text)
        if typed is not None:
            other.orch("apply", "prod/second", "--yes")
        return typed

    first = once("yes")
    code, text = on_a_terminal(project, "apply", "prod", answer=answer)
    assert code == 4, text
    assert "no longer as approved" in text
    assert "not in the preview" in text or "the preview announced" in text


def test_with_yes_a_unit_after_its_upstreams_goes_on_only_if_nothing_is_lost(project: Project) -> None:
    project.write(
        "modules/many/main.tf",
        'variable "names" {\n  type = any\n}\nvariable "on" {\n  type = any\n  default = 1\n}\n'
        'resource "terraform_data" "x" {\n  for_each = toset(var.names)\n  triggers_replace = var.on\n}\n',
    )
    project.write("live/stages/prod.yaml", "account: main\nstacks: {first: , many: }\n")
    project.write("live/stacks/many.yaml", "module: many\ninputs: {names: ['${{ first.id }}']}\n")
    project.orch("apply", "prod", "--yes")
    # first is replaced, so its id is not known before, so `many` cannot be previewed, and loses its old resource.
    project.write("live/stacks/first.yaml", "module: box\ninputs: {value: one, replace_on: again}\n")
    result = project.orch("apply", "prod", "--yes", "--json", code=4)
    unit = result.units()["prod/many"]
    assert unit["status"] == "no longer as approved"
    assert "delete" in unit["cause"]
    code, text = on_a_terminal(project, "apply", "prod", answer=once("yes"))
    assert code == 0, text


@pytest.fixture
def restricted(project: Project) -> Project:
    account = project.root / "live" / "accounts" / "main.yaml"
    account.write_text(account.read_text().replace("access: open", "access: restricted"))
    return project


def git(project: Project, *arguments: str) -> None:
    subprocess.run(
        ["git", "-C", str(project.root), "-c", "user.name=t", "-c", "user.email=t@example.com", *arguments],
        check=True,
        capture_output=True,
    )


def test_a_restricted_account_refuses_yes_and_a_dirty_tree_outside_of_the_emulator(restricted: Project) -> None:
    real = {"ORCH_AWS": ""}
    refused = restricted.orch("apply", "prod", "--yes", code=2, CI="", **real)
    assert "restricted" in refused.err
    refused = restricted.orch("apply", "prod", "--yes", code=2, CI="true", **real)
    assert "uncommitted changes" in refused.err or "git" in refused.err
    git(restricted, "init", "-q")
    git(restricted, "commit", "--allow-empty", "-qm", "nothing yet")
    refused = restricted.orch("apply", "prod", "--yes", code=2, CI="true", ORCH_BASE="HEAD", **real)
    assert "uncommitted changes" in refused.err
    (restricted.root / ".gitignore").write_text(".orch/\n")
    git(restricted, "add", "-A")
    git(restricted, "commit", "-qm", "all")
    # Now only credentials are missing: the rules for restricted accounts are met.
    home = str(restricted.root.parent)
    refused = restricted.orch("apply", "prod", "--yes", code=2, CI="true", HOME=home, ORCH_BASE="HEAD", **real)
    assert "credentials" in refused.err


def test_on_the_emulator_a_restricted_account_is_like_any_other(restricted: Project) -> None:
    restricted.orch("apply", "prod", "--yes")
