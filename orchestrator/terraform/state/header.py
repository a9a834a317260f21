"""Lineage and serial of a state, without reading the rest of it: from a state file, or from a saved plan."""

from __future__ import annotations

import json
import re
import zipfile
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from orchestrator.terraform.state.reader import UnreadableStateError

HEAD_BYTES = 2048
"""So many bytes of a state hold its header, as Terraform writes it."""

_HEADER = re.compile(
    rb'\s*\{\s*"version":\s*4,\s*"terraform_version":\s*"[^"\\]*",\s*"serial":\s*(\d{1,19}),\s*"lineage":\s*"([^"\\]*)"'
)
"""How every state begins that Terraform or OpenTofu wrote. One that a person wrote may not."""


@dataclass(frozen=True, slots=True)
class StateHeader:
    """Which state, and which writing of it. Before the first apply: an empty lineage and the serial 0."""

    lineage: str = ""
    serial: int = 0

    @classmethod
    def of(cls, data: bytes) -> Self | None:
        """From the first bytes of a state; None: they do not tell, and the whole state must be read."""
        found = _HEADER.match(data)
        return cls(lineage=found[2].decode("utf-8", "replace"), serial=int(found[1])) if found else None

    @classmethod
    def read(cls, data: bytes) -> Self:
        """From a whole state.

        Raises:
            UnreadableStateError: it is none.
        """
        found = cls.of(data)
        if found is not None:
            return found
        try:
            document = json.loads(data)
            lineage, serial = document["lineage"], document["serial"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise UnreadableStateError("the state cannot be read: it is not a whole state file") from error
        if not isinstance(lineage, str) or not isinstance(serial, int) or isinstance(serial, bool):
            raise UnreadableStateError("the state has no lineage and serial")
        return cls(lineage=lineage, serial=serial)


def planned_from(plan: Path) -> StateHeader:
    """The state that a saved plan was made from: Terraform keeps a copy of it in the plan.

    Raises:
        UnreadableStateError: the file is no plan that can be read, e.g. one that OpenTofu encrypted.
    """
    try:
        with zipfile.ZipFile(plan) as archive, archive.open("tfstate") as member:
            head = member.read(HEAD_BYTES)
            return StateHeader.of(head) or StateHeader.read(head + member.read())
    except (OSError, zipfile.BadZipFile, KeyError, RuntimeError, NotImplementedError) as error:
        message = f"{plan.name} does not say which state it was made from: {type(error).__name__}"
        raise UnreadableStateError(message, hint="plan again; plans that are encrypted cannot be judged") from error
