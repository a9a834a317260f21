"""How the check of a stage ends, and its notes on lines."""

from __future__ import annotations

import json
from dataclasses import replace

import pytest

from orchestrator.errors import Location
from orchestrator.guard.model import Severity
from orchestrator.report.comment.body import stage_comment
from orchestrator.report.comment.check import (
    Annotation,
    Conclusion,
    NoteLevel,
    StageCheck,
    finding_results,
    stage_check,
)
from orchestrator.report.comment.stage import StagePlan, empty_stage
from orchestrator.report.junit import junit
from orchestrator.report.model import ChangeLine, Status, UnitReport
from orchestrator.report.sarif import sarif
from orchestrator.terraform.model import Action
from tests.support.comments import CONTEXT, attribute, only_plan, pool_finding, pool_replacement, run, unit, update

MEMORY = update("aws_lambda_function.this", attribute("memory_size", "256", "512"))
GONE = ChangeLine("aws_sqs_queue.old", Action.DELETE)


def check_of(plan: StagePlan) -> StageCheck:
    return stage_check(plan, stage_comment(plan, CONTEXT))


@pytest.mark.parametrize(
    ("units", "conclusion"),
    [
        ([unit("prod/a", status=Status.UNCHANGED)], Conclusion.SUCCESS),
        ([unit("prod/a", MEMORY, status=Status.APPLIED)], Conclusion.SUCCESS),
        ([unit("prod/a", MEMORY)], Conclusion.NEUTRAL),
        ([unit("prod/a", GONE)], Conclusion.NEUTRAL),
        ([unit("prod/a", status=Status.AFTER_UPSTREAMS)], Conclusion.NEUTRAL),
        ([unit("prod/a", status=Status.FAILED), unit("prod/b", MEMORY)], Conclusion.FAILURE),
        ([unit("prod/a", status=Status.INTERRUPTED)], Conclusion.FAILURE),
        ([unit("prod/a", status=Status.BLOCKED), unit("prod/b", status=Status.FAILED)], Conclusion.ACTION_REQUIRED),
        ([unit("prod/a", pool_replacement(), findings=(pool_finding("prod/a"),))], Conclusion.ACTION_REQUIRED),
        ([unit("prod/a", pool_replacement(), findings=(pool_finding("prod/a", Severity.WAIVED),))], Conclusion.NEUTRAL),
    ],
)
def test_conclusions(units: list[UnitReport], conclusion: Conclusion) -> None:
    assert check_of(only_plan(*units)).conclusion is conclusion


def test_a_change_that_touches_no_unit_is_success_with_one_line() -> None:
    check = check_of(empty_stage("prod"))
    assert (check.name, check.conclusion, check.title) == (
        "orch: prod",
        Conclusion.SUCCESS,
        "prod: no unit is affected",
    )


def test_what_differed_before_is_not_green() -> None:
    plan = only_plan(unit("prod/a", MEMORY), base=[run(unit("prod/a", MEMORY))])
    assert check_of(plan).conclusion is Conclusion.NEUTRAL
    assert check_of(plan).title == "prod: no changes, 1 unchanged"


def test_a_run_that_ended_early_fails() -> None:
    assert check_of(only_plan(unit("prod/a", MEMORY), error="no credentials")).conclusion is Conclusion.FAILURE
    ended = check_of(only_plan(error="no credentials"))
    assert (ended.conclusion, ended.title) == (Conclusion.FAILURE, "prod: the run failed")


def test_notes_stand_on_lines_of_the_change_once_for_all_units() -> None:
    at = Location("modules/identity/main.tf", 12, 3)
    units = [
        unit("prod/a", findings=(pool_finding("prod/a", where=at), pool_finding("prod/a", Severity.WARN, where=None))),
        unit("prod/b", findings=(pool_finding("prod/b", where=at), pool_finding("prod/b", where=Location("../x", 1)))),
        unit(
            "prod/c", findings=(pool_finding("prod/c", Severity.WAIVED, where=replace(at, line=0), waiver="w by anna"),)
        ),
    ]
    blocked, waived = check_of(only_plan(*units)).annotations
    assert blocked == Annotation(
        at,
        NoteLevel.FAILURE,
        "ORCH_PROTECTED in prod/a, prod/b",
        "aws_cognito_user_pool.this would be replaced by a new, empty one; because username_attributes cannot be changed "
        "in place; keep username_attributes as it is",
    )
    assert (waived.where.line, waived.level) == (1, NoteLevel.NOTICE)
    assert waived.message.endswith("; allowed by w by anna")


def test_findings_become_sarif_and_junit() -> None:
    plan = only_plan(
        unit("prod/a", findings=(pool_finding("prod/a"),)),
        unit("prod/b", MEMORY),
        unit("prod/c", status=Status.FAILED, cause="AccessDenied"),
    )
    results = list(finding_results(plan))
    found = json.loads(sarif(results, version="1"))["runs"][0]["results"]
    assert [each["ruleId"] for each in found] == ["ORCH_PROTECTED", "plan"]
    place = found[0]["locations"][0]["physicalLocation"]
    assert place["artifactLocation"]["uri"] == "live/stacks/identity.yaml"
    assert place["region"] == {"startLine": 7, "startColumn": 5}
    assert 'tests="3" failures="2"' in junit(results, seconds=1.0)


def test_a_note_is_as_long_as_a_host_takes_it() -> None:
    finding = pool_finding("prod/a", where=Location("live/stages/prod.yaml", 1), message="x" * 100_000)
    (note,) = check_of(only_plan(unit("prod/a", findings=(finding,)))).annotations
    assert len(note.message.encode()) < 65_536
    assert note.message.endswith("…")
