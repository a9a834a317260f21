"""The role that a judged plan is applied under: the apply role, or the break-glass role with its owner and reason."""

from __future__ import annotations

import os
from collections.abc import Iterable

from orchestrator.aws.identity.identities import Identities, session_name
from orchestrator.aws.identity.roles import AnyRole, BreakGlass, applying_role
from orchestrator.config.catalogue import Unit
from orchestrator.errors import BlockedError
from orchestrator.guard.findings import RUNS_CODE, UNTRUSTED_SOURCE
from orchestrator.guard.model import Verdict
from orchestrator.run.context import RunContext

_LESS = frozenset({RUNS_CODE, UNTRUSTED_SOURCE})
"""Rules whose waivers allow code to run. Such code must not run under the role that may delete."""


def apply_role(context: RunContext, unit: Unit, verdict: Verdict) -> AnyRole:
    """Return the role to apply a unit's plan under.

    Args:
        context: the run.
        unit: the unit.
        verdict: the guard's verdict on the plan.

    Returns:
        the apply role, which may not delete protected resources; the break-glass role when the run uses it or when a
        waiver allows what the plan does; the bootstrap role for the baseline that creates these roles.

    Raises:
        BlockedError: a waiver is no longer valid, for example because it expired at midnight.
    """
    return applying_role(unit, context.aws.break_glass or _for_waivers(context, unit, verdict))


def _for_waivers(context: RunContext, unit: Unit, verdict: Verdict) -> BreakGlass | None:
    """Return the break-glass role in the name of the waivers' owners; None when the plan needs no waiver."""
    used = {finding.waiver for finding in verdict.waived}
    if not used:
        return None
    waivers = [each for each in context.guard.judge.waiver_policy.waivers.for_unit(unit.id) if each.summary in used]
    if {each.summary for each in waivers} != used:
        message = f"{unit.id}: a waiver that allowed this plan is no longer valid"
        raise BlockedError(message, hint="plan again: the finding shows why")
    waivers = [each for each in waivers if each.rule not in _LESS]
    if not waivers:
        return None
    owners = dict.fromkeys(each.owner for each in waivers)
    return BreakGlass(owner=" / ".join(owners), reason=" / ".join(f"{each.id}: {each.reason}" for each in waivers))


def role_fields(role: AnyRole) -> dict[str, str]:
    """Return the journal's fields about a role."""
    if isinstance(role, BreakGlass):
        return {"role": str(role), "owner": role.owner, "reason": role.reason}
    return {"role": str(role)}


def confirm_break_glass(identities: Identities, units: Iterable[Unit], reason: str | None) -> BreakGlass | None:
    """Confirm that the break-glass role can be assumed everywhere in a run, before anything starts.

    Args:
        identities: gives the roles.
        units: the selected units.
        reason: the reason the user gave; None when ``--break-glass`` was not used.

    Raises:
        SetupError: an account does not have the role, or does not let the user assume it.
        ThrottledError: AWS throttled the calls, after retries.
    """
    if reason is None:
        return None
    break_glass = BreakGlass(owner=session_name(os.environ), reason=reason)
    for account in sorted({name for unit in units if not unit.baseline for name in unit.accounts}):
        identities.confirm(account, break_glass)
    return break_glass


def break_glass_note(break_glass: BreakGlass) -> str:
    """Return the line about the break-glass role that is shown during the run and in its report."""
    return f"Using the break-glass role as {break_glass.owner}: {break_glass.reason}"
