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
        folder: the root's folder; Terraform's working folder.
        data_dir: ``TF_DATA_DIR``: what init makes, shared by the folders of all runs of the unit.
        env: the whole environment that children start from, credentials included; orch's own ``TF_`` names are added
            and the user's removed (``environment.child_env``).
        log: file that output is appended to.
    """

    unit: str
    folder: Path
    data_dir: Path
    env: Mapping[str, str] = field(repr=False)
    log: Path
