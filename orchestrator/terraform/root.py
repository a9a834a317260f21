"""A rendered unit as Terraform needs it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Root:
    """A rendered unit, ready for Terraform.

    Attributes:
        unit: the unit's id.
        folder: the root's folder; Terraform's working directory.
        data_dir: ``TF_DATA_DIR``: the result of init, shared by all runs of the unit.
        env: the environment that child processes start from, credentials included; orch adds its ``TF_`` variables and
            removes the user's (``environment.child_env``).
        log: file that output is appended to.
        identity: the accounts and the role whose credentials ``env`` contains; empty without credentials. Providers
            that keep running are shared only within one identity.
        types: resource types in the unit's state, as far as known.
    """

    unit: str
    folder: Path
    data_dir: Path
    env: Mapping[str, str] = field(repr=False)
    log: Path
    identity: str = ""
    types: frozenset[str] = frozenset()
