"""The canary: policies that do not stop a protected loss judge no plan."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from orchestrator.guard import judge as judge_module
from orchestrator.guard.canary import canary_failures
from orchestrator.guard.checkov.connection import PolicyConnection, Resource
from orchestrator.guard.judge import Judge
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.policies.protected import Protected
from orchestrator.terraform.model import ResourceChange
from orchestrator.terraform.plan.reader import empty_plan
from tests.support.checks import local_checks, run_cases
from tests.support.plans import a_unit, change, delete, plan, saved, update

ROOT = Path(__file__).parents[3]
LISTED = Policies.load(ROOT).protected.types
CHECK = "policies/protected/check.py"
ANSWER = "        return CheckResult.FAILED if vanishes"


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A folder with the project's policies."""
    shutil.copytree(ROOT / "policies", tmp_path / "policies", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def disarmed(root: Path, lines: str) -> Judge:
    """Add lines before the result of the check on protected resources."""
    file = root / CHECK
    text = file.read_text()
    assert ANSWER in text
    file.write_text(text.replace(ANSWER, f"{lines}\n{ANSWER}"))
    return Judge(local_checks(Policies.load(root)))


def test_the_policies_of_this_repository_stop_every_loss_of_every_type() -> None:
    judge = Judge(local_checks(Policies.load(ROOT)))
    assert judge.canary() == ()
    assert len(judge.policies.protected.types) >= 15


@pytest.mark.parametrize("kind", [*sorted(LISTED)[::25], "aws_cognito_user_pool", "aws_secretsmanager_secret_version"])
def test_a_check_that_lets_one_type_pass_is_caught(copy: Path, kind: str) -> None:
    judge = disarmed(copy, f"        if change.type == {kind!r}:\n            return CheckResult.PASSED")
    assert judge.canary() == tuple(
        f"{kind} could be {way}: the check ORCH_PROTECTED does not stop it"
        for way in ("deleted", "replaced", "forgotten")
        if way != "replaced" or not LISTED[kind].replaceable
    )


@pytest.mark.parametrize(
    ("lines", "way"),
    [
        ("        if change.action is Action.FORGET:\n            return CheckResult.PASSED", "forgotten"),
        ("        if change.action is Action.REPLACE:\n            return CheckResult.UNKNOWN", "replaced"),
        ("        if change.action is Action.DELETE:\n            raise RuntimeError", "deleted"),
    ],
)
def test_a_check_that_lets_one_way_pass_or_does_not_answer_is_caught(copy: Path, lines: str, way: str) -> None:
    past = disarmed(copy, lines).canary()
    assert len(past) == sum(1 for each in LISTED.values() if way != "replaced" or not each.replaceable)
    assert all(f"could be {way}: the check" in each for each in past)


def test_no_plan_is_judged_after_a_canary_failure(copy: Path) -> None:
    judge = disarmed(copy, "        if change.type == 'aws_efs_file_system':\n            return CheckResult.PASSED")
    entries = (
        update(mfa_configuration="ON"),
        delete(),
        change(["create"], after={}, address="module.this.aws_sns_topic.q"),
    )
    for entry in entries:
        verdict = judge.judge(a_unit(), saved(copy, plan(entry)))
        assert verdict.blocked
        assert verdict.checks == ()
        (finding,) = verdict.findings
        assert finding.rule == "ORCH_CANARY"
        assert "aws_efs_file_system could be deleted" in finding.cause
        assert "and 2 more" in finding.cause
        assert "policies/protected" in finding.hint
        assert finding.lost  # so that an errored plan is a block and not a mere failure


def test_a_rule_of_the_guard_that_lets_something_pass_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    """Here orch's own code is wrong, and only the check works."""

    def blind(_document: object, _reported: object, _protected: object) -> Mapping[str, ResourceChange]:
        return {}

    monkeypatch.setattr("orchestrator.guard.canary.protected_losses", blind)
    past = Judge(local_checks(Policies.load(ROOT))).canary()
    assert "aws_cognito_user_pool could be deleted: the built-in rule does not stop it" in past


def test_checkov_failing_as_a_whole_is_caught(monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge(local_checks(Policies.load(ROOT)))
    checks = judge.load_checks()
    monkeypatch.setattr(checks, "run", lambda _resources, **_options: 1 / 0)
    assert canary_failures(checks, judge.policies.protected) == ("checkov failed with ZeroDivisionError",)


def test_the_check_is_found_in_a_policy_of_any_name(copy: Path) -> None:
    (copy / "policies/protected").rename(copy / "policies/kept")
    assert Judge(local_checks(Policies.load(copy))).canary() == ()


def test_only_the_check_on_protected_resources_is_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []
    ask = PolicyConnection.ask

    def noted(connection: PolicyConnection, resources: Sequence[Resource]) -> None:
        asked.append(connection.policy.name)
        ask(connection, resources)

    monkeypatch.setattr(PolicyConnection, "ask", noted)
    assert Judge(local_checks(Policies.load(ROOT))).canary() == ()
    assert set(asked) == {"protected"}


def test_a_list_that_lost_a_type_has_no_canary_for_it(copy: Path) -> None:
    """The canary covers only the listed types; another rule detects a weakened list."""
    file = copy / "policies/protected.yaml"
    kept = Protected.read(file).types
    text = file.read_text()
    start = text.index("aws_cognito_user_pool:")
    file.write_text(text[:start] + text[text.index("aws_cognito_user_pool_domain:") :])
    judge = Judge(local_checks(Policies.load(copy)))
    assert "aws_cognito_user_pool" in kept.keys() - judge.policies.protected.types.keys()
    assert judge.canary() == ()


def test_a_run_in_which_nothing_changes_sends_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sent: list[int] = []

    def send(*_: object) -> tuple[str, ...]:
        sent.append(1)
        return ()

    monkeypatch.setattr(judge_module, "canary_failures", send)
    judge = Judge(local_checks(Policies.load(ROOT)))
    assert not judge.judge(a_unit(), empty_plan(tmp_path / "plan")).blocked
    assert sent == []
    for _ in range(2):
        judge.judge(a_unit(), saved(tmp_path, plan(update(mfa_configuration="ON"))))
    assert sent == [1]


def test_orch_check_reports_it_too(copy: Path) -> None:
    disarmed(copy, "        if change.type == 'aws_kms_key':\n            return CheckResult.PASSED")
    problems = [str(each) for each in run_cases(copy)]
    assert any("aws_kms_key could be deleted" in each and "canary" in each for each in problems)
