"""The break-glass role: who takes it and why goes with the session, as tags, into AWS's logs."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass

from orchestrator.config.catalogue import Account

OWNER_TAG = "orch:owner"
REASON_TAG = "orch:reason"
_SIGNS = 256
_NAME = "break_glass"


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """The break-glass role, taken by somebody for something. It can stand wherever a role does.

    Attributes:
        owner: who answers for it.
        reason: why.
    """

    owner: str
    reason: str

    @property
    def value(self) -> str:
        """A word for it that is no other's: files of a run are named so."""
        digest = hashlib.sha256(f"{self.owner}\0{self.reason}".encode()).hexdigest()
        return f"{_NAME}-{digest[:12]}"

    def __str__(self) -> str:
        return "break-glass"

    def name_in(self, account: Account) -> str:
        """Name of the IAM role, with its path if it has one."""
        return account.roles.break_glass

    @property
    def tags(self) -> list[dict[str, str]]:
        """The session's tags, as AssumeRole takes them."""
        return [
            {"Key": OWNER_TAG, "Value": tag_value(self.owner)},
            {"Key": REASON_TAG, "Value": tag_value(self.reason)},
        ]


def tag_value(text: str) -> str:
    """A text as a session tag's value: letters, digits, blanks and ``_.:/=+@-``, others become ``-``; cut at 256."""
    return re.sub(r"[^\w .:/=+@-]", "-", " ".join(text.split()))[:_SIGNS].strip()
