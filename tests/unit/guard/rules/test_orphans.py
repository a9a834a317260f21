"""Removed units and duplicates are found in any configuration; an unchanged one has no findings."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from orchestrator.aws.state.ledger_entry import LedgerEntry, make_entry
from orchestrator.config.catalogue import Unit
from orchestrator.guard.findings import DUPLICATE
from orchestrator.guard.model import Severity
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.rules.orphans import (
    ORPHANED,
    Comparison,
    InventoryRecord,
    OrphanedState,
    compare_with_ledgers,
)
from orchestrator.terraform.model import StateRecord, StateResource
from tests.support.aws import account, catalogue, unit

PROTECTED = Protected.read(Path(__file__).parents[4] / "policies/protected.yaml")
POOL = StateResource("module.this.aws_cognito_user_pool.this", "aws_cognito_user_pool", "eu-west-1_abc")
BUCKET = account("production", "111111111111").state_bucket
LIVE = catalogue(Path())


def state(*protected: StateResource, resources: int = 2, lineage: str = "line") -> StateRecord:
    return StateRecord(lineage, 3, {}, tuple(f"r.{number}" for number in range(resources)), protected)


def made(id_: str, *, module: str = "service", region: str = "eu-west-1") -> Unit:
    built = unit(id_, "production")
    return replace(built, region=region, module=replace(built.module, address=module))


def entry(of: Unit, *protected: StateResource, resources: int = 2) -> LedgerEntry:
    return make_entry(LIVE, of, state(*protected, resources=resources))


def books(of: Unit, known: LedgerEntry | None = None, *, lineage: str = "") -> InventoryRecord:
    return InventoryRecord(of, BUCKET, "ams", known, lineage)


def left(of: LedgerEntry, *, bucket: str = BUCKET, gone: bool = False) -> OrphanedState:
    return OrphanedState(of, bucket, None if gone else state(*of.protected, resources=of.resources))


def run(units: Sequence[Unit], entries: Sequence[LedgerEntry], elsewhere: Sequence[OrphanedState] = ()) -> Comparison:
    """Compare units whose states in the ledger all exist."""
    known = {each.folder: each for each in entries}
    asked = [books(each, e := known.get(each.folder), lineage=e.lineage if e and not e.empty else "") for each in units]
    folders = {each.folder for each in units}
    return compare_with_ledgers(
        asked, [left(each) for each in entries if each.folder not in folders], PROTECTED, elsewhere
    )


NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,8}", fullmatch=True)
REGIONS = st.sampled_from(["eu-west-1", "us-east-1", "eu-central-1"])
UNITS = st.lists(
    st.builds(
        lambda stage, stack, region: made(f"{stage}/{stack}", module=stack, region=region), NAMES, NAMES, REGIONS
    ),
    min_size=1,
    max_size=6,
    unique_by=lambda each: each.folder,
)


@given(UNITS)
def test_an_unchanged_configuration_has_no_findings(units: list[Unit]) -> None:
    assert run(units, [entry(each, POOL) for each in units]) == Comparison()


@given(UNITS, st.sampled_from(["stage", "stack", "region"]), NAMES, REGIONS, st.data())
def test_a_renamed_unit_is_orphaned_and_its_successor_a_duplicate(
    units: list[Unit], part: str, name: str, region: str, data: st.DataObject
) -> None:
    old = data.draw(st.sampled_from(units))
    changed: dict[str, Any] = {part: region if part == "region" else name}
    new = replace(old, **changed)
    new = replace(new, id=f"{new.stage}/{new.stack}" + (f"@{region}" if part == "region" else ""))
    assume(new.folder not in {each.folder for each in units})
    now = [new if each is old else each for each in units]
    found = run(now, [entry(each, POOL) for each in units])
    assert [finding.unit for _, finding in found.orphans] == [old.id]
    assert set(found.duplicates) == {new.id}
    duplicate = found.duplicates[new.id]
    assert duplicate.rule == DUPLICATE
    assert duplicate.severity is Severity.BLOCK
    known = {
        "stage": f"`orch move {old.stage} {new.stage}`",
        "stack": f"`orch move {old.stage}/{old.stack} {new.stage}/{new.stack}`",
        "region": f"restore {old.id} in live/",
    }
    assert known[part] in duplicate.hint
    assert duplicate.address == new.state_key


@given(UNITS, st.data())
def test_a_removed_unit_is_reported_with_its_resources_and_blocks(units: list[Unit], data: st.DataObject) -> None:
    gone = data.draw(st.sampled_from(units))
    found = run([each for each in units if each is not gone], [entry(each, POOL) for each in units])
    ((what, finding),) = found.orphans
    assert what.entry.unit == finding.unit == gone.id
    assert (finding.rule, finding.severity, finding.address) == (ORPHANED, Severity.BLOCK, gone.state_key)
    assert "aws_cognito_user_pool.this (eu-west-1_abc)" in finding.message
    assert "every user in the pool" in finding.lost
    assert f"orch destroy --orphans {gone.stage}" in finding.hint
    assert not found.duplicates


def test_what_is_left_without_anything_protected_is_a_note() -> None:
    found = run([], [entry(made("old/api"), resources=3)])
    assert not found.orphans
    (note,) = found.notes
    assert note == (
        "old/api is no longer in live/, but 3 resources are still in its state, none protected; "
        "to destroy: orch destroy --orphans old"
    )


def test_a_new_unit_that_resembles_no_orphan_is_no_duplicate() -> None:
    found = run([made("prod/queue", module="queue")], [entry(made("old/users", module="user_pool"), POOL)])
    assert not found.duplicates
    assert [finding.unit for _, finding in found.orphans] == ["old/users"]


def test_an_emptied_unit_may_be_built_again() -> None:
    old = made("prod/users")
    assert compare_with_ledgers([books(old, entry(old, resources=0))], [], PROTECTED) == Comparison()
    assert compare_with_ledgers([books(old, entry(old, resources=0), lineage="new")], [], PROTECTED) == Comparison()


@pytest.mark.parametrize(
    ("lineage", "key", "said"),
    [
        ("", None, "the state of prod/users is gone"),
        ("other", None, "another lineage"),
        ("", "v0/prod/users", "was written to v0/prod/users"),
    ],
    ids=["lost", "replaced", "key pattern"],
)
def test_a_state_that_was_lost_or_replaced_or_is_looked_for_elsewhere_blocks(
    lineage: str, key: str | None, said: str
) -> None:
    users = made("prod/users")
    known = entry(users, POOL)
    known = replace(known, state_key=key or known.state_key)
    finding = compare_with_ledgers([books(users, known, lineage=lineage)], [], PROTECTED).duplicates["prod/users"]
    assert said in finding.message
    assert known.state_key in finding.hint


def test_a_lost_state_without_anything_protected_is_a_note() -> None:
    box = made("dev/box")
    found = compare_with_ledgers([books(box, entry(box))], [], PROTECTED)
    assert not found.duplicates
    assert "the state of dev/box is gone" in found.notes[0]


def test_a_state_in_another_bucket_makes_a_duplicate() -> None:
    users = made("prod/users")
    elsewhere = left(entry(users, POOL), bucket="old-bucket")
    finding = compare_with_ledgers([books(users)], [], PROTECTED, [elsewhere]).duplicates["prod/users"]
    assert "old-bucket" in finding.cause
    assert "`state.bucket`" in finding.hint


def test_another_accounts_stage_of_the_same_stacks_is_no_duplicate() -> None:
    users = made("prod/users")
    other = replace(entry(made("dev/users"), POOL), account="development", account_id="2" * 12)
    assert not compare_with_ledgers([books(users)], [], PROTECTED, [left(other, bucket="theirs")]).duplicates
    same = replace(entry(users, POOL), account="development", account_id="2" * 12)
    assert compare_with_ledgers([books(users)], [], PROTECTED, [left(same, bucket="theirs")]).duplicates


def test_another_catalogue_in_the_same_account_is_not_ours() -> None:
    users = made("prod/users")
    theirs = replace(entry(made("live/users"), POOL), catalogue="bpm")
    assert not compare_with_ledgers([books(users)], [], PROTECTED, [left(theirs, bucket="theirs")]).duplicates


def test_an_orphan_whose_state_is_gone_still_blocks() -> None:
    ((_, finding),) = compare_with_ledgers([], [left(entry(made("old/users"), POOL), gone=True)], PROTECTED).orphans
    assert "its state is gone; the ledger has" in finding.message


def test_what_the_list_protects_now_counts_not_what_it_did_when_the_entry_was_written() -> None:
    """The state is read again, so a type that was listed later is found."""
    old = entry(made("old/users"))
    ((_, finding),) = compare_with_ledgers([], [OrphanedState(old, BUCKET, state(POOL))], PROTECTED).orphans
    assert "aws_cognito_user_pool" in finding.message


def test_a_finding_has_the_same_id_in_the_next_run() -> None:
    units, entries = [made("new/users")], [entry(made("old/users"), POOL)]
    first, second = run(units, entries), run(units, entries)
    assert first == second
