"""`orch stage new` and `orch account new`: what they write, and that a mistake writes nothing."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.project import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "repo", emulator=None, accounts={"main": "111111111111"})
    made.write("live/accounts/production.yaml", 'id: "222222222222"\n')
    made.write("live/stages/dev.yaml", "account: main\nstacks: {first: }\nuses: {other: null, own: prod/first}\n")
    made.write("live/stages/prod.yaml", "account: production\nstacks: {first: }\n")
    made.write("live/stacks/first.yaml", "module: box\ninputs: {value: in dev}\n")
    return made


def files(project: Project) -> set[str]:
    return {path.relative_to(project.root).as_posix() for path in (project.root / "live").rglob("*.yaml")}


def test_a_stage_is_one_file_and_the_next_command(project: Project) -> None:
    before = files(project)
    dry = project.orch("stage", "new", "feat", "--from", "dev", "--expires", "2099-01-31", "--dry-run", code=2)
    assert "more than ten years ahead" in dry.err
    dry = project.orch("stage", "new", "feat", "--from", "dev", "--dry-run")
    assert 'extends: "dev"' in dry.out
    assert files(project) == before
    made = project.orch("stage", "new", "feat", "--from", "dev")
    assert made.out == "Wrote live/stages/feat.yaml\n\nNext:\n  orch apply feat\n"
    assert made.err == (
        "note: live/stacks/first.yaml:2:17: value is 'in dev' in feat/first and in dev/first"
        " — write ${{ stage }} in it if the two must differ\n"
    )
    assert files(project) - before == {"live/stages/feat.yaml"}
    text = (project.root / "live/stages/feat.yaml").read_text()
    assert '  "other": null\n  "own": "prod/first"\n' in text
    rows = project.orch("stage", "new", "two", "--from", "feat", "--json").json["rows"]
    assert rows == [{"file": "live/stages/two.yaml", "written": True}]
    assert [row["unit"] for row in project.orch("list", "two", "--json").json["rows"]] == ["two/first"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("stage", "new", "feat", "--from", "dve"), 'did you mean "dev"?'),
        (("stage", "new", "dev", "--from", "prod"), "live/stages/dev.yaml:1:1: there is a stage dev already"),
        (("stage", "new", "main", "--from", "dev"), "'main' is both an account and a stage"),
        (("stage", "new", "stack", "--from", "dev"), "the name 'stack' is reserved"),
        (("stage", "new", "../x", "--from", "dev"), "invalid name '../x'"),
        (("stage", "new", "feat", "--from", "dev", "--expires", "soon"), "write 7d, 2w, or a date"),
        (("stage", "new", "feat", "--from", "dev", "--account", "mian"), 'did you mean "main"?'),
        (
            ("stage", "new", "feat", "--from", "prod", "--disposable"),
            "put the stage into an account with `access: open`",
        ),
        (("account", "new", "audit"), "pass --id ID for one that exists, or --email ADDRESS for a new one"),
        (("account", "new", "audit", "--id", "12"), "required: a 12-digit AWS account ID"),
        (("account", "new", "audit", "--id", "1" * 12, "--ou", "x"), "--ou requires --email"),
        (("account", "new", "audit", "--id", "1" * 12), "account id 111111111111 is already used by"),
        (("account", "new", "audit", "--email", "audit"), "organization.email must be an e-mail address"),
        (("account", "new", "audit", "--id", "3" * 12, "--access", "closed"), "one of restricted, open"),
        (("account", "new", "main", "--id", "3" * 12), "live/accounts/main.yaml:1:1: there is an account main already"),
    ],
)
def test_a_mistake_writes_nothing(project: Project, arguments: tuple[str, ...], expected: str) -> None:
    before = files(project)
    assert expected in project.orch(*arguments, code=2).err
    assert files(project) == before


def test_an_account_brings_its_baseline(project: Project) -> None:
    made = project.orch("account", "new", "audit", "--email", "aws@example.com", "--access", "open")
    assert made.out.startswith(
        "Wrote live/accounts/audit.yaml, live/stacks/baseline.yaml\n\nNext:\n  orch bootstrap audit"
    )
    assert (project.root / "modules/account_baseline/main.tf").is_file()
    rows = {row["account"]: row for row in project.orch("account", "list", "--json").json["rows"]}
    assert (rows["audit"]["id"], rows["audit"]["access"], rows["audit"]["email"]) == (None, "open", "aws@example.com")
    assert (rows["main"]["id"], rows["main"]["stages"]) == ("111111111111", 1)
    assert "not created yet" in project.orch("account", "list").out
    assert [row["unit"] for row in project.orch("list", "account:audit", "--json").json["rows"]] == ["audit/baseline"]


def test_a_stage_in_an_account_that_does_not_exist_begins_with_the_account(project: Project) -> None:
    project.orch("account", "new", "audit", "--email", "aws@example.com", "--access", "open")
    made = project.orch("stage", "new", "feat", "--from", "dev", "--account", "audit").out
    assert made.endswith("Next:\n  orch bootstrap audit  # create the account\n  orch apply feat\n")


def test_list_tells_which_stages_have_expired(tmp_path: Path) -> None:
    made = Project(tmp_path / "repo", emulator=None, accounts={"main": "111111111111"})
    made.write("live/stacks/box.yaml", "module: box\n")
    for name, more in (
        ("old", "expires: '2020-01-31'\n"),
        ("gone", "expires: '2020-01-31'\ndisposable: true\n"),
        ("new", "expires: '2999-01-31'\n"),
        ("prod", ""),
    ):
        made.write(f"live/stages/{name}.yaml", f"account: main\n{more}stacks: {{box: }}\n")
    told = made.orch("list").err.splitlines()
    assert told == [
        "note: stage gone expired on 2020-01-31: `orch stage reap` destroys it; then delete live/stages/gone.yaml",
        "note: stage old expired on 2020-01-31: `orch destroy old`; then delete live/stages/old.yaml",
    ]
    assert made.orch("list", "new", "prod").err == ""
    assert made.orch("list", "-q").err == ""
    assert len(made.orch("list", "old", "--json").json["rows"]) == 1
