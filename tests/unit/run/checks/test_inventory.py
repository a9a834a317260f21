"""What is blocked: one account by an orphan, one unit by a duplicate, everything by a vanished account."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

import pytest

from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.ledger_entry import make_entry
from orchestrator.config.accounts_lock import FILE, LockedAccount, accounts_lock_text, lock_entry
from orchestrator.config.catalogue import Unit
from orchestrator.errors import Location, SetupError
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.rules.accounts import AccountComparison, compare_accounts, trusted_lock
from orchestrator.guard.rules.orphans import InventoryRecord, OrphanedState
from orchestrator.guard.trust.base_commit import BaseCommit
from orchestrator.report.model import Status, UnitReport
from orchestrator.run.checks.blocked import BlockedUnits, blocked_report
from orchestrator.run.checks.inventory import InventoryCheck
from orchestrator.run.checks.listing import AccountListing, Listings
from orchestrator.terraform.model import StateRecord, StateResource
from orchestrator.util.git import Repository
from tests.support.aws import account, catalogue, unit
from tests.support.git import Git

LIVE = catalogue(Path())
PROTECTED = Protected.read(Path(__file__).parents[4] / "policies/protected.yaml")
POOL = StateResource("module.this.aws_cognito_user_pool.this", "aws_cognito_user_pool", "eu-west-1_abc")
STATE = StateRecord("line", 3, {}, (POOL.address,), (POOL,))
OLD = replace(unit("old/users", "production"), stage="old")
LEFT = OrphanedState(make_entry(LIVE, OLD, STATE), "bucket", STATE, Location("live/accounts/production.yaml", 1))
GONE = LockedAccount("gone", "4" * 12, "eu-west-1", "gone-bucket", "ams", Location(FILE, 5), {})


@dataclass
class Fake:
    """Listings without AWS."""

    remains: Sequence[OrphanedState] = ()
    fresh: Sequence[str] = ()
    vanished: Sequence[OrphanedState] | SetupError = ()

    def of(self, units: Iterable[Unit]) -> tuple[AccountListing, ...]:
        chosen = [each for each in units if each.account == "production"]
        return (AccountListing(LIVE.accounts["production"], Role.PLAN, tuple(chosen), {}, {}),) if chosen else ()

    def records(self, listing: AccountListing) -> tuple[InventoryRecord, ...]:
        return tuple(InventoryRecord(each, "bucket", "ams") for each in listing.units if each.id in self.fresh)

    def orphaned(self, listing: AccountListing) -> Sequence[OrphanedState]:
        return self.remains

    def states_elsewhere(self, listing: AccountListing, new: Sequence[InventoryRecord]) -> tuple[OrphanedState, ...]:
        return ()

    def of_vanished(self, locked_account: LockedAccount) -> Sequence[OrphanedState]:
        if isinstance(self.vanished, SetupError):
            raise self.vanished
        return self.vanished


def check(fake: Fake, **more: Any) -> InventoryCheck:
    return InventoryCheck(LIVE, cast("Listings", fake), PROTECTED, **more)


def blocked_by(
    fake: Fake, *, vanished: Sequence[LockedAccount] = (), destroy: bool = False, **more: Any
) -> BlockedUnits:
    listed = fake.of(LIVE.units.values())
    return check(fake, **more).check_ledgers(BlockedUnits(), listed, vanished, destroy=destroy)


def report_of(found: BlockedUnits, unit: str) -> UnitReport | None:
    each = LIVE.units[unit]
    return blocked_report(found, each, UnitReport(each.id, each.account, each.region, Status.SKIPPED))


def test_nothing_is_blocked_without_a_difference() -> None:
    assert blocked_by(Fake()) == BlockedUnits()


def test_an_orphan_blocks_its_account_and_no_other() -> None:
    found = blocked_by(Fake([LEFT]), count=lambda _: "3 users")
    (report,) = found.reports
    assert (report.unit, report.status) == ("old/users", Status.BLOCKED)
    assert report.findings[0].inside == "3 users"
    skipped = report_of(found, "prod/data")
    assert skipped is not None
    assert skipped.status is Status.SKIPPED
    assert "old/users is no longer in live/" in skipped.cause
    assert report_of(found, "bpm-prod/tasks") is None


def test_a_destroy_is_not_blocked_by_an_orphan() -> None:
    found = blocked_by(Fake([LEFT]), destroy=True)
    assert (found.reports, dict(found.accounts)) == ((), {})
    assert "old/users is no longer in live/" in found.notes[0]


def test_a_duplicate_blocks_only_itself() -> None:
    found = blocked_by(Fake([LEFT], fresh=["prod/data"]))
    report = report_of(found, "prod/data")
    assert report is not None
    assert report.status is Status.BLOCKED
    assert [each.rule for each in report.findings] == ["ORCH_DUPLICATE"]


def test_what_a_waiver_allows_is_noted_and_not_blocked() -> None:
    def waived(finding: Finding) -> Finding:
        return replace(finding, severity=Severity.WAIVED, waiver="retire by anna")

    found = blocked_by(Fake([LEFT], fresh=["prod/data"]), waived=waived)
    assert (found.reports, dict(found.accounts), dict(found.refused)) == ((), {}, {})
    assert all("allowed by retire by anna" in note for note in found.notes)
    assert len(found.notes) == 2


def test_a_vanished_account_with_protected_resources_blocks_everything() -> None:
    found = blocked_by(Fake(vanished=[LEFT]), vanished=[GONE])
    assert [each.unit for each in found.reports] == ["old/users"]
    for each in LIVE.units:
        report = report_of(found, each)
        assert report is not None
        assert report.status is Status.SKIPPED
        assert "the account gone" in report.cause


def test_an_emptied_or_unreachable_vanished_account_is_a_note() -> None:
    assert "gone has no protected resources left" in blocked_by(Fake(), vanished=[GONE]).notes[0]
    unreachable = blocked_by(Fake(vanished=SetupError("no way in")), vanished=[GONE])
    assert "what remains in it is unknown: no way in" in unreachable.notes[0]
    assert unreachable.everything == ""


def test_a_changed_account_is_blocked_before_aws_is_called() -> None:
    lock = {"bpm": replace(lock_entry(LIVE, LIVE.accounts["bpm"]), id="5" * 12, lines={"id": Location(FILE, 6)})}
    here = replace(LIVE, root=Path(__file__).parents[4])
    found = InventoryCheck(here, cast("Listings", None), PROTECTED).check_accounts(compare_accounts(here, lock))
    (report,) = found.reports
    assert (report.unit, report.status) == ("account:bpm", Status.BLOCKED)
    assert f"{FILE}:6" in report.findings[0].cause
    assert report_of(found, "bpm-prod/tasks") is not None
    assert report_of(found, "prod/data") is None
    assert check(Fake()).check_accounts(AccountComparison()) == BlockedUnits()


@pytest.mark.parametrize(("entry", "stale"), [(None, True), (11, True), (12, False), (13, False)])
def test_an_entry_is_stale_when_missing_or_older_than_its_state(entry: int | None, stale: bool) -> None:
    data = LIVE.units["prod/data"]
    at = {data.folder: datetime(2026, 11, 26, entry, tzinfo=UTC)} if entry is not None else {}
    listing = AccountListing(
        account("production", "1" * 12), Role.PLAN, (data,), at, {data.folder: datetime(2026, 11, 26, 12, tzinfo=UTC)}
    )
    assert listing.stale == ((data,) if stale else ())
    assert listing.uncertain == listing.stale
    assert replace(listing, states={}).uncertain == (data,)


def test_in_ci_the_lock_file_comes_from_the_protected_commit(tmp_path: Path) -> None:
    git = Git(tmp_path / "repo")
    file = git.root / FILE
    file.parent.mkdir(parents=True)
    entry = lock_entry(LIVE, LIVE.accounts["bpm"])
    file.write_text(accounts_lock_text([entry]))
    merged = git.commit()
    file.write_text(accounts_lock_text([replace(entry, id="6" * 12)]))
    git.commit()
    base = BaseCommit(commit=merged, forked=merged, since=merged, protected=True, description="origin/main")
    repository = Repository.find(git.root)
    assert trusted_lock(git.root, repository, base, emulated=False)["bpm"].id == entry.id
    loose = replace(base, protected=False)
    assert trusted_lock(git.root, repository, loose, emulated=False)["bpm"].id == "6" * 12
    assert trusted_lock(git.root, repository, None, emulated=False)["bpm"].id == "6" * 12
    file.unlink()
    gone = git.commit()
    assert trusted_lock(git.root, repository, replace(base, commit=gone), emulated=False) == {}


@pytest.mark.parametrize("protected", [True, False])
def test_an_account_of_the_emulator_is_locked_on_the_emulator_only(tmp_path: Path, protected: bool) -> None:
    git = Git(tmp_path / "repo")
    file = git.root / FILE
    file.parent.mkdir(parents=True)
    file.write_text(accounts_lock_text([lock_entry(LIVE, LIVE.accounts["bpm"], emulator=True)]))
    merged = git.commit()
    base = BaseCommit(commit=merged, forked=merged, since=merged, protected=protected, description="origin/main")
    repository = Repository.find(git.root)
    assert set(trusted_lock(git.root, repository, base, emulated=True)) == {"bpm"}
    assert trusted_lock(git.root, repository, base, emulated=False) == {}
