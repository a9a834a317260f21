"""May this exact plan run? Every plan goes through here, and whatever is not proven to be fine is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from orchestrator.config.catalogue import Unit
from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.guard.canary import escaped
from orchestrator.guard.checkov.annotate import changed, enriched, label
from orchestrator.guard.findings import PROTECTED, Writer
from orchestrator.guard.model import Finding, Severity, Verdict
from orchestrator.guard.plan.entries import UnreadableError
from orchestrator.guard.plan.reader import PlanDocument, read_document
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.rules.cloudformation import template_findings
from orchestrator.guard.rules.protected import losses, unaccounted, unnamed_losses
from orchestrator.guard.rules.state_buckets import reaching_in
from orchestrator.guard.rules.vanished import Outside, vanished
from orchestrator.guard.trust.allowance import Allowance
from orchestrator.guard.trust.waivers import NEVER
from orchestrator.guard.trust.weakening import Weakening
from orchestrator.terraform.model import PlanRecord, ResourceChange

if TYPE_CHECKING:
    from orchestrator.guard.checkov.runner import CheckOutcomes, Engine


GUARDING = frozenset({"weakened", "hidden_replace"})
"""Policies whose objection means that something protected may be lost, so that the finding says what."""


class Judge:
    """Judges plans; may be called from many threads.

    Args:
        policies: what is judged by.
        allowance: what waivers allow; by default nothing.
        weakened: what the change takes away from its own judge: a finding on every unit.
        states: names of all state buckets: no resource may reach into one.
        outside: tells what states, ledger and AWS have, with which plans are compared; None in tests of plans alone.
    """

    def __init__(
        self,
        policies: Policies,
        allowance: Allowance | None = None,
        weakened: Sequence[Weakening] = (),
        *,
        states: frozenset[str] = frozenset(),
        outside: Outside | None = None,
    ) -> None:
        self._states = states
        self._outside = outside
        self.policies = policies
        self.allowance = allowance if allowance is not None else Allowance()
        self.weakened = tuple(weakened)
        self._warming = threading.Lock()
        self._engine: Engine | None = None
        self._escaped: tuple[str, ...] = ()

    def warm(self) -> Engine:
        """Import checkov (2 s, once), load the checks, send the canary; returns at once when that is done already.

        The canary (``canary.py``) goes before the first verdict of a run, and no earlier: a run in which nothing
        changes warms nothing, because Terraform itself says of each plan that it is empty, and there is nothing in an
        empty plan that could be judged or applied. So it costs such a run nothing, and no other run can pass it by.

        Raises:
            CatalogueError: a check cannot be loaded, or the check on protected resources is missing.
        """
        with self._warming:
            if self._engine is None:
                from orchestrator.guard.checkov.runner import Engine  # noqa: PLC0415 - imports checkov

                engine = Engine(self.policies)
                if PROTECTED not in engine.checks:
                    problem = Problem(Location("policies"), f"no policy has the check {PROTECTED}")
                    raise CatalogueError([problem])
                self._escaped = escaped(engine, self.policies.protected)
                self._engine = engine
            return self._engine

    def canary(self) -> tuple[str, ...]:
        """What the canary got past, one line each; empty when the policies hold. Warms.

        Raises:
            CatalogueError: as `warm`.
        """
        self.warm()
        return self._escaped

    def warm_beside(self) -> threading.Thread:
        """Start ``warm`` in a thread, so that checkov is imported while Terraform works; join it before the end.

        A check that cannot be loaded is no error there: ``judge`` raises it, where somebody waits for it.
        """
        thread = threading.Thread(target=self._warm_quietly, name="warm-guard")
        thread.start()
        return thread

    def _warm_quietly(self) -> None:
        with suppress(CatalogueError):
            self.warm()

    def unreadable(self, unit: Unit, error: Exception) -> Finding:
        """The finding about a plan that another reader than the guard's could not read."""
        return Writer(unit, self.policies.root, self.policies.protected).unreadable(str(error))

    def judge(self, unit: Unit, plan: PlanRecord, *, destroy: bool = False, more: Sequence[Finding] = ()) -> Verdict:
        """The verdict over one plan, with what waivers allow.

        A plan that Terraform itself called empty has no findings of its own.

        Args:
            unit: the unit that the plan is of.
            plan: the plan; judged is its JSON, and what ``plan`` says only makes the verdict stricter.
            destroy: the plan destroys the whole unit, so that everything in its state goes, also what a plan that
                ended at the first ``prevent_destroy`` does not name.
            more: what else was found about the unit: waivers are applied to it too. A finding that is not handed in
                here, nor to ``allowance.allow`` before, makes its waiver one for nothing.

        Raises:
            CatalogueError: a check cannot be loaded; nothing is judged without all of them.
        """
        writer = Writer(unit, self.policies.root, self.policies.protected)
        findings, checks, errored = self._found(unit, plan, writer, destroy=destroy)
        findings += more
        findings += [writer.disarmed(each.subject, each.what, each.where) for each in self.weakened]
        allowed = self.allowance.allow(findings, plan.file)
        if errored and not any(each.rule == PROTECTED and each.severity is Severity.BLOCK for each in allowed):
            allowed = (*allowed, writer.errored())  # a waiver allows a loss, not a plan that is not whole
        if not errored and not any(each.rule in NEVER for each in allowed):
            # where the guard itself did not work, nobody can tell whether a waiver is for nothing
            allowed = (*allowed, *self.allowance.unused(unit.id))
        return Verdict(unit=unit.id, findings=allowed, checks=checks)

    def _found(
        self, unit: Unit, plan: PlanRecord, writer: Writer, *, destroy: bool
    ) -> tuple[list[Finding], tuple[str, ...], bool]:
        """Every objection, the checks that ran, and whether Terraform ended the plan with an error."""
        if plan.json_file is None:
            return ([] if plan.empty else [writer.unreadable("there is no JSON of it")]), (), False
        try:
            document = read_document(plan.json_file)
        except UnreadableError as error:
            return [writer.unreadable(str(error))], (), False
        findings, checks = self._judged(unit, plan, document, destroy=destroy)
        return findings, checks, document.errored

    def _judged(
        self, unit: Unit, plan: PlanRecord, document: PlanDocument, *, destroy: bool
    ) -> tuple[list[Finding], tuple[str, ...]]:
        engine = self.warm()
        changes = changed(document)
        writer = Writer(unit, self.policies.root, self.policies.protected, changes)
        if self._escaped:
            return [writer.canary(self._escaped)], ()
        lost = losses(document, plan.changes, self.policies.protected)
        unnamed = unnamed_losses(document, self.policies.protected) if destroy else ()
        findings = [writer.loss(change) for change in (*lost.values(), *unnamed)]
        findings += self._faults(document, writer)
        findings += [writer.into_state(*each) for each in reaching_in(document.changes, self._states)]
        findings += self._templates(unit, changes, writer)
        if self._outside is not None:
            findings += vanished(unit, document, self.policies.protected, self._outside, writer)
        checks: tuple[str, ...] = ()
        try:
            answers = engine.run(enriched(document, self.policies.protected))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in checkov, the plan was not judged
            why = f"checkov failed with {type(error).__name__}"
            findings.append(writer.unproven(PROTECTED, "", why, policy="protected"))
        else:
            by_label = {label(change): change for change in changes}
            findings += _objections(engine, answers, by_label, writer, frozenset(lost))
            findings += _gaps(engine, answers, writer)
            checks = _proven(answers)
        return findings, checks

    def _templates(self, unit: Unit, changes: Sequence[ResourceChange], writer: Writer) -> list[Finding]:
        """What is lost inside of CloudFormation stacks."""
        try:
            return list(template_findings(unit, changes, self.policies.protected, self.policies.root))
        except Exception as error:  # noqa: BLE001 - a template that nobody thought of was not judged
            return [writer.unreadable(f"a template could not be compared: {type(error).__name__}")]

    def _faults(self, document: PlanDocument, writer: Writer) -> Iterator[Finding]:
        for fault in document.faults:
            yield writer.unreadable(fault.what, address=fault.address)
        types = {each.address: each.type for each in document.changes}
        types |= {each.address: each.type for each in document.prior}
        for fault in unaccounted(document, self.policies.protected):
            entry = self.policies.protected.types[types[fault.address]]
            yield writer.unreadable(fault.what, address=fault.address, lost=entry.lost)


def _objections(
    engine: Engine, answers: CheckOutcomes, changes: dict[str, ResourceChange], writer: Writer, lost: frozenset[str]
) -> Iterator[Finding]:
    """What the checks object to; the check on protected resources is compared with the guard's own rule."""
    stopped = {each.address for each in answers.given if each.check == PROTECTED and not each.passed}
    for address in sorted(stopped ^ (lost & changes.keys())):
        yield writer.disagreement(address)
    for each in answers.given:
        if each.passed or (each.check == PROTECTED and each.address in lost):
            continue
        change = changes[each.address]
        if each.check == PROTECTED:
            yield writer.loss(change)
            continue
        check = engine.checks[each.check]
        net = writer.protected.net(change.type)
        entry = writer.protected.get(change.type) or (net[0] if net else None)
        yield writer.objection(
            each.check,
            change,
            name=check.name,
            hint=check.guideline,
            details=each.details,
            lost=entry.lost if entry is not None and check.policy in GUARDING else "",
        )


def _gaps(engine: Engine, answers: CheckOutcomes, writer: Writer) -> Iterator[Finding]:
    for (check, address), why in answers.missing.items():
        yield writer.unproven(check, address, why, policy=engine.checks[check].policy)


def _proven(answers: CheckOutcomes) -> tuple[str, ...]:
    """Checks that answered, and about everything that they had to."""
    gaps = {check for check, _ in answers.missing}
    return tuple(sorted({each.check for each in answers.given} - gaps))
