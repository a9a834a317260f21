"""A plan that does not see what the state, the ledger or AWS has is blocked; moved, changed and new resources pass."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from orchestrator.aws.state.managed import ManagedState
from orchestrator.config.catalogue import Unit
from orchestrator.errors import ThrottledError
from orchestrator.guard.findings import VANISHED
from orchestrator.guard.judge import Judge
from orchestrator.guard.model import Finding
from orchestrator.guard.policies.load import Policies
from orchestrator.terraform.model import StateResource
from tests.support.checks import local_checks
from tests.support.plans import POOL, USERS, a_unit, change, delete, forget, plan, saved, update

ROOT = Path(__file__).parents[4]
CHECKS = local_checks(Policies.load(ROOT))
BUCKET = "module.this.aws_s3_bucket.this"
THE_POOL = StateResource(POOL, "aws_cognito_user_pool", "eu-west-1_abc")
THE_BUCKET = StateResource(BUCKET, "aws_s3_bucket", "documents")


@dataclass
class Known:
    """What exists, independent of the plan."""

    state: Sequence[StateResource] = ()
    ledger: Sequence[StateResource] = ()
    buckets: Sequence[str] = ()
    others: Sequence[ManagedState] = ()
    asked: list[str] = field(default_factory=list)

    def state_resources(self, unit: Unit) -> Sequence[StateResource]:
        return self.state

    def ledger_resources(self, unit: Unit) -> Sequence[StateResource]:
        self.asked.append("ledger")
        return self.ledger

    def other_states(self, unit: Unit) -> Sequence[ManagedState]:
        self.asked.append("states")
        return self.others

    def bucket_exists(self, unit: Unit, name: str) -> bool:
        self.asked.append(name)
        return name in self.buckets


def judged(folder: Path, known: Known, *changes: dict[str, Any], **over: Any) -> list[Finding]:
    verdict = Judge(CHECKS, outside=known).judge(a_unit(), saved(folder, plan(*changes, **over)))
    return [each for each in verdict.findings if each.rule == VANISHED]


def create(address: str = POOL, **after: Any) -> dict[str, Any]:
    return change(["create"], address=address, after=after or {**USERS, "id": None})


def bucket(name: str | None = "documents") -> dict[str, Any]:
    unknown = {"id": True} if name else {"id": True, "bucket": True}
    after = {"force_destroy": False, **({"bucket": name} if name else {})}
    return change(["create"], address=BUCKET, after=after, unknown=unknown)


def test_what_the_state_has_and_the_plan_creates_again_blocks(tmp_path: Path) -> None:
    (finding,) = judged(tmp_path, Known(state=[THE_BUCKET]), bucket())
    assert (finding.address, finding.action) == (BUCKET, "create")
    assert "403" in finding.cause
    assert "documents" in finding.cause
    assert "s3:ListBucket" in finding.hint
    assert "every object in the bucket" in finding.lost


def test_what_the_state_has_and_the_plan_does_not_name_blocks(tmp_path: Path) -> None:
    """The same change removed its block, so the plan does not even create it."""
    other = change(["create"], address="module.this.aws_sqs_queue.this", after={"name": "q"})
    (finding,) = judged(tmp_path, Known(state=[THE_POOL]), other)
    assert (finding.address, finding.action) == (POOL, "")
    assert "is missing from the plan" in finding.message


@pytest.mark.parametrize(
    "entry",
    [update(name="x"), change(["no-op"], before=USERS, after=USERS), delete(), forget()],
    ids=["update", "no-op", "delete", "forget"],
)
def test_what_the_plan_starts_from_has_not_vanished(tmp_path: Path, entry: dict[str, Any]) -> None:
    assert judged(tmp_path, Known(state=[THE_POOL]), entry) == []


def test_what_was_moved_has_not_vanished(tmp_path: Path) -> None:
    known = Known(
        state=[StateResource("module.this.aws_cognito_user_pool.old", "aws_cognito_user_pool", "eu-west-1_abc")]
    )
    moved = change(["no-op"], before=USERS, after=USERS, previous="module.this.aws_cognito_user_pool.old")
    assert judged(tmp_path, known, moved) == []


def test_what_was_taken_out_of_the_state_is_remembered_by_the_ledger(tmp_path: Path) -> None:
    (finding,) = judged(tmp_path, Known(ledger=[THE_POOL]), create())
    assert "it is in the ledger (eu-west-1_abc)" in finding.cause
    assert "imports" in finding.hint


def test_a_bucket_that_is_there_already_is_not_created(tmp_path: Path) -> None:
    (finding,) = judged(tmp_path, Known(buckets=["documents"]), bucket())
    assert "the bucket documents exists" in finding.cause
    assert judged(tmp_path, Known(), bucket()) == []


def test_nothing_is_asked_without_a_protected_creation_nor_about_an_unknown_name(tmp_path: Path) -> None:
    known = Known(state=[THE_POOL])
    assert judged(tmp_path, known, update(name="x")) == []
    assert known.asked == []
    assert judged(tmp_path, known := Known(), bucket(None)) == []
    assert known.asked == ["ledger"]


def test_the_finding_is_waivable_and_stable(tmp_path: Path) -> None:
    first = judged(tmp_path, Known(state=[THE_POOL]), create())
    assert first == judged(tmp_path, Known(state=[THE_POOL]), create())


def test_a_plan_that_is_empty_asks_nothing_and_no_answer_is_no_verdict(tmp_path: Path) -> None:
    class Mute(Known):
        def state_resources(self, unit: Unit) -> Sequence[StateResource]:
            raise ThrottledError("slow down")

    with pytest.raises(ThrottledError):
        judged(tmp_path, Mute(), create())


def test_an_errored_plan_is_judged_by_what_it_shows(tmp_path: Path) -> None:
    assert judged(tmp_path, Known(state=[THE_BUCKET]), create(), errored=True) == []
