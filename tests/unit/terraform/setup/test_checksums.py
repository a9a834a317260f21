"""What a receipt says of the providers that ran."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from orchestrator.terraform.setup.checksums import ProviderChecksums
from orchestrator.terraform.setup.install import this_platform
from tests.support.fake_package import checksum

AWS = "registry.terraform.io/hashicorp/aws"
LOCK = f'provider "{AWS}" {{\n  version = "5.100.0"\n}}\n'
KEY = f"{AWS} {this_platform()}"


@pytest.fixture
def providers(tmp_path: Path) -> Path:
    """The providers of a data folder, with one package, which is a link into a plugin cache."""
    package = tmp_path / "cache" / "aws"
    package.mkdir(parents=True)
    (package / "terraform-provider-aws_v5").write_bytes(b"binary")
    link = tmp_path / "data" / AWS / "5.100.0" / this_platform()
    link.parent.mkdir(parents=True)
    link.symlink_to(package)
    return tmp_path / "data"


def test_a_package_that_terraform_started_is_hashed_once(providers: Path) -> None:
    checksums = ProviderChecksums()
    package = (providers / AWS / "5.100.0" / this_platform()).resolve()
    expected = checksum(package)
    assert checksums.of(LOCK, providers, {}) == {KEY: expected}
    (package / "terraform-provider-aws_v5").write_bytes(b"other")
    assert checksums.of(LOCK, providers, {}) == {KEY: expected}
    assert ProviderChecksums().of(LOCK, providers, {}) == {KEY: checksum(package)} != {KEY: expected}


def test_what_the_provider_server_verified_is_not_hashed_again(providers: Path) -> None:
    assert ProviderChecksums().of(LOCK, providers, {AWS: "h1:verified"}) == {KEY: "h1:verified"}


def test_an_override_is_what_ran(providers: Path, tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "terraform-provider-aws").write_bytes(b"mine")
    (tmp_path / "mine" / "main.go").write_bytes(b"source")
    mine = hashlib.sha256(b"mine").hexdigest()
    for path in (tmp_path / "mine", tmp_path / "mine" / "terraform-provider-aws"):
        found = ProviderChecksums({"hashicorp/aws": str(path)}).of(LOCK, providers, {AWS: "h1:verified"})
        assert found == {KEY: f"dev_overrides: sha256:{mine}"}
    none = ProviderChecksums({"hashicorp/aws": str(tmp_path / "none")}).of(LOCK, providers, {})
    assert none == {KEY: "dev_overrides: not found"}


def test_a_reattached_provider_is_told_as_not_verified(providers: Path) -> None:
    found = ProviderChecksums(reattached=("hashicorp/aws",)).of(LOCK, providers, {AWS: "h1:verified"})
    assert found == {KEY: "not verified: TF_REATTACH_PROVIDERS"}


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    assert ProviderChecksums().of(LOCK, tmp_path, {}) == {KEY: "not installed"}
