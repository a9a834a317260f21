"""Which environment variables reach Terraform, its providers and git: those that are listed, and no others."""

from __future__ import annotations

import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.terraform.environment import ChildSettings, child_env
from orchestrator.util.environment import USUAL
from orchestrator.util.git import git_environment

SETTINGS = ChildSettings(Path("/rc"), Path("/plugins"), home=Path("/run/home"))
SECRETS = (
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN",
    "ACTIONS_ID_TOKEN_REQUEST_URL",
    "ACTIONS_RUNTIME_TOKEN",
    "BITBUCKET_STEP_OIDC_TOKEN",
    "BUILDKITE_AGENT_ACCESS_TOKEN",
    "CI_JOB_JWT_V2",
    "CI_JOB_TOKEN",
    "GITHUB_TOKEN",
    "GH_TOKEN",
    "SYSTEM_ACCESSTOKEN",
    "VAULT_TOKEN",
    "NPM_TOKEN",
    "ORCH_CREDENTIALS",
    "DATADOG_API_KEY",
    "LD_PRELOAD",
    "PYTHONPATH",
)
OWN = {"CHECKPOINT_DISABLE", "GOGC", "HOME", "NO_COLOR", "TF_CLI_CONFIG_FILE", "TF_DATA_DIR", "TF_INPUT"}
OWN |= {"TF_IN_AUTOMATION", "TF_PLUGIN_CACHE_DIR"}
USERS = {
    "TF_CLI_ARGS": "-destroy",
    "TF_CLI_ARGS_apply": "-auto-approve",
    "TF_VAR_memory": "1",
    "TF_WORKSPACE": "other",
    "TF_DATA_DIR": "elsewhere",
    "TF_LOG": "trace",
    "TF_TOKEN_example_com": "token",
    "PATH": "/bin",
    "GOGC": "100",
    "HOME": "/home/anna",
    "LC_ALL": "C",
    "https_proxy": "http://proxy",
    "SSL_CERT_FILE": "/ca.pem",
    "AWS_CONFIG_FILE": "/aws",
}


def test_a_process_gets_what_it_needs_and_no_hidden_arguments() -> None:
    assert child_env(USERS, SETTINGS, data_dir=Path("/data")) == {
        "AWS_CONFIG_FILE": "/aws",
        "CHECKPOINT_DISABLE": "1",
        "GOGC": "100",
        "HOME": "/run/home",
        "LC_ALL": "C",
        "NO_COLOR": "1",
        "PATH": "/bin",
        "SSL_CERT_FILE": "/ca.pem",
        "TF_CLI_CONFIG_FILE": "/rc",
        "TF_DATA_DIR": "/data",
        "TF_INPUT": "0",
        "TF_IN_AUTOMATION": "1",
        "TF_PLUGIN_CACHE_DIR": "/plugins",
        "https_proxy": "http://proxy",
    }
    assert child_env({}, SETTINGS, data_dir=None)["GOGC"] == "400"


def test_only_init_gets_what_downloads_need() -> None:
    users = {**USERS, "SSH_AUTH_SOCK": "/agent", "GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "a"}
    more = child_env(users, SETTINGS, data_dir=None, fetches=True)
    less = child_env(users, SETTINGS, data_dir=None)
    assert more["HOME"] == "/home/anna"
    assert set(more) - set(less) == {"TF_TOKEN_example_com", "SSH_AUTH_SOCK", "GIT_CONFIG_COUNT", "GIT_CONFIG_KEY_0"}


def test_a_trace_needs_a_file_to_go_to() -> None:
    assert "TF_LOG" not in child_env({"TF_LOG": "trace"}, SETTINGS, data_dir=None)
    assert child_env({"TF_LOG": "trace", "TF_LOG_PATH": "/t"}, SETTINGS, data_dir=None)["TF_LOG"] == "trace"


@pytest.mark.parametrize("fetches", [False, True])
def test_the_tokens_of_a_job_reach_no_process(*, fetches: bool) -> None:
    job = dict.fromkeys(SECRETS, "secret")
    assert "secret" not in child_env(job, SETTINGS, data_dir=None, fetches=fetches).values()
    assert "secret" not in git_environment(job).values()


@given(st.text(string.ascii_uppercase + string.digits + "_", min_size=3, max_size=30))
def test_a_variable_that_nobody_listed_reaches_no_process(name: str) -> None:
    env = {name: "value"}
    passed = child_env(env, SETTINGS, data_dir=Path("/data"))
    if not name.startswith(("AWS_", "LC_", "TF_", "GO")) and name not in USUAL:
        assert passed.get(name) != "value"
        assert set(passed) == OWN


def test_what_the_configuration_names_is_passed() -> None:
    settings = ChildSettings(Path("/rc"), Path("/p"), Path("/run/home"), passed=("DATADOG_API_KEY", "HOME"))
    passed = child_env({"DATADOG_API_KEY": "key", "HOME": "/home/anna"}, settings, data_dir=None)
    assert (passed["DATADOG_API_KEY"], passed["HOME"]) == ("key", "/home/anna")


def test_git_is_led_to_no_other_repository() -> None:
    assert git_environment({"GIT_DIR": "/other", "GIT_WORK_TREE": "/x", "PATH": "/bin"}) == {
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "LC_ALL": "C",
        "PATH": "/bin",
    }
