"""One unit's plan within a run: what was planned, how it was judged, what is shown of it."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.guard.model import Verdict
from orchestrator.guard.receipt.freeze import FrozenFiles
from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.report.model import Status, UnitReport
from orchestrator.terraform.model import PlanRecord


@dataclass(frozen=True, slots=True)
class Planned:
    """A plan or a preview, judged.

    Attributes:
        report: what is shown of it.
        plan: None when there is none: it failed, was skipped, or can only be planned after its upstreams.
        verdict: the guard's; None when there is no plan.
        frozen: every file that the judgement covers; None for a preview, which is never applied.
        receipt: binds plan and judgement; None for a preview, and for a plan with nothing in it.
    """

    report: UnitReport
    plan: PlanRecord | None = None
    verdict: Verdict | None = None
    frozen: FrozenFiles | None = None
    receipt: Receipt | None = None

    @property
    def preview(self) -> bool:
        """Whether it was planned against upstreams' plans."""
        return self.report.preview

    @property
    def pending(self) -> bool:
        """Whether an apply would change it, or nobody knows yet whether it would."""
        if self.report.status is Status.AFTER_UPSTREAMS:
            return True
        return self.plan is not None and not self.plan.empty

    @property
    def go_on(self) -> bool:
        """Whether its downstreams can be planned."""
        return self.report.status in {Status.UNCHANGED, Status.PLANNED, Status.AFTER_UPSTREAMS}
