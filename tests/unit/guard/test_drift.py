"""Changes outside Terraform, judged from a plan's ``resource_drift``."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.guard.drift import changed_outside, judge_drift
from orchestrator.guard.judge import Judge
from orchestrator.guard.policies.load import Policies
from orchestrator.terraform.plan.reader import read_plan
from tests.support.checks import local_checks
from tests.support.plans import POOL, USERS, a_unit, change, delete, plan, saved, update

ROOT = Path(__file__).parents[3]


@pytest.fixture(scope="module")
def judge() -> Judge:
    return Judge(local_checks(Policies.load(ROOT)))


def drifted(judge: Judge, folder: Path, *drift: dict[str, Any]) -> list[tuple[str, str, str]]:
    record = saved(folder, plan(resource_drift=list(drift)))
    return [(each.rule, each.action, each.severity.value) for each in judge_drift(judge, a_unit(), record)[0].findings]


@pytest.mark.parametrize(
    ("entry", "found"),
    [
        (update(deletion_protection="INACTIVE"), [("ORCH_WEAKENED", "update", "block")]),
        (delete(reason=None), [("ORCH_VANISHED", "delete", "block")]),
        # Cognito cannot remove an attribute, so the pool never had it: an apply has failed and left it in the state.
        (update(schema=[]), []),
        (update(mfa_configuration="ON"), []),
        (update({**USERS, "deletion_protection": "INACTIVE"}, deletion_protection="ACTIVE"), []),
        (change(["delete"], before={"id": "q"}, address="module.this.aws_sns_topic.q"), []),
        (
            change(["delete"], before={"id": "v"}, address="module.this.aws_s3_bucket_versioning.v"),
            [("ORCH_WEAKENED", "delete", "block")],
        ),
    ],
)
def test_what_was_done_by_hand_is_judged(
    judge: Judge, tmp_path: Path, entry: dict[str, Any], found: list[tuple[str, str, str]]
) -> None:
    assert drifted(judge, tmp_path, entry) == found


def test_the_words_are_about_what_has_happened(judge: Judge, tmp_path: Path) -> None:
    record = saved(tmp_path, plan(resource_drift=[update(deletion_protection="INACTIVE")]))
    (finding,) = judge_drift(judge, a_unit(), record)[0].findings
    assert finding.address == POOL
    assert "would" not in finding.message + finding.cause
    assert "orch apply prod/identity" in finding.hint
    assert "every user" in finding.lost


def test_an_attribute_that_is_read_back_as_empty_is_no_drift(tmp_path: Path) -> None:
    unset = {"tags": None, "list": None, "deep": [{"a": None}], "flag": None}
    empty = update({**USERS, **unset}, tags={}, list=[], deep=[{"a": ""}], flag=False)
    other = update({**USERS, "tags": None, "name": "a"}, tags={}, name="b") | {"address": "module.this.x_y.other"}
    record = saved(tmp_path, plan(resource_drift=[empty, other]))
    assert record.json_file is not None
    (left,) = changed_outside(read_plan(record.file, _whole(record.json_file)).drift)
    assert left.address == "module.this.x_y.other"
    assert replace(left, after={**(left.before or {}), "name": "b"}) == left, "only what really changed is left"


def _whole(file: Path) -> Path:
    """Add what the report's reader requires of a plan."""
    file.write_text(file.read_text().replace('"planned_values"', '"configuration": {}, "planned_values"', 1))
    return file


def test_drift_that_cannot_be_read_blocks(judge: Judge, tmp_path: Path) -> None:
    record = saved(tmp_path, b"{")
    assert [each.rule for each in judge_drift(judge, a_unit(), record)[0].findings] == ["ORCH_UNREADABLE"]
