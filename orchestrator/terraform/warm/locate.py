"""Finds the packages of the locked providers on this machine, and links them as ``terraform init`` does."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable
from pathlib import Path

from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.setup.lock_file import LOCK_ENTRY, locked_providers
from orchestrator.terraform.warm.messages import LockedPackage

_CHECKSUM = re.compile(r'"(h1:[A-Za-z0-9+/=]+)"')


def find_packages(lock_text: str, places: Iterable[Path]) -> tuple[dict[str, LockedPackage], dict[str, str]]:
    """Return the unpacked packages of the providers in a lock file, and why others cannot be used.

    Where a package is does not matter: the provider server accepts it only if the lock file has its checksum.

    Args:
        lock_text: text of ``.terraform.lock.hcl``.
        places: folders with the layout ``ADDRESS/VERSION/PLATFORM``: mirrors, the plugin cache, a data folder.

    Returns:
        address -> package; address -> reason.
    """
    found: dict[str, LockedPackage] = {}
    missing: dict[str, str] = {}
    checksums = {entry["address"]: tuple(_CHECKSUM.findall(entry["body"])) for entry in LOCK_ENTRY.finditer(lock_text)}
    for address, version in locked_providers(lock_text).items():
        here = [place / address / version / this_platform() for place in places]
        folder = next((each for each in here if each.is_dir()), None)
        if not checksums[address]:
            missing[address] = "the lock file has no h1: checksum of it"
        elif folder is None:
            missing[address] = "it is not unpacked on this machine yet"
        else:
            found[address] = LockedPackage(address, str(folder.resolve()), checksums[address])
    return found, missing


def link_packages(data_dir: Path, lock_text: str, packages: Iterable[LockedPackage]) -> None:
    """Link packages into a data folder, so that a cold run finds what ``terraform init`` would have put there.

    Raises:
        OSError: a link cannot be made.
    """
    versions = locked_providers(lock_text)
    for package in packages:
        if package.address not in versions:  # Init removes what no module requires from the root's lock file.
            continue
        link = data_dir / "providers" / package.address / versions[package.address] / this_platform()
        if os.path.realpath(link) == package.folder:
            continue
        link.parent.mkdir(parents=True, exist_ok=True)
        part = link.with_name(f".{link.name}.part")
        part.unlink(missing_ok=True)
        part.symlink_to(package.folder)
        part.replace(link)
