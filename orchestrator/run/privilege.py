"""Under which role a judged plan is applied: the apply role, or the break-glass role with who and why."""

from __future__ import annotations

import os
from collections.abc import Iterable

from orchestrator.aws.break_glass import BreakGlass
from orchestrator.aws.identity import AnyRole, Identities, applying_role, session_name
from orchestrator.catalogue.records import Unit
from orchestrator.run.tools import Tools, accounts_of


def role_of(tools: Tools, unit: Unit) -> AnyRole:
    """The role that a unit's plan is applied under.

    Args:
        tools: the parts of the run.
        unit: the unit.

    Returns:
        the apply role, which is denied the deletes of what is protected; the break-glass role where the whole run asked
        for it; the bootstrap role for what makes these roles.
    """
    return applying_role(unit, tools.options.break_glass)


def role_fields(role: AnyRole) -> dict[str, str]:
    """What the journal says of the role."""
    if isinstance(role, BreakGlass):
        return {"role": str(role), "owner": role.owner, "reason": role.reason}
    return {"role": str(role)}


def take_break_glass(identities: Identities, units: Iterable[Unit], reason: str | None) -> BreakGlass | None:
    """The break-glass role for a whole run, when it was asked for, taken before anything starts.

    Args:
        identities: who orch is.
        units: the selection.
        reason: why; None: nobody asked for it.

    Raises:
        SetupError: an account does not have the role, or does not let us in.
        ThrottledError: AWS asked to slow down, after retries.
    """
    if reason is None:
        return None
    break_glass = BreakGlass(owner=session_name(os.environ), reason=reason)
    for account in sorted({name for unit in units if not unit.baseline for name in accounts_of(unit)}):
        identities.confirm(account, break_glass)
    return break_glass


def break_glass_note(break_glass: BreakGlass) -> str:
    """What is told of a run under the break-glass role, while it goes and at its end."""
    return f"Under the break-glass role, by {break_glass.owner}: {break_glass.reason}"
