"""Drift, and a change that nobody approved, look alike in a plan: the receipt of the last apply tells them apart."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any

import pytest

from orchestrator.errors import DeniedError
from orchestrator.guard.receipt.receipt import Receipt, StateWrites, digest_of
from orchestrator.report.model import Status, UnitReport
from orchestrator.run.approved.outside import left_alone, only_aws_differs
from orchestrator.run.approved.record import StoredRecord, expiry
from orchestrator.run.unit.planned import Planned

FILES = {"root/main.tf.json": "1", "root/upstream.json": "2"}
LAST = Receipt(
    run="20261124-130207-7f3a",
    unit="prod/a",
    verb="apply",
    account_id="1",
    region="eu-west-1",
    state="s3://b/k",
    lineage="l",
    serial=3,
    digest=digest_of(FILES),
    plan_sha256="p",
    json_sha256="j",
    policies="x",
    versions={"orch": "1"},
    checks=(),
    blocked=False,
    findings=(),
    time="2026-11-24T13:02:07+00:00",
    commit="c",
    files=FILES,
    wrote=StateWrites(ok=True, lineage="l", first=4, last=5, versions={"v": 4, "w": 5}),
)
NOW = replace(LAST, serial=5, wrote=None, time="2026-11-25T08:00:00+00:00", plan_sha256="q", versions={"orch": "2"})
STORED = StoredRecord(
    unit="prod/a",
    digest="d",
    run="20261124-120000-0000",
    commit="c",
    time="2026-11-24T12:00:00+00:00",
    expires=expiry(datetime(2026, 11, 24, tzinfo=UTC)),
    status=Status.PLANNED,
    preview=False,
    account_id="1",
    policies="x",
    lineage="l",
    serial=3,
    plan_sha256="p",
)


def planned(receipt: Receipt | None = NOW, **more: Any) -> Planned:
    return Planned(UnitReport("prod/a", "main", "eu-west-1", Status.PLANNED, **more), receipt=receipt)


def outside(found: Callable[[], Any], fresh: Planned, record: StoredRecord | None) -> bool:
    history = SimpleNamespace(receipt=lambda _unit, serial: found() if serial == 5 else None)
    context: Any = SimpleNamespace(aws=SimpleNamespace(history=history))
    return only_aws_differs(context, None, fresh, record)  # type: ignore[arg-type]  # only the fake reads the unit


@pytest.mark.parametrize("record", [None, STORED, replace(STORED, lineage="", serial=0)])
def test_what_was_applied_with_the_same_files_and_differs_now_was_changed_outside(record: StoredRecord | None) -> None:
    assert outside(LAST.form, planned(), record)


@pytest.mark.parametrize(
    "last",
    [
        replace(LAST, files=FILES | {"root/main.tf.json": "9"}),
        replace(LAST, values={"image": "v2"}),
        replace(LAST, wrote=None),
        replace(LAST, wrote=StateWrites(ok=False, lineage="l", first=4, last=5, versions={"v": 5})),
        replace(LAST, wrote=StateWrites(ok=True, lineage="other", first=4, last=5, versions={"v": 5})),
        replace(LAST, verb="adopt"),
        replace(LAST, unit="prod/b"),
        replace(LAST, account_id="2"),
    ],
)
def test_a_change_of_the_configuration_and_an_apply_that_failed_are_not(last: Receipt) -> None:
    assert not outside(replace(last, digest=digest_of(last.files)).form, planned(), None)


@pytest.mark.parametrize(
    "record",
    [
        replace(STORED, serial=5),  # it was to repair the drift that is there
        replace(STORED, lineage="other"),
        replace(STORED, time="2026-11-24T14:00:00+00:00"),
    ],
)
def test_an_approved_plan_that_was_not_applied_is_not_left_out_in_silence(record: StoredRecord) -> None:
    assert not outside(LAST.form, planned(), record)


def test_what_cannot_be_told_is_not_drift() -> None:
    def denied() -> Any:
        raise DeniedError("no")

    assert not outside(lambda: None, planned(), None)
    assert not outside(denied, planned(), None)
    assert not outside(lambda: {"format": 1}, planned(), None)
    assert not outside(LAST.form, planned(None), None)
    assert not outside(LAST.form, planned(preview=True), None)
    assert not outside(LAST.form, planned(replace(NOW, serial=6)), None)


def test_nothing_of_a_plan_that_is_left_alone_can_be_applied() -> None:
    alone = left_alone(replace(planned(), plan=None))
    assert (alone.report.status, alone.may_proceed, alone.pending) == (Status.DRIFTED, False, False)
    assert (alone.plan, alone.receipt, alone.report.changes) == (None, None, ())
