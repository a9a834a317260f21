from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from orchestrator.errors import SetupError
from orchestrator.terraform.commands import Root
from orchestrator.terraform.failures import TerraformError
from orchestrator.terraform.provider_lock import provider_lock_text
from orchestrator.terraform.setup.cliconfig import find_mirror
from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.setup.lock_file import locked_providers
from orchestrator.terraform.setup.mirrors import ProviderPackage, provider_packages
from orchestrator.terraform.setup.providers import address, ensure_available
from tests.support.terraform import AWS, clean_env, make_root, make_settings, make_terraform

ADDRESS = address(AWS, "terraform")
REQUIRES = """
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "5.100.0"
    }
  }
}
"""


@pytest.fixture(scope="module")
def mirror() -> Path:
    """The mirror of this machine, found as orch finds it."""
    found = find_mirror(os.environ)
    if found is None or ProviderPackage(ADDRESS, AWS.version, this_platform()) not in provider_packages(found):
        pytest.skip(f"no provider mirror on this machine has {ADDRESS} {AWS.version}")
    return found


pytestmark = pytest.mark.integration


def size_without_links(folder: Path) -> int:
    return sum(path.lstat().st_size for path in folder.rglob("*") if not path.is_symlink() and path.is_file())


def test_lock_then_init_of_two_units_at_once_copies_nothing(mirror: Path, tmp_path: Path) -> None:
    terraform = make_terraform(tmp_path)
    settings = make_settings(providers=(AWS,))
    env = clean_env()
    ensure_available(settings, env=env, cache=tmp_path / "cache")

    scratch = make_root(tmp_path / "lock", {})
    result = provider_lock_text(
        terraform, settings, scratch, env=env, platforms=["linux_amd64", "darwin_arm64", "plan9_mips"]
    )
    assert locked_providers(result.text) == {ADDRESS: "5.100.0"}
    assert "h1:" in result.text
    assert result.platforms == tuple(p for p in ("linux_amd64", "darwin_arm64") if _offers(mirror, p))
    assert "plan9_mips" in result.missing[AWS.source]

    roots = [make_root(tmp_path / name, {"main.tf": REQUIRES, ".terraform.lock.hcl": result.text}) for name in "ab"]
    failed: list[TerraformError] = []
    threads = [threading.Thread(target=_init, args=(terraform, root, failed)) for root in roots]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not failed
    for root in roots:
        package = root.data_dir / "providers" / ADDRESS / AWS.version / this_platform()
        assert package.resolve() == (mirror / ADDRESS / AWS.version / this_platform()).resolve()
        assert (root.folder / ".terraform.lock.hcl").read_text() == result.text
    assert size_without_links(tmp_path) < 1_000_000, "a provider of 700 MB is linked, never copied"
    assert not terraform.init(roots[0], timeout=60)


def _init(terraform: object, root: Root, failed: list[TerraformError]) -> None:
    try:
        terraform.init(root, timeout=120)  # type: ignore[attr-defined]
    except TerraformError as error:
        failed.append(error)


def _offers(mirror: Path, platform: str) -> bool:
    return ProviderPackage(ADDRESS, AWS.version, platform) in provider_packages(mirror)


def test_platforms_that_the_mirror_lacks_alone_are_an_error(mirror: Path, tmp_path: Path) -> None:
    settings = make_settings(providers=(AWS,))
    root = make_root(tmp_path / "lock", {})
    with pytest.raises(SetupError, match=r"for .* only"):
        provider_lock_text(make_terraform(tmp_path), settings, root, env=clean_env(), platforms=["plan9_mips"])


def test_a_package_that_is_not_the_locked_one_is_refused(mirror: Path, tmp_path: Path) -> None:
    wrong = f'provider "{ADDRESS}" {{\n  version = "5.100.0"\n  hashes = [\n    "h1:{"A" * 43}=",\n  ]\n}}\n'
    root = make_root(tmp_path / "root", {"main.tf": REQUIRES, ".terraform.lock.hcl": wrong})
    with pytest.raises(TerraformError, match="init failed") as caught:
        make_terraform(tmp_path).init(root, timeout=120)
    assert "checksums" in caught.value.block
