"""What Terraform deletes and AWS keeps is no loss: nothing blocks, and the finding says what happens."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from orchestrator.guard.judge import Judge
from orchestrator.guard.model import Severity
from orchestrator.guard.policies.load import Policies
from tests.support.checks import local_checks
from tests.support.plans import a_unit, change, plan, saved
from tests.support.provider_types import provider_types

ROOT = Path(__file__).parents[4]
POLICIES = Policies.load(ROOT)
LISTED = POLICIES.protected
JUDGE = Judge(local_checks(POLICIES))
KEPT_TYPES = [(kind, path, value) for kind, entry in LISTED.types.items() for path, value in entry.kept_by.items()]


def findings(folder: Path, *changes: dict[str, Any]) -> list[tuple[str, str, Severity]]:
    found = JUDGE.judge(a_unit(), saved(folder, plan(*changes))).findings
    return [(each.rule, each.lost, each.severity) for each in found]


def gone(kind: str, before: dict[str, Any], *actions: str, **more: Any) -> dict[str, Any]:
    after = before if "create" in actions else None
    return change(list(actions) or ["delete"], address=f"module.this.{kind}.x", before=before, after=after, **more)


@pytest.mark.parametrize(("kind", "path", "value"), KEPT_TYPES)
@pytest.mark.parametrize("actions", [("delete",), ("delete", "create"), ("create", "delete")])
def test_what_aws_keeps_is_no_loss(tmp_path: Path, kind: str, path: str, value: Any, actions: tuple[str, ...]) -> None:
    kept = findings(tmp_path, gone(kind, {"id": "x", path: value}, *actions))
    assert kept == [("ORCH_PROTECTED", "", Severity.WARN)]
    (lost,) = findings(tmp_path, gone(kind, {"id": "x", path: False}, *actions))
    assert (lost[0], lost[2]) == ("ORCH_PROTECTED", Severity.BLOCK)
    unset = findings(tmp_path, gone(kind, {"id": "x"}, *actions))
    assert unset == [lost]


def test_the_finding_says_what_keeps_it_and_how_to_delete_it(tmp_path: Path) -> None:
    group = gone("aws_cloudwatch_log_group", {"id": "/x", "skip_destroy": True})
    (finding,) = JUDGE.judge(a_unit(), saved(tmp_path, plan(group))).findings
    assert "skip_destroy keeps it in AWS" in finding.message
    assert "skip_destroy = false" in finding.hint


def test_what_is_set_by_this_very_plan_keeps_nothing(tmp_path: Path) -> None:
    """Terraform deletes by the values in the state, so a replacement that sets it deletes the old one."""
    before = {"id": "/x", "name": "/x", "skip_destroy": False}
    entry = change(
        ["delete", "create"],
        address="module.this.aws_cloudwatch_log_group.x",
        before=before,
        after={**before, "skip_destroy": True},
    )
    assert [each[2] for each in findings(tmp_path, entry)] == [Severity.BLOCK]


def test_what_is_forgotten_is_still_a_loss(tmp_path: Path) -> None:
    entry = gone("aws_cloudwatch_log_group", {"id": "/x", "skip_destroy": True}, "forget")
    assert [each[2] for each in findings(tmp_path, entry)] == [Severity.BLOCK]


def test_the_companion_of_what_is_kept_is_judged(tmp_path: Path) -> None:
    assert not {kind for kind, _, _ in KEPT_TYPES if LISTED.types[kind].companions}, "then Company needs a test here"


def test_every_attribute_that_may_keep_something_is_decided() -> None:
    """The golden list has the attributes of the provider whose names say that a deletion is skipped."""
    skipping = {kind for kind, attributes in provider_types().items() if "skip_destroy" in attributes}
    listed = {kind for kind, path, _ in KEPT_TYPES if path == "skip_destroy"}
    assert skipping & LISTED.types.keys() == listed
