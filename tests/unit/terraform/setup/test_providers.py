from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import SetupError
from orchestrator.terraform import provider_lock
from orchestrator.terraform.setup import providers
from orchestrator.terraform.setup.init_cache import is_warm
from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.setup.lock_file import locked_providers
from orchestrator.terraform.setup.providers import address, ensure_available
from tests.support.terraform import AWS, make_settings

LOCK = """\
# This file is maintained automatically by "terraform init".

provider "registry.terraform.io/hashicorp/aws" {
  version     = "5.100.0"
  constraints = "5.100.0"
  hashes = [
    "h1:edXOJWE4ORX8Fm+dpVpICzMZJat4AX0VRCAy/xkcOc0=",
  ]
}

provider "registry.terraform.io/hashicorp/random" {
  version = "3.7.0"
}
"""
ADDRESS = "registry.terraform.io/hashicorp/aws"


def env_of(home: Path, **more: str) -> dict[str, str]:
    return {"HOME": str(home), "ORCH_PROVIDER_MIRROR": "none"} | more


def mirror_with(folder: Path, version: str = "5.100.0") -> Path:
    (folder / ADDRESS / version / this_platform()).mkdir(parents=True)
    return folder


def check(folder: Path, **more: str) -> None:
    ensure_available(
        make_settings(providers=(AWS,)), env=env_of(folder, **more), cache=folder / "cache", connect_seconds=0.01
    )


def unreachable(host: str, env: object, seconds: float) -> bool:
    return False


def test_locked_providers_are_read() -> None:
    assert locked_providers(LOCK) == {ADDRESS: "5.100.0", "registry.terraform.io/hashicorp/random": "3.7.0"}
    assert locked_providers("") == {}


def test_a_cache_is_warm_when_it_has_all_that_is_locked(tmp_path: Path) -> None:
    lock = tmp_path / "lock.hcl"
    assert not is_warm(tmp_path / "cache", lock)
    lock.write_text(LOCK)
    mirror_with(tmp_path / "cache")
    assert not is_warm(tmp_path / "cache", lock)
    (tmp_path / "cache" / "registry.terraform.io/hashicorp/random/3.7.0" / this_platform()).mkdir(parents=True)
    assert is_warm(tmp_path / "cache", lock)


def test_entries_whose_version_no_longer_suits_are_dropped() -> None:
    kept = provider_lock._still_right(LOCK, make_settings(providers=(AWS,)))
    assert locked_providers(kept) == {ADDRESS: "5.100.0"}
    assert "h1:edXOJWE4ORX8Fm+dpVpICzMZJat4AX0VRCAy/xkcOc0=" in kept
    newer = make_settings(providers=(type(AWS)(name="aws", source="hashicorp/aws", version="~> 6.0"),))
    assert locked_providers(provider_lock._still_right(LOCK, newer)) == {}


def test_addresses_are_completed_for_each_program() -> None:
    assert address(AWS, "terraform") == ADDRESS
    assert address(AWS, "tofu") == "registry.opentofu.org/hashicorp/aws"
    other = type(AWS)(name="x", source="example.com/acme/x", version="1.0.0")
    assert address(other, "tofu") == "example.com/acme/x"


def test_a_mirror_or_the_cache_is_enough(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_reachable", unreachable)  # this machine's network is not what is tested
    check(tmp_path, ORCH_PROVIDER_MIRROR=str(mirror_with(tmp_path / "mirror")))
    mirror_with(tmp_path / "cache" / "plugins")
    check(tmp_path)


def test_without_mirror_and_network_it_says_what_to_put_where(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(providers, "_reachable", unreachable)
    with pytest.raises(SetupError) as caught:
        check(tmp_path)
    assert "no mirror has it and registry.terraform.io cannot be reached" in caught.value.what
    file = f"terraform-provider-aws_5.100.0_{this_platform()}.zip"
    assert f"put {file} into {tmp_path}/.terraform.d/plugins/{ADDRESS}/" in str(caught.value.hint)


def test_a_mirror_with_another_version_is_named_even_with_a_network(tmp_path: Path) -> None:
    mirror = mirror_with(tmp_path / "mirror", "5.99.0")
    with pytest.raises(SetupError, match=r"the mirror has 5\.99\.0 of it") as caught:
        check(tmp_path, ORCH_PROVIDER_MIRROR=str(mirror), HTTPS_PROXY="http://proxy")
    assert str(mirror / ADDRESS) in str(caught.value.hint)


def test_a_proxy_or_an_own_installation_is_trusted(tmp_path: Path) -> None:
    check(tmp_path, HTTPS_PROXY="http://127.0.0.1:9")
    (tmp_path / ".terraformrc").write_text("provider_installation {\n}\n")
    check(tmp_path)


def test_a_host_without_listener_is_not_reachable() -> None:
    assert not providers._reachable("host.invalid", {}, 0.2)
