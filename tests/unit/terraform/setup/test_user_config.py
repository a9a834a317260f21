"""What a user's Terraform CLI configuration may choose: in CI only credentials and a cache."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import SetupError
from orchestrator.terraform.environment import ChildSettings, child_env
from orchestrator.terraform.setup.cliconfig import has_own_installation, plugin_cache, write_cli_config
from orchestrator.terraform.setup.user_config import (
    UserConfig,
    provider_notices,
    read_user_config,
    reattached_providers,
    what_counts_in_ci,
    words,
)

OVERRIDES = """\
plugin_cache_dir   = "/cache"
disable_checkpoint = true
credentials "registry.example.com" {
  token = "secret"
}
host "registry.terraform.io" {
  services = { "providers.v1" = "https://evil.example/" }
}
provider_installation {
  dev_overrides {
    "hashicorp/aws" = "/home/anna/provider"
  }
  direct {}
}
"""
REATTACH = json.dumps({"hashicorp/aws": {"Protocol": "grpc", "Pid": 1}})


def env_of(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "XDG_DATA_DIRS": str(home / "none"), "ORCH_PROVIDER_MIRROR": "none"} | more


INSTALLATION = OVERRIDES.replace('    "hashicorp/aws" = "/home/anna/provider"\n', "")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / ".terraformrc").write_text(OVERRIDES)
    return tmp_path


@pytest.mark.parametrize("ci", [{"CI": "true"}, {"GITHUB_ACTIONS": "true"}, {"ORCH_BASE": "origin/main"}])
def test_in_ci_only_credentials_and_the_cache_count(home: Path, ci: dict[str, str]) -> None:
    (home / ".terraformrc").write_text(INSTALLATION)
    env = env_of(home, **ci)
    config = read_user_config(env)
    assert config.text == 'credentials "registry.example.com" {\n  token = "secret"\n}\nplugin_cache_dir = "/cache"\n'
    assert config.dropped == ("dev_overrides", "host", "provider_installation")
    assert not has_own_installation(env)
    assert plugin_cache(env, home / "c") == Path("/cache")
    (line,) = provider_notices(env)
    assert line.startswith("not used in CI: dev_overrides of the Terraform CLI configuration, host")


def test_in_ci_nothing_counts_of_what_cannot_be_read(home: Path) -> None:
    config = read_user_config(env_of(home, CI="true"))
    assert config == UserConfig("", ("dev_overrides", "provider_installation", "everything else"))


def test_elsewhere_all_of_it_counts_and_is_told(home: Path) -> None:
    config = read_user_config(env_of(home))
    assert config == UserConfig(OVERRIDES)
    assert config.overrides == {"hashicorp/aws": "/home/anna/provider"}
    (line,) = provider_notices(env_of(home, TF_REATTACH_PROVIDERS=REATTACH))
    assert line == (
        "providers are chosen by dev_overrides of your Terraform CLI configuration, provider_installation of your "
        "Terraform CLI configuration, TF_REATTACH_PROVIDERS; receipts say which ran"
    )


def test_nothing_to_tell_is_not_told(tmp_path: Path) -> None:
    (tmp_path / ".terraformrc").write_text('# provider_installation {}\ncredentials "x" {\n  token = "t"\n}\n')
    assert provider_notices(env_of(tmp_path)) == ()
    assert provider_notices(env_of(tmp_path, CI="true")) == ()


@pytest.mark.parametrize(
    "text",
    [
        '{"provider_installation": {"dev_overrides": {"hashicorp/aws": "/evil"}}}',
        '"provider_installation" {\n  dev_overrides {\n    "hashicorp/aws" = "/evil"\n  }\n}\n',
        'provider_installation = {\n  dev_overrides = {\n    "hashicorp/aws" = "/evil"\n  }\n}\n',
        'provider_installation { dev_overrides { "hashicorp/aws" = "/evil" } }\n',
        'credentials "x" {\n  token = "${evil}"\n}\nproviders {\n  aws = "/evil"\n}\n',
        'credentials_helper "evil" {\n  args = []\n}\n',
    ],
)
def test_however_it_is_written_nothing_of_it_reaches_terraform_in_ci(tmp_path: Path, text: str) -> None:
    (tmp_path / ".terraformrc").write_text(text)
    env = env_of(tmp_path, CI="true")
    assert "evil" not in write_cli_config(tmp_path / "rc", env=env, cache=tmp_path / "c").read_text()
    assert len(provider_notices(env)) == 1


@given(st.text(max_size=80), st.sampled_from(["dev_overrides", "provider_installation", "host"]))
def test_no_text_around_it_gets_it_through(around: str, word: str) -> None:
    text = f'{around}\n{word} "x" {{\n  a = "/evil-path"\n}}\n'
    assert "/evil-path" not in what_counts_in_ci(text).text


def test_reattached_providers_are_dropped_in_ci(tmp_path: Path) -> None:
    settings = ChildSettings(tmp_path / "rc", tmp_path / "p", tmp_path / "home")
    env = {"TF_REATTACH_PROVIDERS": REATTACH}
    assert "TF_REATTACH_PROVIDERS" in child_env(env, settings, data_dir=None)
    assert reattached_providers(env) == ("hashicorp/aws",)
    env["CI"] = "true"
    assert "TF_REATTACH_PROVIDERS" not in child_env(env, settings, data_dir=None)
    assert reattached_providers(env) == ()
    assert provider_notices(env_of(tmp_path, **env)) == (
        "not used in CI: TF_REATTACH_PROVIDERS; ORCH_PROVIDER_MIRROR names a mirror",
    )


def test_a_network_mirror_is_named_by_orchs_own_variable(tmp_path: Path) -> None:
    env = env_of(tmp_path, CI="true", ORCH_PROVIDER_MIRROR="https://mirror.example.com/providers")
    text = write_cli_config(tmp_path / "rc", env=env, cache=tmp_path / "c").read_text()
    assert 'network_mirror {\n    url = "https://mirror.example.com/providers/"' in text
    assert has_own_installation(env)
    (tmp_path / ".terraformrc").write_text("provider_installation {\n  direct {}\n}\n")
    with pytest.raises(SetupError, match="both say where providers come from"):
        write_cli_config(tmp_path / "rc", env={**env, "CI": ""}, cache=tmp_path / "c")


def test_words_in_comments_are_no_keys() -> None:
    assert words("# dev_overrides\n/* provider_installation {\n} */ // dev_overrides\n") == frozenset()
