"""Why a stored plan may no longer be applied. Pure functions: records in, sentences out."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime

from orchestrator.guard.receipt.check import moved_words
from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.run.approved.record import StoredRecord
from orchestrator.terraform.state.header import StateHeader
from orchestrator.util.plural import plural


def record_stale(record: StoredRecord, *, now: datetime, account_id: str, policies: str) -> str:
    """Return why a stored plan is stale by its record alone; empty if it is not.

    Args:
        record: the record.
        now: the current time, aware.
        account_id: the account that it would be applied to.
        policies: digest of the policies in force.
    """
    if record.account_id != account_id:
        return f"it was planned for account {record.account_id}, but would be applied to {account_id}"
    if record.from_future(now):
        return f"it says that it was planned at {record.time}, which is in the future: compare the clocks"
    if record.expired(now):
        age = now - datetime.fromisoformat(record.time)
        return f"it expired: it was planned {plural(max(age.days, 0), 'day')} ago, and was valid until {record.expires}"
    if record.policies != policies:
        return "policies/ changed after it was planned"
    return ""


def state_stale(record: StoredRecord, now: StateHeader) -> str:
    """Return how the state of a unit changed after its plan was stored; empty if it did not."""
    before = StateHeader(record.lineage, record.serial)
    return "" if now == before else f"its state changed after it was planned: {moved_words(before, now)}"


def receipts_differ(approved: Receipt, now: Receipt) -> Iterator[str]:
    """Yield what differs between the receipt of a stored plan and that of a plan made now, except plan and verdict.

    Args:
        approved: made by the run that planned it.
        now: made by this run.
    """
    if (approved.unit, approved.verb) != (now.unit, now.verb):
        yield f"its receipt is for {approved.verb} {approved.unit}"
    if (approved.account_id, approved.region, approved.state) != (now.account_id, now.region, now.state):
        yield f"it was planned for {approved.state} in account {approved.account_id} and region {approved.region}"
    if approved.policies != now.policies:
        yield "policies/ changed after it was planned"
    if (before := StateHeader(approved.lineage, approved.serial)) != (state := StateHeader(now.lineage, now.serial)):
        yield f"its state changed after it was planned: {moved_words(before, state)}"
    yield from _versions_differ(approved.versions, now.versions)
    for name in sorted(approved.providers.keys() & now.providers.keys()):  # Another platform has another package.
        if approved.providers[name] != now.providers[name]:
            yield f"{name.partition(' ')[0]} is another program now"
    if approved.values != now.values:
        yield "the values of the run (--set) are others"
    for name in sorted(approved.files.keys() | now.files.keys()):
        if approved.files.get(name) != now.files.get(name):
            yield f"{_shown(name)} changed after it was planned"


def _versions_differ(approved: Mapping[str, str], now: Mapping[str, str]) -> Iterator[str]:
    for name in sorted(approved.keys() | now.keys()):
        was, is_ = approved.get(name, "none"), now.get(name, "none")
        if was != is_:
            yield f"it was planned with {name} {was}, but would be applied with {is_}"


def _shown(name: str) -> str:
    """Return a receipt's name of a file for people."""
    if name == "root/upstream.json":
        return "a value that it reads from an upstream"
    return name.partition("/")[2] or name
