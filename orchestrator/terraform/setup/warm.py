"""The plugin cache: two inits that fill it at once race, so a cold one is filled by one init at a time."""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from orchestrator.terraform.setup.install import this_platform
from orchestrator.util.files import file_lock

ENTRY = re.compile(r'^provider "(?P<address>[^"]+)" \{\n(?P<body>(?:.*\n)*?)\}', re.MULTILINE)
_LOCKED_VERSION = re.compile(r'^\s*version\s*=\s*"(?P<version>[^"]+)"', re.MULTILINE)


def locked_providers(lock_text: str) -> dict[str, str]:
    """The providers of a lock file: address -> version."""
    found = {}
    for entry in ENTRY.finditer(lock_text):
        version = _LOCKED_VERSION.search(entry["body"])
        if version:
            found[entry["address"]] = version["version"]
    return found


def is_warm(cache: Path, lock_file: Path) -> bool:
    """Whether every provider of a lock file is in the plugin cache; without a lock file nobody can say."""
    try:
        providers = locked_providers(lock_file.read_text(encoding="utf-8"))
    except OSError:
        return False
    here = this_platform()
    return all((cache / address / version / here).exists() for address, version in providers.items())


@contextmanager
def warming(cache: Path, lock_file: Path) -> Iterator[None]:
    """Hold the cache's lock during an init that may fill it; inits that only read a warm cache run side by side."""
    cache.mkdir(parents=True, exist_ok=True)
    if is_warm(cache, lock_file):
        yield
        return
    with file_lock(cache / ".orch.lock"):
        yield
