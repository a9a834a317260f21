"""`orch init`: its options, its questions, and what it refuses; the platform that it writes is in tests/integration."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.project import Project
from tests.support.terminal import on_a_terminal

GIVEN = ("--name", "acme", "--region", "eu-west-1", "--management", "999999999999")
ACCOUNTS = ("--account", "production=111111111111", "--account", "development=222222222222")

GITHUB = ("workflows/orch", "workflows/orch-drift", "workflows/orch-fork", "actions/orch/action")


@pytest.fixture
def empty(tmp_path: Path) -> Project:
    return Project.at(tmp_path / "new", {})


def test_it_writes_a_platform_and_names_the_next_commands(empty: Project) -> None:
    shown = empty.orch("init", *GIVEN, *ACCOUNTS, ORCH_PROVIDER_MIRROR="none").out
    assert (empty.root / "live/orch.yaml").is_file()
    assert not (empty.root / "live/providers.lock.hcl").exists()
    lines = [line.split("#")[0].strip() for line in shown.splitlines()]
    assert f"Next in {empty.root}:" in lines
    assert "For CI: requirements.txt says what to install" in lines[-1]
    assert lines[-6:-2] == [
        "git init",
        "orch providers lock && orch check",
        "orch plan dev --emulator",
        "orch bootstrap development",
    ]
    assert {row["result"] for row in empty.orch("check", "--fast", "--json").json["rows"]} == {"ok"}
    assert empty.orch("schema", "--check").out == ""


def test_git_init_is_no_next_command_inside_of_a_repository(empty: Project) -> None:
    (empty.root.parent / ".git").mkdir()
    assert "git init" not in empty.orch("init", *GIVEN, *ACCOUNTS).out


def test_a_platform_that_exists_gets_the_files_of_a_ci(empty: Project) -> None:
    empty.orch("init", *GIVEN, *ACCOUNTS)
    assert "`orch init --ci github|gitlab` adds the files of a CI to it" in empty.orch("init", code=2).err
    empty.write("requirements.txt", "mine\n")
    added = empty.orch("init", "--ci", "gitlab", "--json").json["rows"]
    assert [row["file"] for row in added] == [".gitlab-ci.yml"]
    assert 'STAGE: ["dev"]' in (empty.root / ".gitlab-ci.yml").read_text()
    assert (empty.root / "requirements.txt").read_text() == "mine\n"
    assert ".gitlab-ci.yml already exists" in empty.orch("init", "--ci", "gitlab", code=2).err


def test_the_module_with_the_roles_of_the_ci_comes_with_its_files(empty: Project) -> None:
    empty.orch("init", *GIVEN, *ACCOUNTS)
    assert (empty.root / "modules/ci_access/README.md").is_file()
    shutil.rmtree(empty.root / "modules/ci_access")
    added = empty.orch("init", "--ci", "gitlab", "--dry-run", "--json").json["rows"]
    assert "modules/ci_access/main.tf" in {row["file"] for row in added}


def test_a_dry_run_lists_the_files_and_writes_nothing(empty: Project) -> None:
    planned = empty.orch("init", "plat", *GIVEN, *ACCOUNTS, "--dry-run", "--json").json
    assert (planned["format"], planned["kind"]) == (1, "init")
    assert not empty.root.exists()
    written = empty.orch("init", "plat", *GIVEN, *ACCOUNTS, "--json").json
    assert [row["file"] for row in planned["rows"]] == [row["file"] for row in written["rows"]]
    assert {row["written"] for row in planned["rows"]} == {False}
    found = {path.relative_to(empty.root / "plat").as_posix() for path in empty.root.rglob("*") if path.is_file()}
    assert found == {row["file"] for row in written["rows"]}


def test_an_existing_file_is_never_overwritten(empty: Project) -> None:
    empty.write(".gitignore", "mine\n")
    for more in ((), ("--dry-run",)):
        refused = empty.orch("init", *GIVEN, *ACCOUNTS, *more, code=2)
        assert f".gitignore already exists in {empty.root}; nothing was written" in refused.err
    assert list(empty.root.iterdir()) == [empty.root / ".gitignore"]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ((), "--name is missing"),
        (GIVEN[:4], "--management is missing"),
        (GIVEN, "--account production=ID is missing"),
        ((*GIVEN, *ACCOUNTS[:2]), "--account development=ID is missing"),
        ((*GIVEN, "--account", "production"), "invalid --account 'production'"),
        ((*GIVEN[:4], "--management", "12", *ACCOUNTS), "invalid value '12'"),
        ((*ACCOUNTS, "--from-example"), "--from-example copies the example unchanged"),
    ],
)
def test_what_is_missing_or_wrong_without_a_terminal_is_a_usage_error(
    empty: Project, given: tuple[str, ...], missing: str
) -> None:
    assert missing in empty.orch("init", *given, code=2).err
    assert not empty.root.exists()


def test_on_a_terminal_it_asks_for_what_is_not_given(empty: Project) -> None:
    answers = ["Acme", "acme", "999999999999", "111111111111", "222222222222"]
    typed: list[str] = []

    def answer(text: str) -> str | None:
        if not text.endswith(": ") or text.count(": ") - text.count(" — required: ") <= len(typed):
            return None
        typed.append(answers[len(typed)])
        return typed[-1]

    code, text = on_a_terminal(empty, "init", "--region", "eu-west-1", answer=answer)
    assert typed == answers
    assert code == 0, text
    assert "invalid value 'Acme'" in text
    assert 'name: "acme"' in (empty.root / "live/orch.yaml").read_text()
    assert 'id: "222222222222"' in (empty.root / "live/accounts/development.yaml").read_text()


def test_the_example_is_copied_whole_and_is_right(empty: Project) -> None:
    rows = json.loads(empty.orch("init", "--from-example", "--json").out)["rows"]
    assert {"services/api/app.py", "policies/protected.yaml", "live/stages/prod.yaml"} <= {row["file"] for row in rows}
    shown = empty.orch("check", "--fast").out
    assert "policies/ " in shown
    assert "built-in" not in shown


@pytest.mark.parametrize(
    ("options", "written"),
    [
        ((), {f".github/{name}.yml" for name in GITHUB}),
        (("--ci", "gitlab"), {".gitlab-ci.yml"}),
    ],
)
def test_it_writes_the_files_of_one_ci(empty: Project, options: tuple[str, ...], written: set[str]) -> None:
    rows = empty.orch("init", *GIVEN, *ACCOUNTS, *options, "--dry-run", "--json").json["rows"]
    of_ci = {row["file"] for row in rows if row["file"].startswith(".git") and row["file"] != ".gitignore"}
    assert of_ci == written
    assert "requirements.txt" in {row["file"] for row in rows}


def test_another_ci_is_a_usage_error(empty: Project) -> None:
    assert "github, gitlab" in empty.orch("init", *GIVEN, *ACCOUNTS, "--ci", "jenkins", code=2).err


def test_the_stages_of_the_example_are_those_that_gitlab_applies(empty: Project) -> None:
    empty.orch("init", "--from-example", "--ci", "gitlab", "-q")
    stages = sorted(path.stem for path in (empty.root / "live/stages").glob("*.yaml"))
    assert f"- STAGE: {json.dumps(stages)}\n" in (empty.root / ".gitlab-ci.yml").read_text()
