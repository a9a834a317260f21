"""The dependency lock file (``.terraform.lock.hcl``): its names, and the provider versions that it pins."""

from __future__ import annotations

import re
from pathlib import Path

LOCK_FILE = ".terraform.lock.hcl"
"""Name of the lock file in a Terraform root."""

SHARED_LOCK_FILE = Path("live") / "providers.lock.hcl"
"""The repository's one lock file, committed to git and copied into each root; relative to the repository."""

LOCK_ENTRY = re.compile(r'^provider "(?P<address>[^"]+)" \{\n(?P<body>(?:.*\n)*?)\}', re.MULTILINE)
_VERSION = re.compile(r'^\s*version\s*=\s*"(?P<version>[^"]+)"', re.MULTILINE)


def locked_providers(lock_text: str) -> dict[str, str]:
    """Return the providers that a lock file pins: address -> version."""
    found = {}
    for entry in LOCK_ENTRY.finditer(lock_text):
        version = _VERSION.search(entry["body"])
        if version:
            found[entry["address"]] = version["version"]
    return found
