"""``orch waive`` as a process: what it writes, what it keeps, what it refuses."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.cli.commands.waive import next_steps
from orchestrator.config.load import load
from orchestrator.guard.findings import finding_id
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.trust.waiver_edit import with_waiver
from orchestrator.guard.trust.waivers import Waiver, parse_waivers
from orchestrator.report.model import RunReport, Status, UnitReport
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.history.reports import save_report
from tests.support.git import Git
from tests.support.project import Project

POOL = "module.this.aws_cognito_user_pool.this"
RUN = "20261126-101500-7f3a"
FILE = "policies/waivers.yaml"


def finding(rule: str = "ORCH_PROTECTED", address: str = POOL, severity: Severity = Severity.BLOCK) -> Finding:
    return Finding(
        id=finding_id(rule, "prod/identity", address, "delete"),
        rule=rule,
        unit="prod/identity",
        address=address,
        action="delete",
        cause="its block is gone",
        message=f"{address} would be deleted",
        hint="put it back",
        lost="every user",
        inside="3 users",
        severity=severity,
    )


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path / "repo", emulator=None, accounts={"main": "111111111111"})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {identity: }\n")
    made.write("live/stacks/identity.yaml", "module: box\n")
    made.write("policies/owners.yaml", "anna: [anna@example.com]\ncarl: [carl@example.com]\n")
    made.write(FILE, "# header\n[]\n")
    return made


@pytest.fixture
def found(project: Project) -> Callable[..., str]:
    """Saves a run with one finding; gives its id."""

    def save(*, preview: bool = False, **about: object) -> str:
        one = finding(**about)  # type: ignore[arg-type]
        unit = UnitReport("prod/identity", "main", "eu-west-1", Status.BLOCKED, findings=(one,), preview=preview)
        folders = RunPaths(root=project.root, run=RUN)
        folders.of_run.mkdir(parents=True, exist_ok=True)
        save_report(folders, RunReport(RUN, "plan", ("prod",), (unit,), 1.0))
        return one.id

    return save


def today() -> date:
    return datetime.now(UTC).date()


def given_(*more: str) -> tuple[str, ...]:
    return ("--reason", "every user has moved", "--owner", "anna", *more)


def test_it_writes_a_valid_waiver_and_prints_the_next_steps(project: Project, found: Callable[..., str]) -> None:
    id_ = found()
    shown = project.orch("waive", id_, *given_()).out
    assert project.root.joinpath(FILE).read_text() == (
        f"# header\n- id: {id_}\n  rule: ORCH_PROTECTED\n  unit: prod/identity\n"
        "  address: aws_cognito_user_pool.this\n  owner: anna\n  reason: every user has moved\n"
        f"  expires: {today() + timedelta(days=7)}\n"
    )
    for words in ("Added this waiver", "would be deleted", "every user", "3 users", "once it is merged", "have anna"):
        assert words in shown
    project.orch("schema")
    project.orch("check", "--fast")
    assert stat.S_IMODE(project.root.joinpath(FILE).stat().st_mode) == 0o644


def test_a_dry_run_writes_nothing(project: Project, found: Callable[..., str]) -> None:
    shown = project.orch("waive", found(), *given_("--dry-run")).out
    assert "Would add this waiver" in shown
    assert project.root.joinpath(FILE).read_text() == "# header\n[]\n"


def test_as_json(project: Project, found: Callable[..., str]) -> None:
    id_ = found()
    told = project.orch("waive", id_, *given_("--expires", "3d", "--json")).json
    assert (told["format"], told["kind"], told["file"], told["written"]) == (1, "waive", FILE, True)
    assert told["waiver"] == {
        "id": id_,
        "rule": "ORCH_PROTECTED",
        "unit": "prod/identity",
        "address": "aws_cognito_user_pool.this",
        "owner": "anna",
        "reason": "every user has moved",
        "expires": str(today() + timedelta(days=3)),
        "plan": "",
    }
    assert told["finding"]["inside"] == "3 users"
    assert len(told["next"]) == 3


def test_for_one_plan_only(project: Project, found: Callable[..., str]) -> None:
    id_ = found()
    refused = project.orch("waive", id_, *given_("--plan"), code=2)
    assert "is not on this machine" in refused.err
    unit = load(project.root).units["prod/identity"]
    file = RunPaths(root=project.root, run=RUN).plan(unit)
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(b"one")
    project.orch("waive", id_, *given_("--plan"))
    (waiver,) = parse_waivers(project.root.joinpath(FILE).read_bytes(), shown_as=FILE)
    assert waiver.plan == "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"


@pytest.mark.parametrize(
    ("about", "arguments", "what"),
    [
        ({}, ("--owner", "mallory"), "'mallory' is not in policies/owners.yaml"),
        ({}, ("--reason", "  "), "--reason must be one line"),
        ({}, ("--expires", "15"), "not within the next 14 days"),
        ({}, ("--expires", "2020-01-01"), "not within the next 14 days"),
        ({}, ("--expires", "soon"), "neither a date nor a number"),
        ({}, ("--expires", "2026-02-30"), "neither a date nor a number"),
        ({"rule": "ORCH_POLICY_WEAKENED"}, (), "ORCH_POLICY_WEAKENED cannot be waived"),
        ({"rule": "ORCH_CANARY"}, (), "ORCH_CANARY cannot be waived"),
        ({"severity": Severity.WARN}, (), "is a warning"),
        ({"severity": Severity.WAIVED}, (), "already waived"),
        ({"address": ""}, (), "about all of prod/identity"),
        ({"preview": True}, ("--plan",), "about a preview"),
    ],
)
def test_what_cannot_be_waived_is_refused(
    project: Project, found: Callable[..., str], about: dict[str, object], arguments: tuple[str, ...], what: str
) -> None:
    refused = project.orch("waive", found(**about), *given_(*arguments), code=2)
    assert what in refused.err
    assert project.root.joinpath(FILE).read_text() == "# header\n[]\n"


def save_run(project: Project, *findings: Finding) -> None:
    unit = UnitReport("prod/identity", "main", "eu-west-1", Status.BLOCKED, findings=findings)
    folders = RunPaths(root=project.root, run=RUN)
    folders.of_run.mkdir(parents=True, exist_ok=True)
    save_report(folders, RunReport(RUN, "plan", ("prod",), (unit,), 1.0))


def test_one_command_waives_every_finding_of_a_run_each_by_name(project: Project) -> None:
    client = 'module.this.aws_cognito_user_pool_client.this["web"]'
    save_run(
        project,
        finding(),
        finding(address=client),
        finding("ORCH_CANARY"),
        finding("ORCH_WEAKENED", severity=Severity.WARN),
    )
    told = project.orch("waive", RUN, *given_("--json")).json
    assert [each["waiver"]["address"] for each in told["waivers"]] == [
        "aws_cognito_user_pool.this",
        'aws_cognito_user_pool_client.this["web"]',
    ]
    assert [(each["finding"]["rule"], each["why"]) for each in told["left"]] == [
        ("ORCH_CANARY", "ORCH_CANARY cannot be waived: it means that the guard itself did not work")
    ]
    waivers = parse_waivers(project.root.joinpath(FILE).read_bytes(), shown_as=FILE)
    assert [(each.id, each.address, each.owner) for each in waivers] == [
        (finding().id, "aws_cognito_user_pool.this", "anna"),
        (finding(address=client).id, 'aws_cognito_user_pool_client.this["web"]', "anna"),
    ]
    again = project.orch("waive", RUN, *given_(), code=2).err
    assert f"no finding of run {RUN} can be waived" in again
    assert "already allows this" in again


def test_a_run_of_which_one_finding_is_waived_already_gets_the_others(project: Project) -> None:
    save_run(project, finding(), finding("ORCH_WEAKENED"))
    project.orch("waive", finding().id, *given_())
    shown = project.orch("waive", RUN, *given_("--dry-run")).out
    assert "Would add this waiver" in shown
    assert "Not waived:" in shown
    project.orch("waive", RUN, *given_())
    rules = [each.rule for each in parse_waivers(project.root.joinpath(FILE).read_bytes(), shown_as=FILE)]
    assert rules == ["ORCH_PROTECTED", "ORCH_WEAKENED"]


def test_a_run_without_findings_or_that_does_not_exist_is_refused(project: Project) -> None:
    save_run(project)
    assert "none of them blocks" in project.orch("waive", RUN, *given_(), code=2).err
    assert "there is no run" in project.orch("waive", "20200101-000000-0000", *given_(), code=2).err


def test_an_unknown_finding_and_a_second_waiver_are_refused(project: Project, found: Callable[..., str]) -> None:
    assert "has a finding '0123456789'" in project.orch("waive", "0123456789", *given_(), code=2).err
    id_ = found()
    project.orch("waive", id_, *given_())
    again = project.orch("waive", id_, *given_(), code=2)
    assert f"{FILE}:2:3: the waiver {id_} already allows this" in again.err


def test_where_nobody_is_an_owner_the_hint_says_how_to_become_one(project: Project, found: Callable[..., str]) -> None:
    project.write("policies/owners.yaml", "{}\n")
    refused = " ".join(project.orch("waive", found(), "--reason", "x", "--owner", "anna", code=2).err.split())
    assert "it lists nobody: merge a change that adds the owners" in refused


def test_in_a_pull_request_the_waiver_is_merged_first_and_the_change_planned_again() -> None:
    steps = next_steps("anna", many=False, history=False, ci=True)
    assert "in a pull request of its own, to be merged before this one" in steps[0]
    assert "orch plan as a comment" in steps[2]


def test_owners_cannot_write_their_own_waiver(project: Project, found: Callable[..., str]) -> None:
    Git(project.root)("config", "user.email", "Anna@example.com")
    assert "you are anna" in project.orch("waive", found(), *given_(), code=2).err
    project.orch("waive", found(), *given_("--owner", "carl"))


def test_owners_can_write_their_own_waiver_for_what_comes_and_goes(project: Project, found: Callable[..., str]) -> None:
    Git(project.root)("config", "user.email", "anna@example.com")
    shown = project.orch("waive", found(address="module.this.aws_cloudwatch_log_group.this"), *given_()).out
    assert "owners can allow their own changes, too" in shown


def waiver(number: int = 0, reason: str = "because") -> Waiver:
    return Waiver(f"n{number}", "ORCH_PROTECTED", "prod/a", f'aws_x.y["{number}"]', "anna", reason, date(2026, 12, 1))


OLD = "- id: old\n  rule: A\n  unit: prod/b\n  address: a.b # why\n  owner: anna\n  reason: |-\n    it is\n  expires: 2026-12-01\n"


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("", ""),
        ("# only words\n", "# only words\n"),
        ("[]", ""),
        ("# a\n[] # none yet\n# b\n", "# a\n# none yet\n"),
        ("---\n[]\n", "---\n"),
        (f"# a\n{OLD}\n# the end\n", f"# a\n{OLD}\n# the end\n"),
        (OLD.rstrip("\n"), OLD),
        (f"# a\n{OLD}".replace("\n", "\r\n"), f"# a\n{OLD}".replace("\n", "\r\n")),
        ("\n".join(f"  {line}" for line in OLD.splitlines()) + "\n", "  - id: old\n"),
        ("[{id: old, rule: A, unit: prod/b, address: a.b, owner: anna, reason: it is, expires: 2026-12-01}]\n", ""),
    ],
)
def test_whatever_the_file_looks_like_the_rest_stays(text: str, kept: str) -> None:
    before = parse_waivers(text.encode(), shown_as=FILE)
    one = with_waiver(text.encode(), waiver(), shown_as=FILE)
    two = with_waiver(one, waiver(1), shown_as=FILE)
    assert two.decode().startswith(kept)
    assert [each.id for each in parse_waivers(two, shown_as=FILE)] == [*(each.id for each in before), "n0", "n1"]


@example("yes")
@example("2026-01-01")
@example("0x1F")
@example("8: a # b")
@given(st.text(st.characters(codec="utf-8", exclude_categories=["Cc", "Cs", "Zl", "Zp"]), min_size=1))
def test_any_reason_is_read_back_as_it_was_given(reason: str) -> None:
    if not reason.strip() or reason != reason.strip() or "\ufeff" in reason:
        return
    (found,) = parse_waivers(with_waiver(b"[]\n", waiver(reason=reason), shown_as=FILE), shown_as=FILE)
    assert found.reason == reason
