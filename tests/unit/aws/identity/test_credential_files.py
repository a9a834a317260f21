"""Credential files: contents, permissions, refresh and removal."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from orchestrator.aws.identity.credential_files import CredentialFiles
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import BreakGlass, Role
from orchestrator.emulator.info import EmulatorInfo
from orchestrator.errors import OrchError, SetupError
from tests.support.aws import FakeAws, World, catalogue, give_keys, refused, standard_chain


@pytest.fixture
def world() -> World:
    return World()


@pytest.fixture
def aws(world: World, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    with standard_chain(world, tmp_path, monkeypatch) as fake:
        give_keys(monkeypatch)
        yield fake


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "run" / "aws"


def phases(folder: Path, notify: Callable[[OrchError], None] | None = None) -> CredentialFiles:
    given = catalogue(folder.parent)
    return CredentialFiles(folder, given, Identities(given, None), notify=notify)


@pytest.mark.usefixtures("aws")
def test_each_who_and_why_has_files_of_its_own_and_they_go_too(folder: Path) -> None:
    ann, bob = BreakGlass("ann", "one"), BreakGlass("bob", "one")
    with phases(folder) as ours:
        configs = {ours.environment(role, ["production"])["AWS_CONFIG_FILE"] for role in (ann, bob, Role.APPLY)}
        assert len(configs) == 3
        keys = {key_in(Path(config).parent / "production.json") for config in configs}
        assert len(keys) == 3
        assert not [config for config in configs if "ann" in config or "one" in config]
    assert not folder.exists()


def wait_for(done: Callable[[], bool], seconds: float = 8) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "not in time"
        time.sleep(0.02)


def key_in(file: Path) -> str:
    return str(json.loads(file.read_text())["AccessKeyId"])


@pytest.mark.usefixtures("aws")
def test_each_phase_has_its_own_role_behind_the_same_profile(world: World, folder: Path) -> None:
    with phases(folder) as ours:
        used = {}
        for role in Role:
            variables = ours.environment(role, ["production"])
            config = Path(variables["AWS_CONFIG_FILE"])
            command = next(
                line.partition(" = ")[2]
                for line in config.read_text().partition("[profile orch-production]")[2].splitlines()
                if line.startswith("credential_process")
            )
            shown = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout
            used[role] = world.roles[json.loads(shown)["AccessKeyId"]].rpartition("/")[2]
        assert used == {
            Role.PLAN: "orch-plan",
            Role.APPLY: "orch-apply",
            Role.BOOTSTRAP: "OrganizationAccountAccessRole",
            Role.BREAK_GLASS: "orch-break-glass",
        }
        assert not (folder / "plan" / "bpm.json").exists(), "only what is asked for is fetched"


@pytest.mark.usefixtures("aws")
def test_secrets_are_for_their_owner_only(folder: Path) -> None:
    before = os.umask(0)
    try:
        with phases(folder) as ours:
            ours.environment(Role.PLAN, ["production", "bpm"])
            modes = {stat.S_IMODE(p.stat().st_mode) for p in folder.rglob("*") if p.is_file()}
            assert modes == {0o600}
            assert stat.S_IMODE((folder / "plan").stat().st_mode) == 0o700
            assert len([p for p in folder.rglob("*") if p.is_file()]) == 3
    finally:
        os.umask(before)


@pytest.mark.usefixtures("aws")
def test_a_child_sees_orchs_identity_and_not_the_users(folder: Path, aws: FakeAws) -> None:
    with phases(folder) as ours:
        base = {**os.environ, "AWS_PROFILE": "me", "AWS_SESSION_TOKEN": "T", "AWS_REGION": "x", "PATH": "/bin"}
        child = ours.child_environment(base, Role.PLAN, ["production"])
    assert {n for n in child if n.startswith("AWS_")} == {
        "AWS_CONFIG_FILE",
        "AWS_SHARED_CREDENTIALS_FILE",
        "AWS_EC2_METADATA_DISABLED",
        "AWS_STS_REGIONAL_ENDPOINTS",
        "AWS_ENDPOINT_URL",
    }
    assert (child["PATH"], child["AWS_ENDPOINT_URL"]) == ("/bin", aws.url), "outside the emulator the user's endpoint"
    assert child["AWS_SHARED_CREDENTIALS_FILE"] == os.devnull


def test_a_child_of_the_emulator_is_led_there_whatever_the_user_has_set(folder: Path, aws: FakeAws) -> None:
    emulator = EmulatorInfo(url=aws.url, pid=1, access_key="AKIAENTRY", secret_key="S", started="")
    given = catalogue(folder.parent)
    user = {
        "AWS_ENDPOINT_URL": "http://elsewhere",
        "AWS_ENDPOINT_URL_S3": "http://elsewhere",
        "AWS_USE_FIPS_ENDPOINT": "true",
        "HTTP_PROXY": "http://elsewhere",
        "HTTPS_PROXY": "http://proxy",
    }
    with CredentialFiles(folder, given, Identities(given, emulator)) as ours:
        child = ours.child_environment(user, Role.PLAN, ["production"])
    assert "http://elsewhere" not in child.values()
    assert "AWS_USE_FIPS_ENDPOINT" not in child
    assert (child["AWS_ENDPOINT_URL"], child["HTTP_PROXY"]) == (aws.url, aws.url)
    assert child["HTTPS_PROXY"] == "http://proxy", "providers may still be fetched through it"
    assert "AKIAENTRY" in {c.key_id for c in aws.calls}, "the entry user assumes the roles"


@pytest.mark.usefixtures("aws")
def test_certificates_of_the_users_profile_reach_the_child(folder: Path, tmp_path: Path) -> None:
    (tmp_path / "config").write_text("[default]\nca_bundle = /corp/ca.pem\n")
    with phases(folder) as ours:
        assert ours.environment(Role.PLAN, ["production"])["AWS_CA_BUNDLE"] == "/corp/ca.pem"


@pytest.mark.usefixtures("aws")
def test_credentials_are_renewed_before_they_end_and_never_seen_half_written(world: World, folder: Path) -> None:
    world.lifetime = timedelta(seconds=3)
    with phases(folder) as ours:
        ours.environment(Role.PLAN, ["production"])
        file = folder / "plan" / "production.json"
        seen = {key_in(file)}

        def renewed_twice() -> bool:
            document = json.loads(file.read_text())
            seen.add(document["AccessKeyId"])
            assert datetime.fromisoformat(document["Expiration"]) > datetime.now(UTC), "a child would find them ended"
            return len(seen) >= 3

        wait_for(renewed_twice)


@pytest.mark.usefixtures("aws")
def test_what_cannot_be_renewed_is_said_and_left_as_it_is(world: World, folder: Path) -> None:
    world.lifetime = timedelta(seconds=3)
    said: list[OrchError] = []
    with phases(folder, said.append) as ours:
        ours.environment(Role.PLAN, ["production"])
        before = key_in(folder / "plan" / "production.json")
        world.refuse["AssumeRole"] = refused("AccessDenied", "no longer")
        wait_for(lambda: bool(said))
        assert key_in(folder / "plan" / "production.json") == before
    assert "cannot assume the plan role" in str(said[0])


@pytest.mark.usefixtures("aws")
def test_hour_long_credentials_are_fetched_once(aws: FakeAws, folder: Path) -> None:
    with phases(folder) as ours:
        for _ in range(5):
            ours.environment(Role.PLAN, ["production"])
    assert aws.count("AssumeRole") == 1


@pytest.mark.usefixtures("aws")
def test_no_child_gets_another_accounts_credentials(world: World, folder: Path) -> None:
    given = catalogue(folder.parent)
    us = Identities(given, None)
    us.credentials("production", Role.PLAN, valid_for=timedelta())
    world.roles = dict.fromkeys(world.roles, "arn:aws:iam::444444444444:role/orch-plan")
    with CredentialFiles(folder, given, us) as ours, pytest.raises(SetupError, match="444444444444"):
        ours.environment(Role.PLAN, ["production"])
    assert not list(folder.rglob("*.json"))


@pytest.mark.usefixtures("aws")
def test_closing_removes_everything_of_ours_and_nothing_else(folder: Path) -> None:
    ours = phases(folder)
    ours.environment(Role.PLAN, ["production"])
    ours.environment(Role.APPLY, ["bpm"])
    (folder / "plan.log").write_text("someone else's")
    ours.close()
    ours.close()
    assert [p.name for p in folder.rglob("*")] == ["plan.log"]
    assert not [t for t in threading.enumerate() if t.name == "orch-credentials"]


@pytest.mark.usefixtures("aws")
def test_closing_leaves_no_empty_folder(folder: Path) -> None:
    with phases(folder) as ours:
        ours.environment(Role.PLAN, ["production"])
    assert not folder.exists()
    assert folder.parent.exists()
