"""The IAM roles that orch assumes in an account, and the role that each unit is planned and applied under."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.config.catalogue import Account, Unit

OWNER_TAG = "orch:owner"
REASON_TAG = "orch:reason"
_TAG_VALUE_LENGTH = 256
_NAME = "break_glass"


class Role(StrEnum):
    """The four roles of an account (``roles`` in ``live/orch.yaml``)."""

    BOOTSTRAP = "bootstrap"
    PLAN = "plan"
    APPLY = "apply"
    BREAK_GLASS = "break_glass"
    """Assumed only through `BreakGlass`: its trust policy requires the session tags owner and reason."""

    def name_in(self, account: Account) -> str:
        """Return the name of the IAM role, including its path."""
        return str(getattr(account.roles, self.value))


@dataclass(frozen=True, slots=True)
class BreakGlass:
    """The break-glass role, assumed by an owner for a reason. Accepted wherever a `Role` is.

    Attributes:
        owner: the person who is accountable.
        reason: why the role is needed.
    """

    owner: str
    reason: str

    @property
    def value(self) -> str:
        """A unique name for this owner and reason, used in file names of a run."""
        digest = hashlib.sha256(f"{self.owner}\0{self.reason}".encode()).hexdigest()
        return f"{_NAME}-{digest[:12]}"

    def __str__(self) -> str:
        return "break-glass"

    def name_in(self, account: Account) -> str:
        """Return the name of the IAM role, including its path."""
        return account.roles.break_glass

    @property
    def tags(self) -> list[dict[str, str]]:
        """The session tags in the format of AssumeRole."""
        return [
            {"Key": OWNER_TAG, "Value": tag_value(self.owner)},
            {"Key": REASON_TAG, "Value": tag_value(self.reason)},
        ]


AnyRole = Role | BreakGlass
"""A role that orch can assume in an account. AWS rejects `Role.BREAK_GLASS` without the tags of a `BreakGlass`."""


def role_for(unit: Unit, *, write: bool) -> Role:
    """Return the role under which a unit's Terraform runs and its state is accessed.

    Args:
        unit: the unit.
        write: whether the operation changes something (apply, destroy, publish).

    Returns:
        `Role.BOOTSTRAP` for the account baseline, which must not run under a role that it manages.
    """
    if unit.baseline:
        return Role.BOOTSTRAP
    return Role.APPLY if write else Role.PLAN


def applying_role(unit: Unit, break_glass: BreakGlass | None) -> AnyRole:
    """Return the role that a plan is applied under.

    Args:
        unit: the unit.
        break_glass: owner and reason if the plan needs more than the apply role allows; else None.
    """
    role = role_for(unit, write=True)
    return break_glass if break_glass is not None and role is Role.APPLY else role


def tag_value(text: str) -> str:
    """Convert a text to the value of a session tag: at most 256 characters, invalid ones replaced by ``-``."""
    return re.sub(r"[^\w .:/=+@-]", "-", " ".join(text.split()))[:_TAG_VALUE_LENGTH].strip()
