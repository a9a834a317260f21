"""Configuration files and variables for AWS tools: their contents, their exclusions, and that tools can read them."""

from __future__ import annotations

import json
import shlex
import string
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
from botocore.configloader import load_config
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.aws.identity.identities import Credentials
from orchestrator.aws.identity.profiles import clean_environment, process_document, profile_config, write_identity_file
from orchestrator.errors import SetupError

SOON = datetime(2030, 1, 2, 3, 4, 5, tzinfo=UTC)


def test_the_document_is_what_credential_process_wants() -> None:
    document = json.loads(process_document(Credentials("AKIA", "SECRET", "TOKEN", SOON)))
    assert document == {
        "Version": 1,
        "AccessKeyId": "AKIA",
        "SecretAccessKey": "SECRET",
        "SessionToken": "TOKEN",
        "Expiration": "2030-01-02T03:04:05Z",
    }
    assert "SessionToken" not in json.loads(process_document(Credentials("AKIA", "SECRET", None, SOON)))


def test_credentials_do_not_show_their_secrets() -> None:
    shown = repr(Credentials("AKIA", "SECRET", "TOKEN", SOON))
    assert "AKIA" in shown
    assert "SECRET" not in shown
    assert "TOKEN" not in shown


_NAMES = st.text(alphabet=string.ascii_letters + string.digits + " '\"$`\\;#%~()&|é*?!=[]", min_size=1, max_size=20)


@given(_NAMES)
def test_any_folder_that_is_accepted_is_read_back_by_aws_and_the_shell(name: str) -> None:
    file = Path("/base") / name / "production.json"
    try:
        text = profile_config({"production": ("eu-west-1", file)})
    except SetupError:
        assert " #" in str(file) or " ;" in str(file)
        return
    assert text.splitlines()[0] == "[profile orch-production]"
    command = text.splitlines()[2].removeprefix("credential_process = ")
    assert shlex.split(command) == ["cat", str(file)]


def test_botocore_reads_every_profile(tmp_path: Path) -> None:
    config = tmp_path / "aws.config"
    files = {n: ("eu-west-1", tmp_path / "it's a $dir" / f"{n}.json") for n in ("production", "bpm")}
    write_identity_file(config, profile_config(files))
    profiles = load_config(str(config))["profiles"]
    assert set(profiles) == {"orch-production", "orch-bpm"}
    write_identity_file(files["bpm"][1], "hello")
    command = profiles["orch-bpm"]["credential_process"]
    assert subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=True).stdout == "hello"


@pytest.mark.parametrize("name", ["a #b", "a ;b", "a\nb", "a\t#b"])
def test_a_folder_that_the_file_cannot_name_is_said(name: str) -> None:
    with pytest.raises(SetupError, match="cannot contain the path"):
        profile_config({"production": ("eu-west-1", Path("/x") / name / "p.json")})


_IDENTITY = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_REGION",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_SDK_LOAD_CONFIG",
)


@pytest.mark.parametrize("emulated", [True, False])
def test_no_identity_of_the_user_reaches_a_child(emulated: bool) -> None:
    kept = {"PATH": "/bin", "HTTPS_PROXY": "http://proxy", "NO_PROXY": "x"}
    ends = {"AWS_ENDPOINT_URL": "http://vpce", "AWS_ENDPOINT_URL_S3": "http://vpce", "AWS_USE_FIPS_ENDPOINT": "true"}
    ends["AWS_CA_BUNDLE"] = "/ca.pem"
    secret = dict.fromkeys(_IDENTITY, "x")
    assert clean_environment({**kept, **ends, **secret}, emulated=emulated) == (kept if emulated else {**kept, **ends})


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(SetupError, match="cannot write"):
        write_identity_file(tmp_path / "file" / "x.json", "x")
