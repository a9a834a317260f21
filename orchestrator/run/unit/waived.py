"""What a waiver changes beside the verdict: what keeps Terraform from obeying it is lifted, in this run's root."""

from __future__ import annotations

from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.guard.findings import PROTECTED
from orchestrator.render.prevent_destroy import lift_prevent_destroy
from orchestrator.run.context import RunContext


def lift_waived(context: RunContext, unit: Unit, root: Path) -> tuple[str, ...]:
    """Lift ``prevent_destroy`` off what valid waivers of this unit let go, before it is planned.

    Args:
        context: the run.
        unit: the unit.
        root: its root in this run; what is written there is part of what the plan is judged with.

    Returns:
        why something could not be lifted, for a person.
    """
    waivers = context.guard.judge.waiver_policy.waivers.for_unit(unit.id)
    addresses = [waiver.address for waiver in waivers if waiver.rule == PROTECTED]
    return lift_prevent_destroy(root, addresses) if addresses else ()
