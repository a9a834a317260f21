"""Findings: what the guard says, to whom it belongs, and an id that is the same in the next run."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.errors import Location
from orchestrator.guard.causes import attributes, cause, way_out
from orchestrator.guard.checkov.annotate import label
from orchestrator.guard.model import POLICY_WEAKENED, Finding
from orchestrator.guard.places import locate
from orchestrator.guard.policies.protected import Protected
from orchestrator.terraform.model import Action, ResourceChange

PROTECTED = "ORCH_PROTECTED"
"""The one check that every ``policies/`` must have: it is judged twice, by checkov and by the guard's own rule."""

VANISHED = "ORCH_VANISHED"
UNREADABLE = "ORCH_UNREADABLE"
CHECK_FAILED = "ORCH_CHECK_FAILED"
DISAGREE = "ORCH_DISAGREE"
ERRORED = "ORCH_ERRORED"
RUNS_CODE = "ORCH_RUNS_CODE"
UNTRUSTED_SOURCE = "ORCH_UNTRUSTED_SOURCE"
TEMPLATE = "ORCH_TEMPLATE"
STATE_ACCESS = "ORCH_STATE"
CANARY = "ORCH_CANARY"
WAIVER = "ORCH_WAIVER"

_WOULD = {
    Action.DELETE: "{address} would be deleted: this loses {lost}",
    Action.REPLACE: "{address} would be replaced by a new, empty one: this loses {lost}",
    Action.FORGET: "{address} would be forgotten: nothing keeps it any more, and it stands for {lost}",
}


def finding_id(rule: str, unit: str, address: str, action: str) -> str:
    """Ten hex digits, the same for the same objection in every run."""
    return hashlib.sha256(f"{rule}\0{unit}\0{address}\0{action}".encode()).hexdigest()[:10]


@dataclass(frozen=True, slots=True)
class FindingBuilder:
    """Writes the findings about one unit's plan.

    Attributes:
        root: the folder that contains ``live/``; places are relative to it.
        changes: all changes of the plan, among which a renamed resource may be found again.
    """

    unit: Unit
    root: Path
    protected: Protected
    changes: tuple[ResourceChange, ...] = ()

    def loss(self, change: ResourceChange) -> Finding:
        """A protected resource goes."""
        entry = self.protected.get(change.type)
        lost = entry.lost if entry else "what it holds"
        action = change.action if change.action in _WOULD else Action.DELETE
        names = attributes(change.replace_paths)
        return self._finding(
            PROTECTED,
            label(change),
            action.value,
            cause=cause(change),
            message=_WOULD[action].format(address=label(change), lost=lost),
            hint=way_out(change, self.changes),
            lost=lost,
            change=change,
            names=[name.split(".")[0].split("[")[0] for name in names],
        )

    def vanished(self, address: str, type_: str, change: ResourceChange | None, *, cause: str, hint: str) -> Finding:
        """Something protected is there, and the plan does not see it. ``change``: what it would do at the address."""
        entry = self.protected.get(type_)
        lost = entry.lost if entry else "what it holds"
        action = change.action.value if change is not None else ""
        would = "would be created a second time, empty" if action == Action.CREATE.value else "is not seen any more"
        message = f"{address} {would}: this loses {lost}"
        return self._finding(
            VANISHED, address, action, cause=cause, message=message, hint=hint, lost=lost, change=change
        )

    def violation(
        self, rule: str, change: ResourceChange, *, name: str, hint: str, details: Iterable[str], lost: str = ""
    ) -> Finding:
        """A check of ``policies/`` failed. ``details`` are its own words about why."""
        why = "; ".join(details)
        entry = self.protected.get(change.type)
        before, after = change.before or {}, change.after or {}
        differ = [each for each in after if before.get(each) != after[each]]
        telling = sorted(differ, key=lambda each: (entry is None or each not in entry.attributes, each))
        return self._finding(
            rule,
            label(change),
            change.action.value,
            cause=why,
            message=f"{label(change)}: {name}",
            hint=hint,
            lost=lost,
            change=change,
            names=telling,
        )

    def state_access(self, change: ResourceChange, why: str) -> Finding:
        """A resource reaches into a bucket with states."""
        return self._finding(
            STATE_ACCESS,
            label(change),
            change.action.value,
            cause=why,
            message=f"{label(change)} reaches into a state bucket: it could replace the state of any unit",
            hint="take it out of the module; orch move, orch adopt and orch output do what it may be meant for",
            lost="the states of the account: what Terraform knows of, protected resources among it",
            change=change,
            names=("bucket", "key"),
        )

    def unreadable(self, why: str, *, address: str = "", lost: str = "") -> Finding:
        """The plan, or one entry of it, cannot be understood."""
        about = f"{address} cannot be judged" if address else "the plan cannot be judged"
        hint = "plan again; if it stays so, this Terraform may be newer than what this orch knows"
        return self._finding(UNREADABLE, address, "", cause=why, message=f"{about}: {why}", hint=hint, lost=lost)

    def check_failed(self, check: str, address: str, why: str, *, policy: str) -> Finding:
        """A check did not answer, so it is not known what it would have said."""
        message = f"{check} did not judge {address}: {why}" if address else f"{check} did not run: {why}"
        hint = f"correct policies/{policy}/check.py: a check answers PASSED or FAILED about each resource that it names"
        return self._finding(CHECK_FAILED, address, check, cause=why, message=message, hint=hint)

    def disagreement(self, address: str) -> Finding:
        """The check and the guard's own rule differ about a protected resource."""
        why = f"the check {PROTECTED} and the guard's own rule do not agree on it"
        hint = "correct policies/protected/check.py: it must fail on whatever deletes, replaces or forgets"
        return self._finding(DISAGREE, address, "", cause=why, message=f"{address}: {why}", hint=hint)

    def errored_plan(self) -> Finding:
        """Terraform saved the plan and then found an error."""
        why = "Terraform ended this plan with an error, so it is not whole"
        return self._finding(ERRORED, "", "", cause=why, message=why, hint="correct the error, then plan again")

    def canary(self, escaped: tuple[str, ...]) -> Finding:
        """The policies let something pass that they must stop, so that nothing is judged by them."""
        more = f" and {len(escaped) - 1} more" if len(escaped) > 1 else ""
        return self._finding(
            CANARY,
            "",
            "",
            cause=escaped[0] + more,
            message="the policies let the deletion of something protected pass, so nothing is judged by them",
            hint="put policies/protected/ and policies/protected.yaml back as they were; orch check tries again",
            lost="whatever is protected: nobody can tell what this plan takes away",
        )

    def policy_weakened(self, subject: str, what: str, where: Location) -> Finding:
        """The change weakens what judges it."""
        return Finding(
            id=finding_id(POLICY_WEAKENED, self.unit.id, f"{where.file} {subject}", ""),
            rule=POLICY_WEAKENED,
            unit=self.unit.id,
            address=f"{where.file}: {subject}" if subject != where.file else subject,
            action="",
            cause="the same change would weaken what judges it",
            message=what,
            hint="merge this in a change of its own, looked at by the owners of policies/; then run the other changes",
            where=where,
        )

    def _finding(
        self,
        rule: str,
        address: str,
        action: str,
        *,
        cause: str,
        message: str,
        hint: str,
        lost: str = "",
        change: ResourceChange | None = None,
        names: Iterable[str] = (),
    ) -> Finding:
        where = locate(self.unit, change, tuple(names), self.root) if change is not None else self.unit.at
        return Finding(
            id=finding_id(rule, self.unit.id, address, action),
            rule=rule,
            unit=self.unit.id,
            address=address,
            action=action,
            cause=cause,
            message=message,
            hint=hint,
            lost=lost,
            where=where,
        )
