"""The record of the accounts: written and read back, strict, and every change of where an account is, is found."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.cli.account_setup import check_accounts_lock, missing_in_accounts_lock, update_accounts_lock
from orchestrator.cli.context import Common
from orchestrator.cli.project import open_project
from orchestrator.config.accounts_lock import (
    FILE,
    LockedAccount,
    accounts_lock_text,
    counted,
    lock_entry,
    parse_lock,
    read_accounts_lock,
)
from orchestrator.config.catalogue import Catalogue
from orchestrator.config.load import load
from orchestrator.errors import BlockedError, CatalogueError, Location
from orchestrator.guard.rules.accounts import compare_accounts
from tests.support.project import Project

ID = "111111111111"


@pytest.fixture
def project(tmp_path: Path) -> Project:
    made = Project(tmp_path, emulator=None, accounts={"main": ID, "other": "222222222222"})
    made.write("live/stages/prod.yaml", "account: main\nstacks: {box: }\n")
    made.write("live/stacks/box.yaml", "module: box\n")
    (tmp_path / FILE).write_text(record(load(tmp_path)))
    return made


def record(catalogue: Catalogue) -> str:
    return accounts_lock_text(lock_entry(catalogue, account) for account in catalogue.accounts.values())


def test_what_was_written_is_found_and_an_unchanged_catalogue_is_let_alone(project: Project) -> None:
    catalogue = load(project.root)
    lock = read_accounts_lock(project.root)
    assert lock["main"].id == ID
    assert lock["main"].bucket == f"t-{ID}-tfstate"
    found = compare_accounts(catalogue, lock)
    assert (dict(found.moved), found.vanished, found.unknown) == ({}, (), ())


@pytest.mark.parametrize(
    ("file", "old", "new", "words"),
    [
        (
            "live/accounts/main.yaml",
            ID,
            "333333333333",
            ["the account id is 333333333333 in live/accounts/main.yaml:1:1"],
        ),
        (
            "live/accounts/main.yaml",
            "access: open",
            "region: us-east-1\naccess: open",
            ["the region of the state bucket is us-east-1 in live/accounts/main.yaml:2:1"],
        ),
        ("live/orch.yaml", "-tfstate", "-states", [f"the state bucket is t-{ID}-states", "live/orch.yaml:8:1"]),
        ("live/orch.yaml", "name: t\n", "name: u\n", ["the project name is u", "live/orch.yaml:2:1"]),
    ],
    ids=["account id", "account region", "bucket", "catalogue name"],
)
def test_each_change_that_leads_to_another_place_is_found_with_both_lines(
    project: Project, file: str, old: str, new: str, words: list[str]
) -> None:
    path = project.root / file
    path.write_text(path.read_text().replace(old, new).replace("[eu-west-1]", "[eu-west-1, us-east-1]"))
    finding = compare_accounts(load(project.root), read_accounts_lock(project.root)).moved["main"]
    assert finding.rule == "ORCH_DUPLICATE"
    for word in words:
        assert word in finding.cause
    assert f"{FILE}:" in finding.cause


def test_a_vanished_account_is_found_and_a_renamed_one_is_not_a_vanished_one(project: Project) -> None:
    lock = read_accounts_lock(project.root)
    (project.root / "live/accounts/other.yaml").rename(project.root / "live/accounts/second.yaml")
    found = compare_accounts(load(project.root), lock)
    assert (dict(found.moved), found.vanished, found.unknown) == ({}, (), ("second",))
    (project.root / "live/accounts/second.yaml").unlink()
    found = compare_accounts(load(project.root), lock)
    assert [each.name for each in found.vanished] == ["other"]


def test_an_account_that_was_renamed_with_its_bucket_is_held(project: Project) -> None:
    lock = read_accounts_lock(project.root)
    renamed = project.root / "live/accounts/second.yaml"
    (project.root / "live/accounts/other.yaml").rename(renamed)
    orch = project.root / "live/orch.yaml"
    orch.write_text(orch.read_text().replace("${{ account_id }}", "${{ account }}"))
    assert set(compare_accounts(load(project.root), lock).moved) == {"main", "second"}


def test_no_record_enforces_nothing(project: Project) -> None:
    (project.root / FILE).unlink()
    assert read_accounts_lock(project.root) == {}
    found = compare_accounts(load(project.root), {})
    assert (dict(found.moved), found.vanished, set(found.unknown)) == ({}, (), {"main", "other"})


def test_what_the_emulator_bootstrapped_does_not_count_on_aws(project: Project) -> None:
    """A platform is tried on the emulator with made-up ids; then its files get the real ones."""
    path = project.root / FILE
    path.unlink()
    emulated, real = (Common(folder=project.root, quiet=True, emulator=each) for each in (True, False))
    opened = open_project(emulated)
    update_accounts_lock(emulated, opened, [opened.catalogue.accounts["main"]])
    assert path.read_text().count("emulator: true") == 1
    assert set(missing_in_accounts_lock(emulated, opened)) == {"other"}
    assert set(missing_in_accounts_lock(real, opened)) == {"main", "other"}

    file = project.root / "live/accounts/main.yaml"
    file.write_text(file.read_text().replace(ID, "333333333333"))
    changed = open_project(real)
    accounts = [changed.catalogue.accounts["main"]]
    check_accounts_lock(real, changed, accounts)
    with pytest.raises(BlockedError, match="the account id is 333333333333"):
        check_accounts_lock(emulated, changed, accounts)
    update_accounts_lock(real, changed, accounts)
    assert "emulator" not in path.read_text()
    update_accounts_lock(emulated, changed, accounts)
    assert "emulator" not in path.read_text(), "what AWS has made counts, wherever it is made again"
    assert set(counted(read_accounts_lock(project.root), emulated=False)) == {"main"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        ("format: 2\naccounts: {}\n", "unsupported format 2"),
        ("format: 1\naccounts: {main: {id: '1'}}\n", "id"),
        ("format: 1\nacounts: {}\n", "acounts"),
        ("accounts: {}\n", "format"),
        ("format: 1\naccounts: [\n", ""),
    ],
)
def test_a_record_that_cannot_be_read_is_an_error_with_its_place(text: str, said: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_lock(text.encode())
    assert said in str(caught.value)
    assert caught.value.problems[0].where.file == FILE


_NAMES = st.from_regex(r"[a-z][a-z0-9-]{0,20}", fullmatch=True)
_LOCKED = st.builds(
    LockedAccount,
    name=_NAMES | st.sampled_from(["no", "on", "null", "yes", "e1"]),
    id=st.from_regex(r"[0-9]{12}", fullmatch=True),
    region=st.sampled_from(["eu-west-1", "us-east-1"]),
    bucket=st.from_regex(r"[a-z0-9][a-z0-9.-]{1,20}[a-z0-9]", fullmatch=True),
    catalogue=_NAMES,
    at=st.just(Location(FILE)),
    lines=st.just({}),
    emulator=st.booleans(),
)


@given(st.lists(_LOCKED, max_size=4, unique_by=lambda each: each.name))
def test_the_record_survives_being_written(entries: list[LockedAccount]) -> None:
    lock = parse_lock(accounts_lock_text(entries).encode()) if entries else {}
    assert {name: replace(each, at=Location(FILE), lines={}) for name, each in lock.items()} == {
        each.name: each for each in entries
    }
