"""Builds findings: what is wrong, why, what would be lost, where, and what to do instead."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.errors import Location
from orchestrator.guard.attribute_source import AttributeSource
from orchestrator.guard.causes import MODULE, attributes, cause, remedy
from orchestrator.guard.checkov.annotate import label
from orchestrator.guard.model import POLICY_WEAKENED, Finding, Severity
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.policies.subject import subject_of
from orchestrator.guard.source_location import SourceLocator
from orchestrator.terraform.model import Action, ResourceChange
from orchestrator.util.plural import plural

_LIVE = "live/"

PROTECTED = "ORCH_PROTECTED"
"""The one check that every ``policies/`` must have: checkov runs it, and the guard's built-in rule repeats it."""

VANISHED = "ORCH_VANISHED"
DUPLICATE = "ORCH_DUPLICATE"
UNREADABLE = "ORCH_UNREADABLE"
CHECK_FAILED = "ORCH_CHECK_FAILED"
DISAGREE = "ORCH_DISAGREE"
ERRORED = "ORCH_ERRORED"
RUNS_CODE = "ORCH_RUNS_CODE"
READS_FILE = "ORCH_READS_FILE"
UNTRUSTED_SOURCE = "ORCH_UNTRUSTED_SOURCE"
TEMPLATE = "ORCH_TEMPLATE"
STATE_ACCESS = "ORCH_STATE"
CANARY = "ORCH_CANARY"
WAIVER = "ORCH_WAIVER"

LOSS_RULES = frozenset({PROTECTED, TEMPLATE, VANISHED, "ORCH_WEAKENED", "ORCH_HIDDEN_REPLACE"})
"""Rules about the loss of what a resource holds, or of its protection."""

_LOSSES = {
    Action.DELETE: "would be deleted",
    Action.REPLACE: "would be replaced by a new, empty one",
    Action.FORGET: "would be removed from the state, and nothing would protect it",
}
_REPLACED_AND_FORGOTTEN = "would be replaced by a new, empty one; the old one would stay in AWS, unprotected"
_LOSS_RULES = frozenset({PROTECTED, VANISHED, TEMPLATE})
_NOT_COUNTED = "not counted"


def finding_id(rule: str, unit: str, address: str, action: str) -> str:
    """Return ten hex digits that are the same for the same finding in every run."""
    return hashlib.sha256(f"{rule}\0{unit}\0{address}\0{action}".encode()).hexdigest()[:10]


def sentences(parts: Iterable[str]) -> str:
    """Return sentences as one text, each once."""
    return "; ".join(dict.fromkeys(parts))


def headline(findings: Iterable[Finding]) -> str:
    """Return one line that says what a blocked unit would lose; without a loss, what its first block says.

    Examples: ``3 protected resources would be lost``;
    ``aws_cognito_user_pool.this would be replaced by a new, empty one: 1,284 users lost``.
    """
    blocking = [each for each in findings if each.severity is Severity.BLOCK]
    losses = {each.address: each for each in blocking if _is_loss(each)}
    if len(losses) > 1:
        return f"{plural(len(losses), 'protected resource')} would be lost"
    if not losses:
        return blocking[0].message if blocking else ""
    (loss,) = losses.values()
    counted = "" if loss.inside == _NOT_COUNTED or loss.inside.startswith("0 ") else loss.inside.split(", ")[0]
    return f"{loss.message}: {counted} lost" if counted else loss.message


def _is_loss(finding: Finding) -> bool:
    return finding.rule in _LOSS_RULES and bool(finding.lost) and finding.action != Action.UPDATE.value


class FindingBuilder:
    """Builds the findings about one unit's plan.

    Args:
        unit: the unit that the plan belongs to.
        root: the folder that contains ``live/``; locations are relative to it.
        protected: the list of protected types.
        changes: every change of the plan; a deleted resource may be one of its new ones under another name.
    """

    def __init__(self, unit: Unit, root: Path, protected: Protected, changes: Sequence[ResourceChange] = ()) -> None:
        self.unit = unit
        self.protected = protected
        self._changes = changes
        self.locator = SourceLocator(unit, root)
        self._source = AttributeSource(unit, root, self.locator)

    def loss(self, change: ResourceChange) -> Finding:
        """Report a protected resource that the plan deletes, replaces or forgets."""
        action = change.action if change.action in _LOSSES else Action.DELETE
        names = attributes(change.replace_paths)
        return self._finding(
            PROTECTED,
            label(change),
            action.value,
            cause=cause(change),
            message=f"{short(change)} {_REPLACED_AND_FORGOTTEN if change.forgets_old else _LOSSES[action]}",
            hint=remedy(change, self._changes),
            lost=entry.lost if (entry := subject_of(change, self.protected).protected) else self._lost(change.type),
            change=change,
            names=[name.split(".")[0].split("[")[0] for name in names],
        )

    def kept(self, change: ResourceChange) -> Finding:
        """Report a protected resource that Terraform no longer manages and AWS keeps, with all that is in it."""
        entry = subject_of(change, self.protected).protected
        by = ", ".join(entry.kept_by) if entry is not None else ""
        finding = self._finding(
            PROTECTED,
            label(change),
            change.action.value,
            cause=cause(change),
            message=f"{short(change)} would no longer be managed; {by} keeps it in AWS, with everything in it",
            hint=f"to delete it as well, apply {by} = false first; to manage it again, import it with `imports`",
            change=change,
        )
        return replace(finding, severity=Severity.WARN)

    def vanished(self, address: str, type_: str, change: ResourceChange | None, *, cause: str, hint: str) -> Finding:
        """Report a protected resource that exists and that the plan does not see.

        Args:
            address: where the state, the ledger or the plan has it.
            type_: its type.
            change: what the plan does at this address, if anything.
            cause: how this is known.
            hint: what to do.
        """
        action = change.action.value if change is not None else ""
        created = action == Action.CREATE.value
        what = "already exists, and a second, empty one would be created" if created else "is missing from the plan"
        message = f"{address.removeprefix(MODULE)} {what}"
        lost = self._lost(type_)
        return self._finding(
            VANISHED, address, action, cause=cause, message=message, hint=hint, lost=lost, change=change
        )

    def managed_twice(self, change: ResourceChange, other: str) -> Finding:
        """Report the import of an object that another unit manages. ``other``: the id of that unit."""
        address = change.address.removeprefix(MODULE)
        return self._finding(
            DUPLICATE,
            change.address,
            change.action.value,
            cause=f"the state of {other} has it, and this plan imports it ({change.importing})",
            message=f"{address} would be managed by two units: {other} has it already",
            hint=f"remove it from `imports`; to move it here: orch move {other}:ADDRESS {self.unit.id}:{address}",
            lost=self._lost(change.type),
            change=change,
        )

    def violation(
        self, rule: str, change: ResourceChange, *, name: str, hint: str, details: Sequence[str], guards_data: bool
    ) -> Finding:
        """Report a failed check of ``policies/``.

        Args:
            rule: the check's id.
            change: what the check rejects.
            name: what is wrong, in the check's words.
            hint: what to do.
            details: the check's reasons.
            guards_data: whether a violation may lose what the resource, or the one that it belongs to, holds.
        """
        subject = subject_of(change, self.protected)
        owner = subject.owner or subject.protected
        before, after = change.before or {}, change.after or {}
        safeguarded = {path.partition(".")[0].partition("[")[0] for path in subject.safeguards}
        safeguarded |= subject.protected.replaced_by.keys() if subject.protected is not None else set()
        differing = [each for each in after if before.get(each) != after[each]]
        named = set(re.findall(r"\w+", " ".join((*details, name, hint))))
        significant = sorted(differing, key=lambda each: (each not in safeguarded, each not in named, each))
        return self._finding(
            rule,
            label(change),
            change.action.value,
            cause=sentences(details),
            message=f"{short(change)}: {name}",
            hint=hint,
            lost=owner.lost if owner is not None and guards_data else "",
            change=change,
            names=significant,
        )

    def state_access(self, change: ResourceChange, why: str) -> Finding:
        """Report a resource that reads or writes a state bucket."""
        return self._finding(
            STATE_ACCESS,
            label(change),
            change.action.value,
            cause=why,
            message=f"{short(change)} accesses a state bucket: it could overwrite the state of any unit",
            hint="remove it from the module; use orch move, orch adopt or orch output instead",
            lost="the states of the account, which record every resource, protected ones included",
            change=change,
            names=("bucket", "key"),
        )

    def unreadable(self, why: str, *, address: str = "", lost: str = "") -> Finding:
        """Report a plan, or one entry of it, that cannot be understood."""
        subject = f"the change to {address.removeprefix(MODULE)}" if address else "the plan"
        hint = "plan again; if this persists, this version of orch may not support this version of Terraform"
        message = f"{subject} cannot be judged"
        return self._finding(UNREADABLE, address, "", cause=why, message=message, hint=hint, lost=lost)

    def misread(self, address: str, why: str) -> Finding:
        """Report a part of the configuration that orch and Terraform read differently."""
        message = f"{address.removeprefix(MODULE)}: orch and Terraform read the configuration differently"
        hint = "write this part of the configuration in a simpler way, and report this as a bug in orch"
        return self._finding(UNREADABLE, address, "configuration", cause=why, message=message, hint=hint)

    def check_failed(self, check: str, address: str, why: str, *, policy: str) -> Finding:
        """Report a check that gave no verdict."""
        message = f"{check} did not judge {address.removeprefix(MODULE)}" if address else f"{check} did not run"
        hint = f"fix policies/{policy}/check.py: it must return PASSED or FAILED for every resource of its types"
        return self._finding(CHECK_FAILED, address, check, cause=why, message=message, hint=hint)

    def disagreement(self, address: str) -> Finding:
        """Report that the check and the guard's built-in rule differ about a protected resource."""
        message = f"{address.removeprefix(MODULE)}: {PROTECTED} and the built-in rule disagree"
        why = "one of them reports a loss, the other does not"
        hint = "fix policies/protected/check.py: it must fail for every delete, replace and forget"
        return self._finding(DISAGREE, address, "", cause=why, message=message, hint=hint)

    def errored_plan(self) -> Finding:
        """Report a plan that Terraform saved although planning failed."""
        why = "Terraform failed while it made the plan"
        return self._finding(
            ERRORED, "", "", cause=why, message="the plan is incomplete", hint="fix the error, then plan again"
        )

    def canary(self, failures: Sequence[str]) -> Finding:
        """Report that the policies do not stop the loss of a protected type, so no plan is judged."""
        more = f", and {len(failures) - 1} more" if len(failures) > 1 else ""
        return self._finding(
            CANARY,
            "",
            "",
            cause=failures[0] + more,
            message="the policies would let a protected resource be deleted, so no plan is judged",
            hint="restore policies/protected/ and policies/protected.yaml; orch check repeats this test",
            lost="possibly any protected resource: without working policies, losses go unnoticed",
        )

    def policy_weakened(self, subject: str, what: str, where: Location) -> Finding:
        """Report that the change weakens the policies that judge it."""
        return Finding(
            id=finding_id(POLICY_WEAKENED, self.unit.id, f"{where.file} {subject}", ""),
            rule=POLICY_WEAKENED,
            unit=self.unit.id,
            address=f"{where.file}: {subject}" if subject != where.file else subject,
            action="",
            cause="the change weakens the policies that judge it",
            message=what,
            hint="merge this in a separate change, approved by the owners of policies/; then run the other changes",
            where=where,
        )

    def _lost(self, type_: str) -> str:
        entry = self.protected.get(type_)
        return entry.lost if entry else "everything in it"

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
            where=self._place(change, tuple(names)) if change is not None else self.unit.at,
        )

    def _place(self, change: ResourceChange, names: Sequence[str]) -> Location | None:
        """Return the line of ``live/`` that sets the most significant attribute, however the module calls its input.

        Otherwise what the locator finds.
        """
        if names and change.after is not None and names[0] not in self.unit.inputs:
            written = self._source(change, (names[0],))
            if written is not None and written.file.startswith(_LIVE):
                return written
        return self.locator.locate(change, names)


def short(change: ResourceChange) -> str:
    """Return the address as messages show it: without the module call that every unit has."""
    return label(change).removeprefix(MODULE)
