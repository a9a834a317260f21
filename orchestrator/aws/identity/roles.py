"""The IAM roles that orch takes in an account, and which of them a unit is planned and applied under."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.config.catalogue import Account, Unit

OWNER_TAG = "orch:owner"
REASON_TAG = "orch:reason"
_SIGNS = 256
_NAME = "break_glass"


class Role(StrEnum):
    """The four roles of an account (``roles`` in ``live/orch.yaml``)."""

    BOOTSTRAP = "bootstrap"
    PLAN = "plan"
    APPLY = "apply"
    BREAK_GLASS = "break_glass"
    """Taken only as a `BreakGlass`: its trust policy wants to be told who and why."""

    def name_in(self, account: Account) -> str:
        """Name of the IAM role, with its path if it has one."""
        return str(getattr(account.roles, self.value))


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


AnyRole = Role | BreakGlass
"""What orch can be in an account; `Role.BREAK_GLASS` alone is refused by AWS."""


def role_for(unit: Unit, *, write: bool) -> Role:
    """The role that a unit's Terraform and its state are used under.

    Args:
        unit: the unit.
        write: whether something is changed (apply, destroy, publish) and not only read.

    Returns:
        `Role.BOOTSTRAP` for the unit that makes the others, which must not run under a role that it changes.
    """
    if unit.baseline:
        return Role.BOOTSTRAP
    return Role.APPLY if write else Role.PLAN


def applying_role(unit: Unit, break_glass: BreakGlass | None) -> AnyRole:
    """The role that a plan is applied under.

    Args:
        unit: the unit.
        break_glass: who answers for more than the apply role may, and why; None: nothing of that kind.
    """
    role = role_for(unit, write=True)
    return break_glass if break_glass is not None and role is Role.APPLY else role


def tag_value(text: str) -> str:
    """A text as a session tag's value: letters, digits, blanks and ``_.:/=+@-``, others become ``-``; cut at 256."""
    return re.sub(r"[^\w .:/=+@-]", "-", " ".join(text.split()))[:_SIGNS].strip()
