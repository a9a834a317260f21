"""May this exact plan run? Every plan goes through here, and whatever is not proven to be fine is refused."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from orchestrator.config.catalogue import Unit
from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.guard.canary import canary_failures
from orchestrator.guard.checkov.annotate import annotated_resources, changed_resources, label
from orchestrator.guard.findings import PROTECTED, FindingBuilder
from orchestrator.guard.model import Finding, Severity, Verdict
from orchestrator.guard.plan.entries import UnreadableError
from orchestrator.guard.plan.reader import PlanDocument, read_document
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.rules.cloudformation import template_findings
from orchestrator.guard.rules.protected import protected_losses, state_mismatches, unlisted_losses
from orchestrator.guard.rules.state_buckets import state_bucket_access
from orchestrator.guard.rules.vanished import AwsObserver, find_vanished
from orchestrator.guard.trust.waiver_policy import WaiverPolicy
from orchestrator.guard.trust.waivers import UNWAIVABLE
from orchestrator.guard.trust.weakening import Weakening
from orchestrator.terraform.model import PlanRecord, ResourceChange

if TYPE_CHECKING:
    from orchestrator.guard.checkov.runner import CheckOutcomes, Engine


LOSS_POLICIES = frozenset({"weakened", "hidden_replace"})
"""Policies whose objection means that something protected may be lost, so that the finding says what."""


class Judge:
    """Judges plans; may be called from many threads.

    Args:
        policies: what is judged by.
        waiver_policy: what waivers allow; by default nothing.
        weakened: what the change takes away from its own judge: a finding on every unit.
        states: names of all state buckets: no resource may reach into one.
        outside: tells what states, ledger and AWS have, with which plans are compared; None in tests of plans alone.
    """

    def __init__(
        self,
        policies: Policies,
        waiver_policy: WaiverPolicy | None = None,
        weakened: Sequence[Weakening] = (),
        *,
        states: frozenset[str] = frozenset(),
        outside: AwsObserver | None = None,
    ) -> None:
        self._states = states
        self._outside = outside
        self.policies = policies
        self.waiver_policy = waiver_policy if waiver_policy is not None else WaiverPolicy()
        self.weakened = tuple(weakened)
        self._warming = threading.Lock()
        self._engine: Engine | None = None
        self._canary_failures: tuple[str, ...] = ()

    def load_checks(self) -> Engine:
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
                self._canary_failures = canary_failures(engine, self.policies.protected)
                self._engine = engine
            return self._engine

    def canary(self) -> tuple[str, ...]:
        """What the canary got past, one line each; empty when the policies hold. Warms.

        Raises:
            CatalogueError: as `warm`.
        """
        self.load_checks()
        return self._canary_failures

    def load_checks_in_background(self) -> threading.Thread:
        """Start ``warm`` in a thread, so that checkov is imported while Terraform works; join it before the end.

        A check that cannot be loaded is no error there: ``judge`` raises it, where somebody waits for it.
        """
        thread = threading.Thread(target=self._warm_quietly, name="warm-guard")
        thread.start()
        return thread

    def _warm_quietly(self) -> None:
        with suppress(CatalogueError):
            self.load_checks()

    def unreadable(self, unit: Unit, error: Exception) -> Finding:
        """The finding about a plan that another reader than the guard's could not read."""
        return FindingBuilder(unit, self.policies.root, self.policies.protected).unreadable(str(error))

    def judge(self, unit: Unit, plan: PlanRecord, *, destroy: bool = False, more: Sequence[Finding] = ()) -> Verdict:
        """The verdict over one plan, with what waivers allow.

        A plan that Terraform itself called empty has no findings of its own.

        Args:
            unit: the unit that the plan is of.
            plan: the plan; judged is its JSON, and what ``plan`` says only makes the verdict stricter.
            destroy: the plan destroys the whole unit, so that everything in its state goes, also what a plan that
                ended at the first ``prevent_destroy`` does not name.
            more: what else was found about the unit: waivers are applied to it too. A finding that is not handed in
                here, nor to ``waiver_policy.allow`` before, makes its waiver one for nothing.

        Raises:
            CatalogueError: a check cannot be loaded; nothing is judged without all of them.
        """
        builder = FindingBuilder(unit, self.policies.root, self.policies.protected)
        findings, checks, errored = self._found(unit, plan, builder, destroy=destroy)
        findings += more
        findings += [builder.policy_weakened(each.subject, each.what, each.where) for each in self.weakened]
        allowed = self.waiver_policy.apply(findings, plan.file)
        if errored and not any(each.rule == PROTECTED and each.severity is Severity.BLOCK for each in allowed):
            allowed = (*allowed, builder.errored_plan())  # a waiver allows a loss, not a plan that is not whole
        if not errored and not any(each.rule in UNWAIVABLE for each in allowed):
            # where the guard itself did not work, nobody can tell whether a waiver is for nothing
            allowed = (*allowed, *self.waiver_policy.unused(unit.id))
        return Verdict(unit=unit.id, findings=allowed, checks=checks)

    def _found(
        self, unit: Unit, plan: PlanRecord, builder: FindingBuilder, *, destroy: bool
    ) -> tuple[list[Finding], tuple[str, ...], bool]:
        """Every objection, the checks that ran, and whether Terraform ended the plan with an error."""
        if plan.json_file is None:
            return ([] if plan.empty else [builder.unreadable("there is no JSON of it")]), (), False
        try:
            document = read_document(plan.json_file)
        except UnreadableError as error:
            return [builder.unreadable(str(error))], (), False
        findings, checks = self._judged(unit, plan, document, destroy=destroy)
        return findings, checks, document.errored

    def _judged(
        self, unit: Unit, plan: PlanRecord, document: PlanDocument, *, destroy: bool
    ) -> tuple[list[Finding], tuple[str, ...]]:
        engine = self.load_checks()
        changes = changed_resources(document)
        builder = FindingBuilder(unit, self.policies.root, self.policies.protected, changes)
        if self._canary_failures:
            return [builder.canary(self._canary_failures)], ()
        lost = protected_losses(document, plan.changes, self.policies.protected)
        unnamed = unlisted_losses(document, self.policies.protected) if destroy else ()
        findings = [builder.loss(change) for change in (*lost.values(), *unnamed)]
        findings += self._faults(document, builder)
        findings += [builder.state_access(*each) for each in state_bucket_access(document.changes, self._states)]
        findings += self._templates(unit, changes, builder)
        if self._outside is not None:
            findings += find_vanished(unit, document, self.policies.protected, self._outside, builder)
        checks: tuple[str, ...] = ()
        try:
            answers = engine.run(annotated_resources(document, self.policies.protected))
        except Exception as error:  # noqa: BLE001 - whatever goes wrong in checkov, the plan was not judged
            why = f"checkov failed with {type(error).__name__}"
            findings.append(builder.check_failed(PROTECTED, "", why, policy="protected"))
        else:
            by_label = {label(change): change for change in changes}
            findings += _objections(engine, answers, by_label, builder, frozenset(lost))
            findings += _gaps(engine, answers, builder)
            checks = _proven(answers)
        return findings, checks

    def _templates(self, unit: Unit, changes: Sequence[ResourceChange], builder: FindingBuilder) -> list[Finding]:
        """What is lost inside of CloudFormation stacks."""
        try:
            return list(template_findings(unit, changes, self.policies.protected, self.policies.root))
        except Exception as error:  # noqa: BLE001 - a template that nobody thought of was not judged
            return [builder.unreadable(f"a template could not be compared: {type(error).__name__}")]

    def _faults(self, document: PlanDocument, builder: FindingBuilder) -> Iterator[Finding]:
        for fault in document.faults:
            yield builder.unreadable(fault.what, address=fault.address)
        types = {each.address: each.type for each in document.changes}
        types |= {each.address: each.type for each in document.prior}
        for fault in state_mismatches(document, self.policies.protected):
            entry = self.policies.protected.types[types[fault.address]]
            yield builder.unreadable(fault.what, address=fault.address, lost=entry.lost)


def _objections(
    engine: Engine,
    answers: CheckOutcomes,
    changes: dict[str, ResourceChange],
    builder: FindingBuilder,
    lost: frozenset[str],
) -> Iterator[Finding]:
    """What the checks object to; the check on protected resources is compared with the guard's own rule."""
    stopped = {each.address for each in answers.given if each.check == PROTECTED and not each.passed}
    for address in sorted(stopped ^ (lost & changes.keys())):
        yield builder.disagreement(address)
    for each in answers.given:
        if each.passed or (each.check == PROTECTED and each.address in lost):
            continue
        change = changes[each.address]
        if each.check == PROTECTED:
            yield builder.loss(change)
            continue
        check = engine.checks[each.check]
        companion = builder.protected.companion_of(change.type)
        entry = builder.protected.get(change.type) or (companion[0] if companion else None)
        yield builder.violation(
            each.check,
            change,
            name=check.name,
            hint=check.guideline,
            details=each.details,
            lost=entry.lost if entry is not None and check.policy in LOSS_POLICIES else "",
        )


def _gaps(engine: Engine, answers: CheckOutcomes, builder: FindingBuilder) -> Iterator[Finding]:
    for (check, address), why in answers.missing.items():
        yield builder.check_failed(check, address, why, policy=engine.checks[check].policy)


def _proven(answers: CheckOutcomes) -> tuple[str, ...]:
    """Checks that answered, and about everything that they had to."""
    gaps = {check for check, _ in answers.missing}
    return tuple(sorted({each.check for each in answers.given} - gaps))
