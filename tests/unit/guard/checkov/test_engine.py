"""What the checks of policies say: only our checks, a result for every resource, nothing on the terminal."""

from __future__ import annotations

import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import CatalogueError
from orchestrator.guard.checkov.annotate import UNKNOWN_TEXT, annotated_resources
from orchestrator.guard.judge import Judge
from orchestrator.guard.plan.reader import read_document
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.policies.protected import Protected
from tests.support.checks import local_checks, with_policy
from tests.support.plans import POOL, USERS, a_unit, change, delete, forget, plan, replace, saved, update

ROOT = Path(__file__).parents[4]


def with_check(folder: Path, body: str, *, name: str = "extra", id_: str = "ORCH_EXTRA", types: str = "['*']") -> Judge:
    """A judge by the project's policies with one more, or with one replaced."""
    return Judge(local_checks(with_policy(folder, body, name=name, id_=id_, types=types)))


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("raise RuntimeError('hunter2')", "it raised RuntimeError"),
        ("return None", "it returned no result"),
        ("return CheckResult.UNKNOWN", "it returned no result"),
        ("return CheckResult.SKIPPED", "it returned no result"),
        ("return (CheckResult.PASSED, conf)", "it returned no result"),
        ("return True", "it returned no result"),
    ],
)
def test_a_check_that_does_not_answer_blocks(tmp_path: Path, body: str, why: str) -> None:
    judge = with_check(tmp_path, body)
    verdict = judge.judge(a_unit(), saved(tmp_path, plan(update(mfa_configuration="ON"))))
    (finding,) = verdict.findings
    assert verdict.blocked
    assert finding.rule == "ORCH_CHECK_FAILED"
    assert "ORCH_EXTRA did not judge" in finding.message
    assert finding.cause == why
    assert "hunter2" not in str(finding)
    assert "ORCH_EXTRA" not in verdict.checks
    assert "ORCH_PROTECTED" in verdict.checks


def test_an_objection_says_what_and_what_to_do(tmp_path: Path) -> None:
    judge = with_check(tmp_path, "self.details = ['because']; return CheckResult.FAILED", types="['aws_sns_topic']")
    queue = change(["create"], after={"name": "q"}, address="module.this.aws_sns_topic.q")
    (finding,) = judge.judge(a_unit(), saved(tmp_path, plan(queue, update(mfa_configuration="ON")))).findings
    assert finding.address == queue["address"]
    assert (finding.rule, finding.cause, finding.hint) == ("ORCH_EXTRA", "because", "do as it says")
    assert "the extra check objects" in finding.message


def test_no_built_in_check_runs(tmp_path: Path) -> None:
    bucket = change(["create"], after={"bucket": "b", "acl": "private"}, address="module.this.aws_s3_bucket.b")
    verdict = Judge(local_checks(Policies.load(ROOT))).judge(a_unit(), saved(tmp_path, plan(bucket)))
    assert verdict.findings == ()
    assert set(verdict.checks) == {"ORCH_PROTECTED", "ORCH_WEAKENED", "ORCH_HIDDEN_REPLACE", "ORCH_BUCKET_PUBLIC"}


def test_two_sets_of_policies_do_not_affect_each_other(tmp_path: Path) -> None:
    extra = with_check(tmp_path, "return CheckResult.FAILED")
    plain = Judge(local_checks(Policies.load(ROOT)))
    record = saved(tmp_path, plan(update(mfa_configuration="ON")))
    assert plain.judge(a_unit(), record).findings == ()
    assert [each.rule for each in extra.judge(a_unit(), record).findings] == ["ORCH_EXTRA"]
    assert plain.judge(a_unit(), record).findings == ()


@pytest.mark.parametrize("loss", [delete(), replace(), forget()])
def test_a_check_that_is_blind_to_one_protected_resource_is_found_out(tmp_path: Path, loss: dict[str, Any]) -> None:
    """It blocks the canary, and every other pool."""
    body = f"return CheckResult.PASSED if conf.get('name') == [{USERS['name']!r}] else CheckResult.FAILED"
    judge = with_check(tmp_path, body, name="protected", id_="ORCH_PROTECTED")
    verdict = judge.judge(a_unit(), saved(tmp_path, plan(loss)))
    assert {each.rule for each in verdict.findings} == {"ORCH_PROTECTED", "ORCH_DISAGREE"}


def test_a_check_that_looks_away_is_found_out(tmp_path: Path) -> None:
    """Restricted to a type that is not in the plan, it gives no result for the pool."""
    body = "return CheckResult.PASSED"
    judge = with_check(tmp_path, body, name="protected", id_="ORCH_PROTECTED", types="['aws_sns_topic']")
    assert judge.judge(a_unit(), saved(tmp_path, plan(delete()))).blocked


@pytest.mark.parametrize(
    ("body", "id_", "problem"),
    [
        ("return 1\nraise SystemExit(0)", "ORCH_EXTRA", "SystemExit"),
        ("return 1\nfrom nowhere import nothing", "ORCH_EXTRA", "ModuleNotFoundError"),
        ("return 1", "ORCH_PROTECTED", "already used by policies/"),
    ],
)
def test_a_check_that_cannot_be_loaded_is_an_error(tmp_path: Path, body: str, id_: str, problem: str) -> None:
    judge = with_check(tmp_path, body, id_=id_)
    with pytest.raises(CatalogueError, match=problem) as caught:
        judge.judge(a_unit(), saved(tmp_path, plan(delete())))
    assert "policies/" in caught.value.problems[0].where.file


def test_a_syntax_error_is_reported_before_checkov_is_imported(tmp_path: Path) -> None:
    with pytest.raises(CatalogueError, match="not valid Python") as caught:
        with_check(tmp_path, "return ((")
    assert str(caught.value.problems[0].where).startswith("policies/extra/check.py:11:")


def test_warming_in_a_thread_leaves_errors_to_the_judge(
    tmp_path: Path, capfd: pytest.CaptureFixture[str], recwarn: pytest.WarningsRecorder
) -> None:
    judge = with_check(tmp_path, "return 1", id_="ORCH_PROTECTED")
    judge.load_checks_in_background().join()
    assert capfd.readouterr() == ("", "")
    assert not recwarn.list  # pytest warns of an exception in a thread
    with pytest.raises(CatalogueError):
        judge.judge(a_unit(), saved(tmp_path, plan(delete())))


def test_a_file_without_a_check_is_an_error(tmp_path: Path) -> None:
    judge = with_check(tmp_path, "return 1")
    (tmp_path / "policies/extra/check.py").write_text("x = 1\n")
    judge = Judge(local_checks(Policies.load(tmp_path)))
    with pytest.raises(CatalogueError, match="registers no resource check"):
        judge.load_checks()


def test_policies_without_the_one_that_matters_are_an_error(tmp_path: Path) -> None:
    judge = with_check(tmp_path, "return CheckResult.PASSED", name="protected")
    with pytest.raises(CatalogueError, match="no policy has the check ORCH_PROTECTED"):
        judge.load_checks()


def test_checkov_failing_as_a_whole_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    judge = Judge(local_checks(Policies.load(ROOT)))
    monkeypatch.setattr(judge.load_checks(), "run", lambda _resources: 1 / 0)
    verdict = judge.judge(a_unit(), saved(tmp_path, plan(update(mfa_configuration="ON"))))
    assert [each.rule for each in verdict.findings] == ["ORCH_CHECK_FAILED"]
    assert "ZeroDivisionError" in verdict.findings[0].cause


def test_unknown_values_are_what_checkov_calls_them(tmp_path: Path) -> None:
    from checkov.common.util.consts import TRUE_AFTER_UNKNOWN  # noqa: PLC0415 - heavy

    assert UNKNOWN_TEXT == TRUE_AFTER_UNKNOWN
    unknown = {"arn": True, "schema": [{"name": True}], "lambda_config": [], "tags": {"a": True}, "known": False}
    after = {**USERS, "tags": {"b": "c"}, "known": 1}
    file = saved(tmp_path, plan(change(["create"], after=after, unknown=unknown))).json_file
    (resource,) = annotated_resources(read_document(file or Path()), Protected.read(ROOT / "policies/protected.yaml"))
    values = resource["values"]
    assert values["arn"] == UNKNOWN_TEXT
    assert values["schema"][0] == {**USERS["schema"][0], "name": UNKNOWN_TEXT}
    assert values["tags"] == {"b": "c", "a": UNKNOWN_TEXT}
    assert values["known"] == 1


def test_many_threads_get_their_own_verdicts(tmp_path: Path) -> None:
    judge = Judge(local_checks(Policies.load(ROOT)))

    def one(number: int) -> tuple[bool, bool]:
        folder = tmp_path / str(number)
        folder.mkdir()
        entry = delete() if number % 2 else update(mfa_configuration="ON")
        return judge.judge(a_unit(), saved(folder, plan(entry))).blocked, bool(number % 2)

    with ThreadPoolExecutor(8) as pool:
        results = list(pool.map(one, range(64)))
    assert all(blocked == expected for blocked, expected in results)


def test_sixty_plans_take_less_than_a_second(tmp_path: Path) -> None:
    """The limit for judging a run of 60 units; measured: 0.1 s with 20 changes each."""
    judge = Judge(local_checks(Policies.load(ROOT)))
    judge.load_checks()
    queues = [change(["create"], after={"name": str(n)}, address=f"module.this.aws_sns_topic.q{n}") for n in range(19)]
    record = saved(tmp_path, plan(delete(), *queues))
    started = time.process_time()
    verdicts = [judge.judge(a_unit(), record) for _ in range(60)]
    assert time.process_time() - started < 1
    assert all(each.blocked for each in verdicts)


def test_nothing_is_printed_and_the_terminal_stays_as_it_was(tmp_path: Path) -> None:
    """In another process, with an environment that makes checkov verbose, and with a check that raises."""
    with_check(tmp_path, "raise RuntimeError('hunter2')")
    saved(tmp_path, plan(delete()))
    code = f"""
import sys, logging
out, err = sys.stdout, sys.stderr
from pathlib import Path
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.judge import Judge
from orchestrator.guard.policies.load import Policies
from orchestrator.terraform.model import PlanRecord
from tests.support.plans import a_unit
checks = Checks(Policies.load(Path({str(tmp_path)!r})))
judge = Judge(checks)
assert "checkov" not in sys.modules
file = Path({str(tmp_path / "plan.json")!r})
verdict = judge.judge(a_unit(), PlanRecord(file, file))
assert {{each.rule for each in verdict.findings}} == {{"ORCH_PROTECTED", "ORCH_CHECK_FAILED"}}
assert sys.stdout is out and sys.stderr is err
assert logging.getLogger().level == logging.WARNING
assert not any(isinstance(each, logging.StreamHandler) for each in logging.getLogger().handlers)
"""
    env = {"LOG_LEVEL": "DEBUG", "EVAL_TF_PLAN_AFTER_UNKNOWN": "1", "PATH": "", "PYTHONPATH": str(ROOT)}
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert (ran.stdout, ran.stderr, ran.returncode) == ("", "", 0)


def test_a_deposed_object_and_the_live_one_are_judged_apart(tmp_path: Path) -> None:
    verdict = Judge(local_checks(Policies.load(ROOT))).judge(
        a_unit(), saved(tmp_path, plan(update(mfa_configuration="ON"), delete(deposed="1a2b")))
    )
    assert [each.address for each in verdict.findings] == [f"{POOL} (deposed 1a2b)"]
