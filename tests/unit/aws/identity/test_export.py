"""`orch credentials`: what a shell gets from the output."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.identity.export import credential_process_json, shell_commands, shell_environment
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from tests.support.aws import FakeAws, World, catalogue, give_keys, standard_chain


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    with standard_chain(World(), tmp_path, monkeypatch) as fake:
        give_keys(monkeypatch)
        yield fake


def evaluated(text: str, environ: dict[str, str]) -> dict[str, str]:
    """Return the environment of a child of a shell that ran `eval "$(orch credentials X)"`."""
    script = f"{text}\nenv -0"
    done = subprocess.run(["sh", "-c", script], capture_output=True, check=True, env=environ)
    return dict(line.split("=", 1) for line in done.stdout.decode().split("\0") if line)


@pytest.mark.usefixtures("aws")
def test_a_shell_gets_the_role_and_loses_what_would_lead_elsewhere(tmp_path: Path) -> None:
    live = catalogue(tmp_path)
    environ = {"PATH": os.environ["PATH"], "AWS_PROFILE": "me", "AWS_ROLE_ARN": "arn", "AWS_REGION": "us-east-1"}
    folder = tmp_path / "it's here" / "credentials"
    text = shell_environment(folder, live, Identities(live, None), "production", Role.PLAN, environ=environ)
    shell = evaluated(text, environ)
    assert shell["AWS_SESSION_TOKEN"] == f"TOKEN-{shell['AWS_ACCESS_KEY_ID']}"
    assert shell["AWS_REGION"] == "eu-west-1"
    assert shell["ORCH_CREDENTIALS"] == "production/plan"
    assert not {"AWS_PROFILE", "AWS_ROLE_ARN"} & set(shell)
    config = Path(shell["AWS_CONFIG_FILE"])
    assert config.stat().st_mode & 0o777 == 0o600
    assert "[profile orch-production]" in config.read_text(), "the profile that rendered roots name"
    stored = json.loads((config.parent / "production.json").read_text())
    assert stored["AccessKeyId"] == shell["AWS_ACCESS_KEY_ID"]
    assert stored["Expiration"] == shell["AWS_CREDENTIAL_EXPIRATION"]


@pytest.mark.usefixtures("aws")
def test_json_is_a_credential_process_document(tmp_path: Path) -> None:
    live = catalogue(tmp_path)
    document = json.loads(credential_process_json(Identities(live, None), "production", Role.APPLY))
    assert sorted(document) == ["AccessKeyId", "Expiration", "SecretAccessKey", "SessionToken", "Version"]


@given(
    st.dictionaries(st.sampled_from(["A", "B", "C"]), st.text(st.characters(codec="utf-8", exclude_characters="\0")))
)
def test_every_value_comes_through_the_shell_as_it_is(values: dict[str, str]) -> None:
    shell = evaluated(shell_commands(values, ["GONE"]), {"PATH": os.environ["PATH"], "GONE": "x", "A": "old"})
    assert {n: v for n, v in shell.items() if n in "ABC"} == {
        **({} if "A" in values else {"A": "old"}),
        **{n: v for n, v in values.items() if v},
    }
    assert "GONE" not in shell
