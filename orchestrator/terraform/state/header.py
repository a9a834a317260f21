"""Reads the lineage and serial of a state without reading the rest: from a state file or a saved plan."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from orchestrator.terraform.state.reader import UnreadableStateError

HEAD_BYTES = 2048
"""Number of bytes that contain the header of a state that Terraform wrote."""

_HEADER = re.compile(
    rb'\s*\{\s*"version":\s*4,\s*"terraform_version":\s*"[^"\\]*",\s*"serial":\s*(\d{1,19}),\s*"lineage":\s*"([^"\\]*)"'
)
"""How every state that Terraform or OpenTofu wrote begins; a hand-written one can begin differently."""


@dataclass(frozen=True, slots=True)
class StateHeader:
    """Lineage and serial of a state. Before the first apply: an empty lineage and serial 0."""

    lineage: str = ""
    serial: int = 0

    @classmethod
    def of(cls, data: bytes) -> Self | None:
        """Parse the first bytes of a state; None if they do not contain the header, so the whole state must be read."""
        found = _HEADER.match(data)
        return cls(lineage=found[2].decode("utf-8", "replace"), serial=int(found[1])) if found else None

    @classmethod
    def read(cls, data: bytes) -> Self:
        """Parse a whole state.

        Raises:
            UnreadableStateError: the bytes are not a state.
        """
        found = cls.of(data)
        if found is not None:
            return found
        try:
            document = json.loads(data)
            lineage, serial = document["lineage"], document["serial"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UnreadableStateError("cannot read the state: it is not a complete state file") from error
        if not isinstance(lineage, str) or not isinstance(serial, int) or isinstance(serial, bool):
            raise UnreadableStateError("the state has no lineage and serial")
        return cls(lineage=lineage, serial=serial)


def planned_from(plan: Path) -> StateHeader:
    """Return the header of the state that a saved plan was made from: the plan contains a copy of the state.

    Raises:
        UnreadableStateError: the file is not a readable plan, e.g. OpenTofu encrypted it.
    """
    try:
        with zipfile.ZipFile(plan) as archive, archive.open("tfstate") as member:
            head = member.read(HEAD_BYTES)
            return StateHeader.of(head) or StateHeader.read(head + member.read())
    except (OSError, zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError) as error:
        message = f"cannot read which state {plan.name} was made from: {type(error).__name__}"
        raise UnreadableStateError(message, hint="plan again; encrypted plans are not supported") from error
