"""The types of the AWS provider that ``tests/golden/aws`` lists, and which of them look like data or an identity."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.config.yaml.reader import parse_yaml
from orchestrator.config.yaml.validation import to_plain

GOLDEN = Path(__file__).parents[1] / "golden/aws"

NAME = re.compile(
    r"(^|_)(account|ami|archive|artifact|backup|broker|bucket|cache|catalog|certificate|cluster|collection|contact|container"
    r"|dataset|data_set|database|db|directory|disk|domain|file|file_share|file_system|graph|group|identity|image|index"
    r"|instance|item|key|keyspace|lake|ledger|log|member|namespace|number|object|organization|parameter|pool|profile|queue"
    r"|record|recording|registry|replica|repository|secret|server|snapshot|store|stream|table|tape|tracker|trail|user|vault"
    r"|version|volume|warehouse|workspace|zone)s?$"
)
"""A type that ends in one of these words may hold data or be an identity."""

ATTRIBUTE = re.compile(
    r"deletion_protection|termination_protection|delete_protection|^force_(destroy|delete)|skip_final|final_(snapshot|backup)"
    r"|retention|^backup_|^snapshot_|recovery_window|deletion_window|storage_encrypted|^encrypted$|allocated_storage"
    r"|storage_(size|capacity)|delete_automated|skip_destroy|prevent_destroy"
)
"""So may one that has such an attribute or block."""


def provider_types() -> dict[str, tuple[str, ...]]:
    """The types of the provider with the attributes that match; ``test_guard_real.py`` compares them with the provider."""
    lines = (GOLDEN / "types.txt").read_text().splitlines()
    return {line.split()[0]: tuple(line.split()[1:]) for line in lines}


def reasons() -> dict[str, list[str]]:
    """Why a type is not protected: reason -> types."""
    file = GOLDEN / "unprotected.yaml"
    tree = to_plain(parse_yaml(file.read_bytes(), file.name))
    return {reason: [f"aws_{each}" for line in lines for each in line.split()] for reason, lines in tree.items()}
