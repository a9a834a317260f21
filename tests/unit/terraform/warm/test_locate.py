"""Where the packages of the locked providers are, and the links that a cold run finds."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.warm.locate import find_packages, link_packages
from orchestrator.terraform.warm.messages import LockedPackage
from tests.support.fake_package import AWS, OTHER

LOCK = f"""\
# This file is maintained automatically by "terraform init".

provider "{AWS}" {{
  version     = "5.100.0"
  constraints = "~> 5.0"
  hashes = [
    "h1:AAAA=",
    "h1:b+/9=",
    "zh:0123",
  ]
}}

provider "{OTHER}" {{
  version = "1.2.3"
  hashes = [
    "zh:0123",
  ]
}}
"""


def package(place: Path, address: str = AWS, version: str = "5.100.0", platform: str = "") -> Path:
    folder = place / address / version / (platform or this_platform())
    folder.mkdir(parents=True)
    return folder


def test_a_package_is_found_with_its_checksums_in_the_first_place_that_has_it(tmp_path: Path) -> None:
    package(tmp_path / "a", version="5.99.0")
    package(tmp_path / "b", platform="plan9_mips")
    wanted = package(tmp_path / "c")
    package(tmp_path / "d")
    found, missing = find_packages(LOCK, [tmp_path / each for each in ("none", "a", "b", "c", "d")])
    assert found == {AWS: LockedPackage(AWS, str(wanted), ("h1:AAAA=", "h1:b+/9="))}
    assert missing == {OTHER: "the lock file has no h1: checksum of it"}


def test_what_is_not_there_has_a_reason(tmp_path: Path) -> None:
    assert find_packages(LOCK, [tmp_path]) == (
        {},
        {AWS: "it is not unpacked on this machine yet", OTHER: "the lock file has no h1: checksum of it"},
    )
    assert find_packages("", [tmp_path]) == ({}, {})
    assert find_packages("provider {", [tmp_path]) == ({}, {})


def test_a_file_is_no_package_and_a_link_is(tmp_path: Path) -> None:
    real = package(tmp_path / "real")
    (tmp_path / "a" / AWS / "5.100.0").mkdir(parents=True)
    (tmp_path / "a" / AWS / "5.100.0" / this_platform()).touch()
    (tmp_path / "b" / AWS / "5.100.0").mkdir(parents=True)
    (tmp_path / "b" / AWS / "5.100.0" / this_platform()).symlink_to(real)
    found, _ = find_packages(LOCK, [tmp_path / "a", tmp_path / "b"])
    assert found[AWS].folder == str(real)


def test_links_are_those_that_init_makes(tmp_path: Path) -> None:
    real, data = package(tmp_path / "mirror"), tmp_path / "data"
    locked = LockedPackage(AWS, str(real), ("h1:AAAA=",))
    unused = LockedPackage("registry.example.com/acme/removed", str(real), ("h1:AAAA=",))
    link_packages(data, LOCK, [locked, unused])
    link = data / "providers" / AWS / "5.100.0" / this_platform()
    assert link.is_symlink()
    assert os.path.realpath(link) == str(real)
    assert not (data / "providers" / "registry.example.com").exists()
    before = link.lstat().st_ino
    link_packages(data, LOCK, [locked])
    assert link.lstat().st_ino == before
    other = package(tmp_path / "other")
    link_packages(data, LOCK, [LockedPackage(AWS, str(other), ())])
    assert os.path.realpath(link) == str(other)
    assert sorted(each.name for each in link.parent.iterdir()) == [this_platform()]


def test_a_link_whose_package_is_gone_or_that_was_half_made_is_replaced(tmp_path: Path) -> None:
    real, data = package(tmp_path / "mirror"), tmp_path / "data"
    link = data / "providers" / AWS / "5.100.0" / this_platform()
    link.parent.mkdir(parents=True)
    link.symlink_to(tmp_path / "gone")
    link.with_name(f".{link.name}.part").symlink_to(tmp_path / "gone")
    link_packages(data, LOCK, [LockedPackage(AWS, str(real), ())])
    assert os.path.realpath(link) == str(real)


def test_a_folder_in_the_place_of_a_link_is_an_error_and_stays(tmp_path: Path) -> None:
    real, data = package(tmp_path / "mirror"), tmp_path / "data"
    there = package(data / "providers")
    (there / "file").touch()
    with pytest.raises(OSError, match=r"."):
        link_packages(data, LOCK, [LockedPackage(AWS, str(real), ())])
    assert (there / "file").exists()
