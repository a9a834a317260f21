"""The record of a stored plan, its archive, and why it is stale."""

from __future__ import annotations

import json
from dataclasses import fields, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import BlockedError
from orchestrator.guard.receipt.freeze import hash_file
from orchestrator.report.model import Status
from orchestrator.run.approved.package import PLAN, packed, unpacked
from orchestrator.run.approved.record import PLANS_LAST, STORED, StoredRecord, expiry
from orchestrator.run.approved.stale import receipts_differ, record_stale, state_stale
from orchestrator.terraform.state.header import StateHeader
from tests.support.comments import receipt

NOW = datetime(2026, 11, 24, 13, 2, 7, tzinfo=UTC)
RECORD = StoredRecord(
    unit="prod/api",
    digest="d1",
    run="20261124-130207-7f3a",
    commit="3f9c2d1",
    time=NOW.isoformat(),
    expires=expiry(NOW),
    status=Status.PLANNED,
    preview=False,
    account_id="111111111111",
    policies="p1",
    lineage="l1",
    serial=4,
)
TIMES = st.timedeltas(timedelta(days=-1000), timedelta(days=1000)).map(lambda each: NOW + each)


@given(
    st.builds(
        StoredRecord,
        unit=st.text(),
        digest=st.text(),
        run=st.from_regex(r"[0-9]{8}-[0-9]{6}-[0-9a-f]{4}", fullmatch=True),
        commit=st.text(),
        time=TIMES.map(datetime.isoformat),
        expires=TIMES.map(datetime.isoformat),
        status=st.sampled_from(STORED),
        preview=st.booleans(),
        account_id=st.text(),
        policies=st.text(),
        serial=st.integers(0),
    )
)
def test_a_record_is_read_as_it_was_written(record: StoredRecord) -> None:
    assert StoredRecord.parse(record.text(), unit=record.unit, digest=record.digest) == record


@pytest.mark.parametrize(
    "change",
    [
        {"format": 2},
        {"run": "../../etc"},
        {"status": "applied"},
        {"status": "blocked"},
        {"serial": True},
        {"serial": "4"},
        {"time": "yesterday"},
        {"expires": "2026-11-24T13:02:07"},
        {"preview": 1},
        {"unit": "prod/other"},
        {"digest": "d2"},
    ],
)
def test_a_record_of_something_else_is_blocked(change: dict[str, Any]) -> None:
    form = json.loads(RECORD.text()) | change
    with pytest.raises(BlockedError):
        StoredRecord.parse(json.dumps(form).encode(), unit="prod/api", digest="d1")


@given(st.sampled_from([field.name for field in fields(StoredRecord)]), st.binary(max_size=20))
def test_half_a_record_is_blocked(missing: str, text: bytes) -> None:
    form = json.loads(RECORD.text())
    del form[missing]
    for data in (json.dumps(form).encode(), text, RECORD.text()[:-2], b"[]", b"null"):
        with pytest.raises(BlockedError):
            StoredRecord.parse(data, unit="prod/api", digest="d1")


@given(st.timedeltas(timedelta(0), timedelta(days=30)), st.timedeltas(timedelta(0), timedelta(days=400)))
def test_a_plan_lasts_until_it_expires_and_never_longer(age: timedelta, claimed: timedelta) -> None:
    record = replace(RECORD, expires=(NOW + claimed).isoformat())
    assert record.expired(NOW + age) is (age >= min(claimed, PLANS_LAST))


@pytest.mark.parametrize(
    ("now", "account_id", "policies", "why"),
    [
        (NOW, "111111111111", "p1", ""),
        (NOW + timedelta(days=6, hours=23), "111111111111", "p1", ""),
        (NOW + timedelta(days=7), "111111111111", "p1", "it expired: it was planned 7 days ago, and was valid until"),
        (NOW, "222222222222", "p1", "planned for account 111111111111, but would be applied to 222222222222"),
        (NOW, "111111111111", "p2", "policies/ changed"),
    ],
)
def test_why_a_record_is_stale(now: datetime, account_id: str, policies: str, why: str) -> None:
    found = record_stale(RECORD, now=now, account_id=account_id, policies=policies)
    assert why in found if why else found == ""


def test_why_a_state_is_stale() -> None:
    assert state_stale(RECORD, StateHeader("l1", 4)) == ""
    assert "its serial was 4, and is 5" in state_stale(RECORD, StateHeader("l1", 5))
    assert "its lineage was l1, and is l2" in state_stale(RECORD, StateHeader("l2", 4))
    assert "is gone" in state_stale(RECORD, StateHeader())
    new = replace(RECORD, lineage="", serial=0)
    assert "it did not exist" in state_stale(new, StateHeader("l1", 1))
    assert state_stale(new, StateHeader()) == ""


DIFFERENT: dict[str, tuple[Any, str]] = {
    "unit": ("prod/other", "its receipt is for"),
    "verb": ("destroy", "its receipt is for destroy"),
    "account_id": ("222222222222", "it was planned for"),
    "region": ("us-east-1", "it was planned for"),
    "state": ("s3://other/key", "it was planned for s3://other/key"),
    "policies": ("other", "policies/ changed"),
    "lineage": ("other", "its lineage was other"),
    "serial": (3, "its serial was 3, and is 4"),
    "versions": ({"orch": "0.0.9"}, "planned with orch 0.0.9, but would be applied with 0.1.0"),
    "providers": ({"aws linux": "h0"}, "aws is another program"),
    "values": ({"image": "v1"}, "--set"),
    "files": ({"root/upstream.json": "sha256:0"}, "a value that it reads from an upstream changed"),
}
OWN_OF_A_RUN = {
    "run",
    "time",
    "commit",
    "wrote",
    "plan_sha256",
    "json_sha256",
    "digest",
    "checks",
    "blocked",
    "findings",
}
"""Fields that say which plan it is and how it was judged: it is judged again."""


@pytest.mark.parametrize("name", sorted(DIFFERENT))
def test_each_thing_that_a_receipt_binds_makes_a_plan_stale(name: str) -> None:
    now = replace(receipt("prod/api"), providers={"aws linux": "h1"})
    assert not list(receipts_differ(now, now))
    value, says = DIFFERENT[name]
    (why,) = receipts_differ(replace(now, **{name: value}), now)
    assert says in why


def test_every_field_of_a_receipt_is_compared() -> None:
    known = {field.name for field in fields(receipt("prod/api"))}
    assert known == set(DIFFERENT) | OWN_OF_A_RUN


def test_an_archive_is_of_its_unit_and_whole(tmp_path: Path) -> None:
    plan, receipt_file = tmp_path / "tfplan", tmp_path / "receipt"
    plan.write_bytes(b"a plan")
    receipt("prod/api").write(receipt_file)
    record = replace(RECORD, plan_sha256=hash_file(plan).removeprefix("sha256:"))
    for number, (each, wrong) in enumerate(((record, ""), (replace(record, plan_sha256="0" * 64), "is not the one"))):
        with packed(tmp_path / "in", each, plan=plan, json=None, receipt=receipt_file) as archive:
            kept = tmp_path / f"kept{number}"
            kept.write_bytes(archive.read_bytes())
        assert not (tmp_path / "in").exists(), "nothing of it stays in the run"
        if wrong:
            with pytest.raises(BlockedError, match=wrong):
                unpacked(kept, tmp_path / "out", unit="prod/api", digest="d1")
            continue
        stored = unpacked(kept, tmp_path / "out", unit="prod/api", digest="d1")
        assert (stored.record, stored.receipt) == (record, receipt("prod/api"))
        assert (tmp_path / "out" / PLAN).read_bytes() == b"a plan"
        assert (tmp_path / "out" / PLAN).stat().st_mode & 0o777 == 0o600
    for data in (b"", b"not an archive", (tmp_path / "kept0").read_bytes()[:200]):
        (tmp_path / "damaged").write_bytes(data)
        with pytest.raises(BlockedError):
            unpacked(tmp_path / "damaged", tmp_path / "out", unit="prod/api", digest="d1")


@pytest.mark.parametrize(
    ("time", "stale"),
    [
        (NOW + timedelta(minutes=10), ""),
        (NOW + timedelta(days=1), "in the future"),
        (datetime(9999, 12, 31, 23, 59, tzinfo=UTC), "in the future"),
        (datetime.fromisoformat("0001-01-01T00:00:00+14:00"), "it expired"),
    ],
)
def test_a_plan_from_the_future_lasts_no_longer(time: datetime, stale: str) -> None:
    """Clocks differ by minutes. A record that says more would be accepted for as long as it likes."""
    record = replace(RECORD, time=time.isoformat(), expires="9999-12-31T23:59:59+00:00")
    found = record_stale(record, now=NOW, account_id="111111111111", policies="p1")
    assert stale in found if stale else found == ""


def test_an_archive_has_the_files_that_its_record_names_and_no_others(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_bytes(b"a plan")
    named = hash_file(file).removeprefix("sha256:")
    cases: list[tuple[StoredRecord, Path | None, Path | None]] = [
        (RECORD, file, None),
        (replace(RECORD, plan_sha256=named), file, file),
        (replace(RECORD, plan_sha256=named), None, None),
        (replace(RECORD, plan_sha256=named, json_sha256=named), file, None),
    ]
    for number, (record, plan, json_file) in enumerate(cases):
        kept = tmp_path / f"kept{number}"
        with packed(tmp_path / "in", record, plan=plan, json=json_file, receipt=None) as archive:
            kept.write_bytes(archive.read_bytes())
        with pytest.raises(BlockedError, match=r"cannot be read|is not the one"):
            unpacked(kept, tmp_path / "out", unit="prod/api", digest="d1")


@pytest.mark.parametrize("data", [b"[" * 100_000, b'{"format": ' + b"[" * 100_000])
def test_a_record_nested_too_deep_is_blocked(data: bytes) -> None:
    with pytest.raises(BlockedError):
        StoredRecord.parse(data, unit="prod/api", digest="d1")
