"""Identities: the credential chain, roles, caching and errors. Real botocore over HTTP."""

from __future__ import annotations

import re
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.identity.identities import Identities, session_name
from orchestrator.aws.identity.roles import BreakGlass, Role, applying_role, role_for, tag_value
from orchestrator.errors import SetupError, ThrottledError
from tests.support.aws import (
    ENTRY,
    PRODUCTION,
    FakeAws,
    World,
    catalogue,
    give_keys,
    refused,
    standard_chain,
    unit,
)

NOW = datetime(2030, 1, 1, 12, 0, tzinfo=UTC)


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def aws(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    with standard_chain(world, tmp_path, monkeypatch) as fake:
        yield fake


@pytest.fixture
def keys(aws: FakeAws, monkeypatch: pytest.MonkeyPatch) -> None:
    give_keys(monkeypatch)


def identities(tmp_path: Path, **more: object) -> Identities:
    return Identities(catalogue(tmp_path), None, **more)  # type: ignore[arg-type]


@pytest.mark.usefixtures("keys")
def test_a_role_is_assumed_once_and_confirmed_once(aws: FakeAws, tmp_path: Path) -> None:
    us = identities(tmp_path)
    with ThreadPoolExecutor(8) as pool:
        found = {
            f.result().access_key for f in [pool.submit(us.credentials, "production", Role.PLAN) for _ in range(8)]
        }
        names = {f.result().arn for f in [pool.submit(us.confirm, "production", Role.PLAN) for _ in range(8)]}
    assert len(found) == 1
    assert names == {f"arn:aws:sts::{PRODUCTION}:assumed-role/orch-plan/orch-me"}
    (assume,) = [c for c in aws.calls if c.action == "AssumeRole"]
    assert assume.fields["RoleArn"] == f"arn:aws:iam::{PRODUCTION}:role/orch-plan"
    assert assume.fields["RoleSessionName"].startswith("orch-")
    assert aws.count("GetCallerIdentity") == 2, "the base once, the role once"
    us.credentials("production", Role.APPLY)
    us.credentials("bpm", Role.PLAN)
    assert aws.count("AssumeRole") == 3


@pytest.mark.usefixtures("keys", "aws")
def test_many_threads_get_everything_without_waiting_for_each_other_for_ever(world: World, tmp_path: Path) -> None:
    world.lifetime = timedelta(minutes=4)  # always refreshed: every call takes every lock
    us = identities(tmp_path)

    def client(number: int) -> None:
        us.client("sts", "production", Role.PLAN, region=f"eu-west-{number}")
        us.confirm("production", Role.PLAN)

    def renew(_: int) -> None:
        for _ in range(4):
            us.credentials("production", Role.PLAN)

    # Daemon threads: a deadlock fails the test and does not hang it.
    threads = [threading.Thread(target=work, args=(n,), daemon=True) for n in range(10) for work in (client, renew)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=20)
        assert not thread.is_alive()
    assert us.confirm("production", Role.PLAN).account == PRODUCTION


@pytest.mark.usefixtures("keys")
def test_breaking_the_glass_says_who_and_why_and_each_has_a_session_of_its_own(aws: FakeAws, tmp_path: Path) -> None:
    us = identities(tmp_path)
    ann, bob = BreakGlass("ann", "CI is down; ticket #7"), BreakGlass("bob", "x" * 300)
    keys = {us.credentials("production", each).access_key for each in (ann, bob, ann, Role.APPLY)}
    assert len(keys) == 3
    assert us.confirm("production", ann).arn == f"arn:aws:sts::{PRODUCTION}:assumed-role/orch-break-glass/orch-me"
    first, second, plain = [call.fields for call in aws.calls if call.action == "AssumeRole"]
    assert first["RoleArn"] == f"arn:aws:iam::{PRODUCTION}:role/orch-break-glass"
    tags = {first[f"Tags.member.{n}.Key"]: first[f"Tags.member.{n}.Value"] for n in (1, 2)}
    assert tags == {"orch:owner": "ann", "orch:reason": "CI is down- ticket -7"}
    assert second["Tags.member.2.Value"] == "x" * 256
    assert "Tags.member.1.Key" not in plain


@pytest.mark.usefixtures("keys")
def test_a_break_glass_role_that_lets_nobody_in_says_what_it_needs(world: World, tmp_path: Path) -> None:
    world.refuse["AssumeRole"] = refused("AccessDenied", "not authorized to perform: sts:TagSession")
    with pytest.raises(SetupError, match="cannot assume the break-glass role") as caught:
        identities(tmp_path).credentials("production", BreakGlass("ann", "why"))
    assert "orch bootstrap production" in str(caught.value)
    assert "sts:TagSession" in str(caught.value)


@given(st.text(max_size=400))
def test_whatever_a_reason_says_its_tag_is_one_that_sts_takes(reason: str) -> None:
    value = tag_value(reason)
    assert len(value) <= 256
    assert re.fullmatch(r"[\w .:/=+@-]*", value)
    assert tag_value(value) == value


def test_what_makes_the_roles_never_runs_under_break_glass() -> None:
    glass = BreakGlass("ann", "why")
    assert applying_role(unit("prod/data", "production"), glass) is glass
    assert applying_role(unit("prod/data", "production"), None) is Role.APPLY
    assert applying_role(unit("production/baseline", "production", of_account=True), glass) is Role.BOOTSTRAP


@pytest.mark.usefixtures("keys")
def test_credentials_are_renewed_five_minutes_before_their_end(aws: FakeAws, world: World, tmp_path: Path) -> None:
    now = [NOW]
    world.expires = NOW + timedelta(hours=1)
    us = identities(tmp_path, clock=lambda: now[0])
    first = us.credentials("production", Role.PLAN)
    now[0] = NOW + timedelta(minutes=54, seconds=59)
    assert us.credentials("production", Role.PLAN) is first
    now[0] = NOW + timedelta(minutes=55, seconds=1)
    world.expires = NOW + timedelta(hours=2)
    second = us.credentials("production", Role.PLAN)
    assert (second.access_key != first.access_key, second.expires) == (True, NOW + timedelta(hours=2))
    assert us.credentials("production", Role.PLAN, valid_for=timedelta(hours=3)) is not second
    assert aws.count("AssumeRole") == 3


@pytest.mark.usefixtures("keys")
def test_a_session_renews_its_credentials_by_itself(aws: FakeAws, world: World, tmp_path: Path) -> None:
    world.lifetime = timedelta(minutes=3)
    us = identities(tmp_path)
    session = us.session("production", Role.PLAN)
    sts = us.client("sts", "production", Role.PLAN)
    assert sts is us.client("sts", "production", Role.PLAN)
    before = aws.count("AssumeRole")
    sts.get_caller_identity()
    assert aws.count("AssumeRole") > before, "less than five minutes are left: new ones are fetched for the call"
    assert session.get_config_variable("region") == "eu-west-1"


@pytest.mark.usefixtures("keys")
def test_ci_that_is_the_role_already_does_not_assume_it(aws: FakeAws, world: World, tmp_path: Path) -> None:
    world.base = (PRODUCTION, f"arn:aws:sts::{PRODUCTION}:assumed-role/orch-plan/ci")
    us = identities(tmp_path)
    assert us.credentials("production", Role.PLAN).access_key == "AKIABASE"
    assert us.confirm("production", Role.PLAN).account == PRODUCTION
    assert aws.count("AssumeRole") == 0
    us.credentials("bpm", Role.PLAN)
    us.credentials("production", Role.APPLY)
    assert aws.count("AssumeRole") == 2, "the same role of another account, and another role, are assumed"


@pytest.mark.usefixtures("keys", "aws")
def test_an_administrator_of_the_account_stands_in_for_the_bootstrap_role_only(world: World, tmp_path: Path) -> None:
    denied = refused("AccessDenied", "not authorized to perform: sts:AssumeRole")
    world.refuse["AssumeRole"] = denied
    world.base = (PRODUCTION, f"arn:aws:sts::{PRODUCTION}:assumed-role/AWSReservedSSO_Admin/me")
    us = identities(tmp_path)
    assert us.credentials("production", Role.BOOTSTRAP).access_key == "AKIABASE"
    for role in (Role.PLAN, Role.APPLY):
        with pytest.raises(SetupError, match="cannot assume"):
            us.credentials("production", role)
    with pytest.raises(SetupError, match="cannot assume"):
        us.credentials("bpm", Role.BOOTSTRAP)
    world.base = (PRODUCTION, f"arn:aws:sts::{PRODUCTION}:assumed-role/orch-apply/ci")
    with pytest.raises(SetupError, match="cannot assume"):
        identities(tmp_path).credentials("production", Role.BOOTSTRAP)


@pytest.mark.usefixtures("keys", "aws")
def test_a_role_that_refuses_is_named_with_who_asked(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    world.refuse["AssumeRole"] = refused("AccessDenied", "not authorized to perform: sts:AssumeRole")
    with pytest.raises(SetupError) as caught:
        identities(tmp_path).credentials("production", Role.PLAN)
    assert f"arn:aws:iam::{PRODUCTION}:role/orch-plan" in caught.value.what
    assert ENTRY in caught.value.what
    assert "orch bootstrap production" in (caught.value.hint or "")
    monkeypatch.setenv("ORCH_CREDENTIALS", "production/plan")
    with pytest.raises(SetupError, match="run orch in another one"):
        identities(tmp_path).credentials("production", Role.PLAN)


@pytest.mark.usefixtures("keys", "aws")
def test_another_account_than_the_catalogue_says_is_refused(world: World, tmp_path: Path) -> None:
    us = identities(tmp_path)
    us.credentials("production", Role.PLAN)
    world.roles = dict.fromkeys(world.roles, "arn:aws:iam::444444444444:role/orch-plan")
    with pytest.raises(SetupError) as caught:
        us.confirm("production", Role.PLAN)
    assert "444444444444" in caught.value.what
    assert PRODUCTION in caught.value.what
    assert "live/accounts/production.yaml" in str(caught.value)


@pytest.mark.usefixtures("aws", "keys")
def test_throttling_is_retried_and_then_said(
    aws: FakeAws, world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    world.refuse["AssumeRole"] = refused("Throttling", "Rate exceeded", 400)
    with pytest.raises(ThrottledError, match="AWS throttled"):
        identities(tmp_path).credentials("production", Role.PLAN)
    assert aws.count("AssumeRole") == 5


@pytest.mark.usefixtures("aws", "keys")
def test_no_network_names_the_endpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _: None)
    with socket.socket() as taken:  # bound but not listening: nothing can answer
        taken.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
        with pytest.raises(SetupError) as caught:
            identities(tmp_path).credentials("production", Role.PLAN)
    assert f"{url} does not answer" in caught.value.what


def test_the_baseline_never_runs_under_a_role_that_it_changes(tmp_path: Path) -> None:
    units = catalogue(tmp_path).units
    assert [role_for(units["production/baseline"], write=w) for w in (False, True)] == [Role.BOOTSTRAP] * 2
    assert [role_for(units["prod/api"], write=w) for w in (False, True)] == [Role.PLAN, Role.APPLY]


@given(st.text())
def test_session_names_are_what_sts_takes(run: str) -> None:
    name = session_name({"GITHUB_RUN_ID": run})
    assert name.startswith("orch-")
    assert 2 <= len(name) <= 64
    assert all(c.isascii() and (c.isalnum() or c in "_+=,.@-") for c in name)
