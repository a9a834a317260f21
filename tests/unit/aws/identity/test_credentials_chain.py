"""The credential chain that orch starts from: keys, SSO, OIDC, chained roles, MFA, and the errors when it fails."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.identity.sessions import ask_on_terminal
from orchestrator.errors import SetupError
from tests.support.aws import (
    MANAGEMENT,
    PRODUCTION,
    FakeAws,
    World,
    account,
    catalogue,
    give_keys,
    refused,
    standard_chain,
    with_account,
)


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


@pytest.mark.usefixtures("aws")
def test_without_credentials_the_error_says_how_to_get_them(tmp_path: Path) -> None:
    with pytest.raises(SetupError, match="no AWS credentials found") as caught:
        identities(tmp_path).credentials("production", Role.PLAN)
    assert "aws sso login" in (caught.value.hint or "")


@pytest.mark.usefixtures("aws", "keys")
def test_expired_keys_are_said_once_for_all_accounts(aws: FakeAws, world: World, tmp_path: Path) -> None:
    world.refuse["GetCallerIdentity"] = refused("ExpiredToken", "The security token included in the request is expired")
    us = identities(tmp_path)
    told = set()
    for name in ("production", "bpm"):
        with pytest.raises(SetupError) as caught:
            us.credentials(name, Role.PLAN)
        told.add(str(caught.value))
    assert len(told) == 1
    assert "have expired" in told.pop()
    assert aws.count("GetCallerIdentity") == 1


@pytest.mark.usefixtures("aws")
def test_an_expired_sso_session_names_the_profile_to_log_in_to(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "config").write_text(
        "[sso-session corp]\nsso_region = eu-west-1\nsso_start_url = https://corp.awsapps.com/start\n"
        "[profile people]\nsso_session = corp\nsso_account_id = 999999999999\nsso_role_name = Dev\n"
        "[profile work]\nsource_profile = people\nrole_arn = arn:aws:iam::999999999999:role/entry\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "work")
    with pytest.raises(SetupError) as caught:
        identities(tmp_path).credentials("production", Role.PLAN)
    assert caught.value.hint == "`aws sso login --profile people`"


@pytest.mark.usefixtures("aws")
def test_an_account_may_name_its_own_profile(aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "credentials").write_text("[prod]\naws_access_key_id = AKIAPROD\naws_secret_access_key = S\n")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIAENV")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "S")
    given = with_account(catalogue(tmp_path), account("production", PRODUCTION, profile="prod"))
    us = Identities(given, None)
    us.credentials("production", Role.PLAN)
    us.credentials("bpm", Role.PLAN)
    signed = [c.headers["Authorization"].split("=")[1].split("/")[0] for c in aws.calls if c.action == "AssumeRole"]
    assert signed == ["AKIAPROD", "AKIAENV"]
    missing = with_account(catalogue(tmp_path), account("production", PRODUCTION, profile="nope"))
    with pytest.raises(SetupError, match="no profile 'nope'"):
        Identities(missing, None).credentials("production", Role.PLAN)


@pytest.mark.usefixtures("aws")
def test_oidc_and_chains_of_roles_are_the_standard_ones(
    aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "token").write_text("a.web.token")
    monkeypatch.setenv("AWS_WEB_IDENTITY_TOKEN_FILE", str(tmp_path / "token"))
    monkeypatch.setenv("AWS_ROLE_ARN", f"arn:aws:iam::{MANAGEMENT}:role/ci")
    identities(tmp_path).credentials("production", Role.PLAN)
    assert [c.action for c in aws.calls] == ["AssumeRoleWithWebIdentity", "GetCallerIdentity", "AssumeRole"]
    monkeypatch.delenv("AWS_WEB_IDENTITY_TOKEN_FILE")
    monkeypatch.delenv("AWS_ROLE_ARN")
    aws.calls.clear()
    (tmp_path / "config").write_text(
        "[profile keys]\naws_access_key_id = AKIAKEYS\naws_secret_access_key = S\n"
        f"[profile hop]\nsource_profile = keys\nrole_arn = arn:aws:iam::{MANAGEMENT}:role/hop\n"
    )
    monkeypatch.setenv("AWS_PROFILE", "hop")
    identities(tmp_path).credentials("production", Role.PLAN)
    assert [c.fields.get("RoleArn", "").rpartition("/")[2] for c in aws.calls] == ["hop", "", "orch-plan"]


def _mfa_profiles(tmp_path: Path) -> None:
    (tmp_path / "config").write_text(
        "[profile keys]\naws_access_key_id = AKIAKEYS\naws_secret_access_key = S\n"
        f"[profile a]\nsource_profile = keys\nrole_arn = arn:aws:iam::{MANAGEMENT}:role/hop\n"
        f"mfa_serial = arn:aws:iam::{MANAGEMENT}:mfa/me\n"
    )


@pytest.mark.usefixtures("aws")
def test_mfa_is_asked_once_however_many_accounts(aws: FakeAws, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _mfa_profiles(tmp_path)
    monkeypatch.setenv("AWS_PROFILE", "a")
    asked: list[str] = []

    def ask(prompt: str) -> str:
        asked.append(prompt)
        return "123456"

    us = identities(tmp_path, ask=ask)
    with ThreadPoolExecutor(6) as pool:
        jobs = [pool.submit(us.confirm, name, role) for name in ("production", "bpm") for role in Role]
        for job in jobs:
            job.result()
    assert len(asked) == 1
    assert "mfa/me" in asked[0]
    assert [c.fields["TokenCode"] for c in aws.calls if "TokenCode" in c.fields] == ["123456"]


@pytest.mark.usefixtures("aws")
def test_a_wrong_mfa_code_and_no_terminal_are_said(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _mfa_profiles(tmp_path)
    monkeypatch.setenv("AWS_PROFILE", "a")
    world.refuse["AssumeRole"] = refused("AccessDenied", "MultiFactorAuthentication failed with invalid MFA one time")
    with pytest.raises(SetupError, match="rejected the MFA code"):
        identities(tmp_path, ask=lambda _: "000000").credentials("production", Role.PLAN)
    monkeypatch.setattr("orchestrator.aws.identity.sessions._has_terminal", lambda: False)
    with pytest.raises(SetupError, match="no terminal to ask on"):
        identities(tmp_path).credentials("production", Role.PLAN)
    with pytest.raises(SetupError, match="no terminal"):
        ask_on_terminal("Enter MFA code for x: ")
