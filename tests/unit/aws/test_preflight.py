"""The needs of a run in each account, and that all problems are reported together before anything starts."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.preflight import Need, needs_of, preflight
from orchestrator.config.catalogue import Catalogue, ProviderConfig, Unit
from orchestrator.errors import SetupError
from tests.support.aws import (
    BPM,
    PRODUCTION,
    Answer,
    AtOnce,
    Call,
    FakeAws,
    World,
    account,
    catalogue,
    give_keys,
    refused,
    standard_chain,
    with_account,
)


def chosen(given: Catalogue, *ids: str) -> list[Unit]:
    return [given.units[i] for i in ids]


def test_a_plan_needs_the_plan_role_and_an_apply_both(tmp_path: Path) -> None:
    given = catalogue(tmp_path)
    data = chosen(given, "prod/data")
    assert needs_of(given, data, write=False) == {"production": Need(frozenset({Role.PLAN}), bucket=True)}
    assert needs_of(given, data, write=True) == {"production": Need(frozenset({Role.PLAN, Role.APPLY}), bucket=True)}


def test_an_upstream_in_another_account_is_read_there(tmp_path: Path) -> None:
    given = catalogue(tmp_path)
    assert needs_of(given, chosen(given, "prod/api"), write=True) == {
        "production": Need(frozenset({Role.PLAN, Role.APPLY}), bucket=True),
        "bpm": Need(frozenset({Role.PLAN}), bucket=True),
    }


def test_a_provider_in_another_account_needs_its_roles_and_not_its_bucket(tmp_path: Path) -> None:
    given = catalogue(tmp_path)
    data = given.units["prod/data"]
    data = replace(data, providers=(ProviderConfig("aws", "dns", "bpm", "eu-west-1", data.at),))
    assert needs_of(given, [data], write=True)["bpm"] == Need(frozenset({Role.PLAN, Role.APPLY}), bucket=False)


def test_where_the_baseline_is_selected_the_roles_that_it_makes_need_not_be_there(tmp_path: Path) -> None:
    given = catalogue(tmp_path)
    found = needs_of(given, chosen(given, "production/baseline", "prod/data"), write=True)
    assert found == {"production": Need(frozenset({Role.BOOTSTRAP}), bucket=True)}


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def aws(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    with standard_chain(world, tmp_path, monkeypatch) as fake:
        give_keys(monkeypatch)
        for number in (PRODUCTION, BPM):
            world.refuse[f"HEAD /ams-{number}-tfstate"] = Answer(200)
        yield fake


BOTH = {name: Need(frozenset({Role.PLAN, Role.APPLY}), bucket=True) for name in ("production", "bpm")}


def run(given: Catalogue, free_bytes: int = 1) -> None:
    preflight(given, Identities(given, None), BOTH, free_bytes=free_bytes)


def test_all_is_well_and_nothing_is_changed(aws: FakeAws, tmp_path: Path) -> None:
    run(catalogue(tmp_path))
    assert {c.method for c in aws.calls} == {"POST", "HEAD"}
    assert {c.action for c in aws.calls} == {"GetCallerIdentity", "AssumeRole", ""}


def test_roles_are_assumed_at_the_same_time_and_then_ids_and_buckets_are_checked_so(
    aws: FakeAws, world: World, tmp_path: Path
) -> None:
    def group(call: Call) -> str | None:
        if call.action == "GetCallerIdentity" and call.key_id not in world.roles:
            return None  # the user
        return "assume" if call.action == "AssumeRole" else "check"

    aws.answer = AtOnce(world, {"assume": 4, "check": 6}, group)
    logins: list[int] = []
    given = catalogue(tmp_path)
    preflight(given, Identities(given, None), BOTH, free_bytes=1, on_login=lambda: logins.append(len(aws.calls)))
    assert logins == [5], "after the user's id and four roles"
    assert len(aws.calls) == 11


@pytest.mark.usefixtures("aws")
def test_nothing_else_begins_while_a_role_or_room_is_missing(world: World, tmp_path: Path) -> None:
    def never() -> None:
        pytest.fail("it began")

    given = catalogue(tmp_path)
    with pytest.raises(SetupError, match="not enough disk space"):
        preflight(given, Identities(given, None), BOTH, free_bytes=2**60, on_login=never)
    world.refuse[f"arn:aws:iam::{BPM}:role/orch-apply"] = refused("AccessDenied", "not authorized")
    with pytest.raises(SetupError, match="cannot assume the apply role of account bpm"):
        preflight(given, Identities(given, None), BOTH, free_bytes=1, on_login=never)


def test_a_role_that_is_refused_is_asked_for_once(aws: FakeAws, world: World, tmp_path: Path) -> None:
    world.refuse["AssumeRole"] = refused("AccessDenied", "not authorized")
    with pytest.raises(SetupError, match="4 problems"):
        run(catalogue(tmp_path))
    assert aws.count("AssumeRole") == 4


@pytest.mark.usefixtures("aws")
def test_what_another_account_says_about_the_bucket_is_not_repeated(world: World, tmp_path: Path) -> None:
    given = catalogue(tmp_path)
    us = Identities(given, None)
    us.credentials("production", Role.PLAN)
    world.roles = dict.fromkeys(world.roles, "arn:aws:iam::444444444444:role/orch-plan")
    world.refuse[f"HEAD /ams-{PRODUCTION}-tfstate"] = Answer(403)
    with pytest.raises(SetupError) as caught:
        preflight(given, us, {"production": Need(frozenset({Role.PLAN}), bucket=True)}, free_bytes=1)
    assert "is in account 444444444444" in str(caught.value)
    assert "state bucket" not in str(caught.value)


@pytest.mark.usefixtures("aws")
def test_everything_that_is_wrong_is_said_at_once(world: World, tmp_path: Path) -> None:
    world.refuse[f"HEAD /ams-{PRODUCTION}-tfstate"] = Answer(404)
    world.refuse[f"arn:aws:iam::{BPM}:role/orch-apply"] = refused("AccessDenied", "not authorized")
    world.refuse[f"HEAD /ams-{BPM}-tfstate"] = Answer(403)
    with pytest.raises(SetupError) as caught:
        run(catalogue(tmp_path), free_bytes=2**60)
    lines = str(caught.value).splitlines()
    assert lines[0] == "5 problems:"
    told = "\n".join(sorted(lines[1:]))
    assert f"account production has no state bucket ams-{PRODUCTION}-tfstate — `orch bootstrap production`" in told
    assert f"cannot assume the apply role of account bpm: arn:aws:iam::{BPM}:role/orch-apply" in told
    assert f"the plan role of account bpm cannot access the state bucket ams-{BPM}-tfstate" in told
    assert told.count("not enough disk space for") == 2


@pytest.mark.usefixtures("aws")
def test_a_wrong_account_id_is_found_before_anything_runs(world: World, tmp_path: Path) -> None:
    # Only CI that already runs as the role has credentials that do not come from an ARN with the account ID.
    given = with_account(catalogue(tmp_path), account("production", PRODUCTION))
    us = Identities(given, None)
    us.credentials("production", Role.PLAN)
    world.roles = dict.fromkeys(world.roles, "arn:aws:iam::444444444444:role/orch-plan")
    with pytest.raises(SetupError, match=f"is in account 444444444444, expected {PRODUCTION}"):
        preflight(given, us, {"production": Need(frozenset({Role.PLAN}), bucket=True)})


@pytest.mark.usefixtures("aws")
def test_a_login_that_is_over_is_said_once_and_not_for_each_account(world: World, tmp_path: Path) -> None:
    world.refuse["GetCallerIdentity"] = refused("ExpiredToken", "expired")
    with pytest.raises(SetupError) as caught:
        run(catalogue(tmp_path))
    assert str(caught.value).startswith("cannot log in to AWS: the AWS credentials have expired")
    assert "\n" not in str(caught.value)


@pytest.mark.usefixtures("aws")
def test_room_on_the_disk_is_looked_at_where_the_folder_will_be(tmp_path: Path) -> None:
    free = shutil.disk_usage(tmp_path).free
    later = tmp_path / "not" / "there" / "yet"
    preflight(catalogue(tmp_path), Identities(catalogue(tmp_path), None), {}, folders=[later], free_bytes=free // 2)
    with pytest.raises(SetupError, match="not enough disk space for"):
        preflight(catalogue(tmp_path), Identities(catalogue(tmp_path), None), {}, folders=[later], free_bytes=free * 2)
    assert not later.exists()
