"""What is recorded of an apply of stored plans, and what ``orch show`` says of it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from orchestrator.cli.app import with_place
from orchestrator.report.final.approved import approved_text, stored_text
from orchestrator.report.model import ApprovedPlans, RunReport, Status, StoredPlans, UnitReport
from orchestrator.run.approved.approve import Decision, How
from orchestrator.run.approved.gate import approved_plans
from orchestrator.run.approved.record import StoredRecord, expiry
from orchestrator.run.unit.planned import Planned

NOW = datetime(2026, 11, 24, tzinfo=UTC)


def report(unit: str, status: Status, cause: str = "") -> UnitReport:
    return UnitReport(unit, "main", "eu-west-1", status, cause=cause)


def decision(unit: str, how: How, run: str = "20261124-130207-7f3a") -> Decision:
    record = StoredRecord(
        unit=unit,
        digest="d",
        run=run,
        commit="c",
        time=NOW.isoformat(),
        expires=expiry(NOW),
        status=Status.PLANNED,
        preview=False,
        account_id="1",
        policies="p",
        plan_sha256="s",
    )
    return Decision(Planned(report(unit, Status.PLANNED)), how, record if run else None)


@pytest.mark.parametrize(
    ("how", "status", "as_approved", "words"),
    [
        (How.EXACT, Status.APPLIED, True, "as approved"),
        (How.WITHIN, Status.APPLIED, True, "planned again, within the approved preview"),
        (How.NOT_PREVIEWED, Status.APPLIED, False, "was not previewed"),
        (How.EXACT, Status.UNCHANGED, True, "no changes"),
        (How.UNCHANGED, Status.UNCHANGED, True, "no changes"),
        (How.EXACT, Status.FAILED, False, "not applied"),
        (How.EXACT, Status.STALE, False, "not applied"),
        (How.EXACT, Status.DECLINED, False, "not applied"),
        (How.NOT_APPLIED, Status.BLOCKED, False, "not applied"),
        (How.LEFT_ALONE, Status.DRIFTED, False, "changed outside, left as it is"),
        (How.EXACT, Status.INTERRUPTED, False, "not applied"),
    ],
)
def test_what_is_recorded_of_a_unit(how: How, status: Status, as_approved: bool, words: str) -> None:
    (unit,) = approved_plans("s3", {"prod/a": decision("prod/a", how)}, [report("prod/a", status, "why")]).units
    assert (unit.as_approved, unit.how, unit.run, unit.plan) == (as_approved, words, "20261124-130207-7f3a", "s")
    assert unit.cause == ("why" if how is How.LEFT_ALONE or words == "not applied" else "")


def test_a_unit_that_has_not_ended_is_not_recorded() -> None:
    both = {unit: decision(unit, How.EXACT) for unit in ("prod/a", "prod/b")}
    assert [each.unit for each in approved_plans("s3", both, [report("prod/b", Status.APPLIED)]).units] == ["prod/b"]


def shown(**more: object) -> RunReport:
    return RunReport("r", "apply", ("prod",), (), 1.0, **more)  # type: ignore[arg-type]


def test_what_a_run_kept_and_applied_in_words() -> None:
    assert stored_text(shown()) == approved_text(shown()) == ""
    assert (
        stored_text(shown(stored=StoredPlans("s3", "2026-12-01", ("a", "b"))))
        == "2 plans in s3, valid until 1 Dec 00:00 UTC"
    )
    decisions = {
        "prod/a": decision("prod/a", How.EXACT),
        "prod/b": decision("prod/b", How.EXACT, run="20261124-130208-0000"),
        "prod/c": decision("prod/c", How.NOT_APPLIED, run=""),
    }
    ends = [report("prod/a", Status.APPLIED), report("prod/b", Status.APPLIED), report("prod/c", Status.STALE)]
    text = approved_text(shown(approved=approved_plans("s3", decisions, ends)))
    assert text == (
        "as planned in run 20261124-130207-7f3a, 20261124-130208-0000 (s3): 2 units as approved; prod/c not applied"
    )
    assert "no stored plan was found" in approved_text(shown(approved=ApprovedPlans("s3")))


@pytest.mark.parametrize(
    ("given", "seen"),
    [
        (["apply", "prod", "--approved"], ["apply", "prod", "--approved=s3"]),
        (["apply", "prod", "--approved", "--yes"], ["apply", "prod", "--approved=s3", "--yes"]),
        (["apply", "prod", "--approved", "plans"], ["apply", "prod", "--approved", "plans"]),
        (["apply", "prod", "--approved=plans", "-j", "1"], ["apply", "prod", "--approved=plans", "-j", "1"]),
        (["terraform", "prod/a", "--", "--approved"], ["terraform", "prod/a", "--", "--approved"]),
        (["apply", "--approved", "--", "prod"], ["apply", "--approved=s3", "--", "prod"]),
    ],
)
def test_a_bare_approved_means_the_bucket(given: list[str], seen: list[str]) -> None:
    assert with_place(given) == seen
