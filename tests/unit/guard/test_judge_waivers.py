"""The judge with waivers, and with a change that weakens it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import Location
from orchestrator.guard.judge import Judge
from orchestrator.guard.model import Finding, Severity, Verdict
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.trust.owners import Owners
from orchestrator.guard.trust.waiver_policy import DeclaredWaiver, WaiverPolicy
from orchestrator.guard.trust.waivers import Waiver, Waivers
from orchestrator.guard.trust.weakening import Weakening
from orchestrator.terraform.plan.reader import empty_plan
from tests.support.checks import local_checks
from tests.support.plans import POOL, SCHEMA, a_unit, delete, plan, replace, saved, update

ROOT = Path(__file__).parents[3]
TODAY = date(2026, 11, 26)
OTHER = "module.this.aws_cognito_user_pool.other"


@pytest.fixture(scope="module")
def policies() -> Policies:
    return Policies.load(ROOT)


def waiver(rule: str = "ORCH_PROTECTED", address: str = POOL) -> Waiver:
    return Waiver("gone", rule, "prod/identity", address, "anna", "moved", date(2026, 12, 1))


def judge(policies: Policies, *waivers: Waiver, weakened: Sequence[Weakening] = ()) -> Judge:
    counting = Waivers(waivers, Owners({"anna": frozenset({"anna@example.com"})}), lambda: TODAY)
    return Judge(local_checks(policies), WaiverPolicy(counting, [DeclaredWaiver(each) for each in waivers]), weakened)


def shown(verdict: Verdict) -> list[tuple[str, str]]:
    return [(each.rule, each.severity.value) for each in verdict.findings]


@pytest.mark.parametrize("entry", [delete(), replace(), replace(create_first=True)])
def test_one_waiver_covers_the_check_and_the_guard_s_own_rule(
    policies: Policies, tmp_path: Path, entry: dict[str, Any]
) -> None:
    verdict = judge(policies, waiver()).judge(a_unit(), saved(tmp_path, plan(entry)))
    assert shown(verdict) == [("ORCH_PROTECTED", "waived")]
    assert not verdict.blocked
    assert verdict.waived == verdict.findings
    assert "ORCH_PROTECTED" in verdict.checks


def test_what_is_lost_beside_it_blocks(policies: Policies, tmp_path: Path) -> None:
    verdict = judge(policies, waiver()).judge(a_unit(), saved(tmp_path, plan(delete(), delete(address=OTHER))))
    assert verdict.blocked
    assert {each.address: each.severity.value for each in verdict.findings} == {POOL: "waived", OTHER: "block"}


def test_another_rule_about_the_same_resource_blocks(policies: Policies, tmp_path: Path) -> None:
    entry = update(deletion_protection="INACTIVE", schema=[])
    verdict = judge(policies, waiver("ORCH_WEAKENED")).judge(a_unit(), saved(tmp_path, plan(entry)))
    assert sorted(shown(verdict)) == [("ORCH_HIDDEN_REPLACE", "block"), ("ORCH_WEAKENED", "waived")]


def test_a_waiver_allows_a_loss_and_not_a_plan_that_is_not_whole(policies: Policies, tmp_path: Path) -> None:
    verdict = judge(policies, waiver()).judge(a_unit(), saved(tmp_path, plan(delete(), errored=True)))
    assert shown(verdict) == [("ORCH_PROTECTED", "waived"), ("ORCH_ERRORED", "block")]


def test_no_waiver_makes_an_unreadable_plan_readable(policies: Policies, tmp_path: Path) -> None:
    verdict = judge(policies, waiver(), waiver("ORCH_UNREADABLE")).judge(a_unit(), saved(tmp_path, b"{"))
    assert shown(verdict) == [("ORCH_UNREADABLE", "block")]


def test_a_waiver_that_nothing_needs_blocks_also_where_nothing_changes(policies: Policies, tmp_path: Path) -> None:
    extended = update(schema=[SCHEMA, {**SCHEMA, "name": "team"}])
    for record in (empty_plan(tmp_path / "plan"), saved(tmp_path, plan(extended))):
        verdict = judge(policies, waiver()).judge(a_unit(), record)
        assert shown(verdict) == [("ORCH_WAIVER", "block")]
        assert verdict.blocked


def test_what_others_found_about_the_unit_can_be_waived_too(policies: Policies, tmp_path: Path) -> None:
    other = Finding("i", "ORCH_RUNS_CODE", "prod/identity", POOL, "", "c", "m", "h")
    for more in ([other], []):
        judging = judge(policies, waiver("ORCH_RUNS_CODE"))
        if not more:
            assert judging.waiver_policy.apply([other])[0].severity is Severity.WAIVED  # told before the plan was made
        verdict = judging.judge(a_unit(), empty_plan(tmp_path / "plan"), more=more)
        assert shown(verdict) == [("ORCH_RUNS_CODE", "waived")] * len(more)
        assert not verdict.blocked


def test_a_weakened_judge_blocks_every_plan_and_no_waiver_helps(policies: Policies, tmp_path: Path) -> None:
    where = Location("policies/protected.yaml", 7, 1)
    weakened = [Weakening(where, "aws_x", "aws_x would not be protected any more")]
    self_waiver = waiver("ORCH_POLICY_WEAKENED", "policies/protected.yaml: aws_x")
    for record in (empty_plan(tmp_path / "plan"), saved(tmp_path, plan(delete()))):
        verdict = judge(policies, waiver(), self_waiver, weakened=weakened).judge(a_unit(), record)
        assert verdict.blocked
        (told,) = (each for each in verdict.findings if each.rule == "ORCH_POLICY_WEAKENED")
        assert (told.where, told.message) == (where, "aws_x would not be protected any more")
        assert told.severity is Severity.BLOCK
