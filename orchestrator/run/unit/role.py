"""Under which role a judged plan is applied: the apply role, or the break-glass role with who and why."""

from __future__ import annotations

import os
from collections.abc import Iterable

from orchestrator.aws.identity.identities import Identities, session_name
from orchestrator.aws.identity.roles import AnyRole, BreakGlass, applying_role
from orchestrator.config.catalogue import Unit
from orchestrator.errors import BlockedError
from orchestrator.guard.findings import RUNS_CODE, UNTRUSTED_SOURCE
from orchestrator.guard.model import Verdict
from orchestrator.run.context import RunContext, accounts_of

_LESS = frozenset({RUNS_CODE, UNTRUSTED_SOURCE})
"""Rules whose waivers let a program run: the role that may delete is the last that it should run under."""


def role_of(context: RunContext, unit: Unit, verdict: Verdict) -> AnyRole:
    """The role that a unit's plan is applied under.

    Args:
        context: the run.
        unit: the unit.
        verdict: the guard's over the plan.

    Returns:
        the apply role, which is denied the deletes of what is protected; the break-glass role where the whole run asked
        for it, or where a waiver allows what the plan does; the bootstrap role for what makes these roles.

    Raises:
        BlockedError: what is waived is not any more, e.g. because midnight has passed since.
    """
    return applying_role(unit, context.aws.break_glass or _for_waivers(context, unit, verdict))


def _for_waivers(context: RunContext, unit: Unit, verdict: Verdict) -> BreakGlass | None:
    """The break-glass role in the name of those who allow what the plan does; None when nothing had to be allowed."""
    used = {finding.waiver for finding in verdict.waived}
    if not used:
        return None
    waivers = [each for each in context.guard.judge.waiver_policy.waivers.for_unit(unit.id) if each.summary in used]
    if {each.summary for each in waivers} != used:
        message = f"{unit.id}: a waiver that allowed this plan does not count any more"
        raise BlockedError(message, hint="plan again: the finding says what it is about")
    waivers = [each for each in waivers if each.rule not in _LESS]
    if not waivers:
        return None
    owners = dict.fromkeys(each.owner for each in waivers)
    return BreakGlass(owner=" / ".join(owners), reason=" / ".join(f"{each.id}: {each.reason}" for each in waivers))


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
