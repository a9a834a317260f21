"""Decides whether a plan may be applied. Whatever is not proven to be safe is blocked."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass

from orchestrator.config.catalogue import Unit
from orchestrator.errors import CatalogueError, Location, OrchError, Problem
from orchestrator.guard.canary import canary_failures
from orchestrator.guard.checkov.annotate import annotated_resources, changed_resources, label
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.checkov.outcomes import CheckOutcomes
from orchestrator.guard.findings import PROTECTED, FindingBuilder
from orchestrator.guard.model import Finding, Severity, Verdict
from orchestrator.guard.plan.entries import UnreadableError
from orchestrator.guard.plan.reader import PlanDocument, read_document
from orchestrator.guard.rules.configuration import configuration_differences
from orchestrator.guard.rules.disposable import with_losses_allowed
from orchestrator.guard.rules.imported import imported_elsewhere
from orchestrator.guard.rules.new_owners import references_of
from orchestrator.guard.rules.protected import kept_resources, protected_losses, state_mismatches, unlisted_losses
from orchestrator.guard.rules.state_buckets import state_bucket_access
from orchestrator.guard.rules.undecided import DECIDED, Undecided
from orchestrator.guard.rules.vanished import AwsObserver, find_vanished
from orchestrator.guard.trust.disposable import DisposableStages
from orchestrator.guard.trust.waiver_policy import WaiverPolicy
from orchestrator.guard.trust.waivers import UNWAIVABLE
from orchestrator.guard.trust.weakening import Weakening
from orchestrator.hcl.modules.entries import ConfigurationEntry
from orchestrator.terraform.model import PlanRecord, ResourceChange

HIDDEN_REPLACE_POLICY = "hidden_replace"
"""The policy about updates that cannot be made in place."""

LOSS_POLICIES = frozenset({"weakened", HIDDEN_REPLACE_POLICY})
"""Policies whose violation may lose protected data, so that the finding says what."""


@dataclass(frozen=True, slots=True)
class _RanChecks:
    """Ids of checks: those that gave an outcome for everything in their scope, and those that have something in it."""

    complete: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()

    @classmethod
    def of(cls, outcomes: CheckOutcomes) -> _RanChecks:
        """Return the checks that ran."""
        incomplete = {check for check, _ in outcomes.missing}
        given = {each.check for each in outcomes.given}
        return cls(tuple(sorted(given - incomplete)), tuple(sorted(given | incomplete)))


class Judge:
    """Judges plans. Safe to use from several threads.

    Args:
        checks: the checks of the policies to judge by. Whoever opened them closes them.
        waiver_policy: what waivers allow; by default nothing.
        weakened: how the change weakens its own policies: a finding on every unit.
        states: names of all state buckets; no resource may access one.
        outside: tells what exists in the states, the ledger and AWS, to compare plans with; None: nothing is compared.
        disposable: the stages that may lose everything; without ``outside`` nothing is known to be theirs.
    """

    def __init__(
        self,
        checks: Checks,
        waiver_policy: WaiverPolicy | None = None,
        weakened: Sequence[Weakening] = (),
        *,
        states: frozenset[str] = frozenset(),
        outside: AwsObserver | None = None,
        disposable: DisposableStages | None = None,
    ) -> None:
        self._states = states
        self._outside = outside
        self.disposable = disposable if disposable is not None else DisposableStages()
        self.policies = checks.policies
        self.waiver_policy = waiver_policy if waiver_policy is not None else WaiverPolicy()
        self.weakened = tuple(weakened)
        self._loading = threading.Lock()
        self._checks = checks
        self._loaded = False
        self._canary_failures: tuple[str, ...] = ()

    def load_checks(self) -> Checks:
        """Load the checks and run the canary, once; later calls return at once.

        The canary (``canary.py``) runs before the first verdict of a run. A run in which nothing changes has no
        verdict, because Terraform itself reports each plan as empty, so it does not wait for the checks.

        Raises:
            CatalogueError: a check cannot be loaded, or the check on protected resources is missing.
            SetupError: the process of the checks cannot be started.
        """
        with self._loading:
            if not self._loaded:
                self._checks.load()
                if PROTECTED not in self._checks.by_id:
                    problem = Problem(Location("policies"), f"no policy has the check {PROTECTED}")
                    raise CatalogueError([problem])
                self._canary_failures = canary_failures(self._checks, self.policies.protected)
                self._loaded = True
            return self._checks

    def canary(self) -> tuple[str, ...]:
        """Return what the policies fail to stop in the canary, one line each. Loads the checks first.

        Raises:
            CatalogueError: as for ``load_checks``.
            SetupError: as for ``load_checks``.
        """
        self.load_checks()
        return self._canary_failures

    def load_checks_in_background(self) -> threading.Thread:
        """Load the checks and run the canary in a thread, while Terraform works.

        What cannot be loaded raises no error there, but in the first ``judge``.
        """
        thread = threading.Thread(target=self._load_quietly, name="load-checks")
        thread.start()
        return thread

    def _load_quietly(self) -> None:
        with suppress(OrchError):
            self.load_checks()

    def unreadable(self, unit: Unit, error: Exception) -> Finding:
        """Return the finding about a plan that the report's reader cannot read."""
        return FindingBuilder(unit, self.policies.root, self.policies.protected).unreadable(str(error))

    def judge(
        self,
        unit: Unit,
        plan: PlanRecord,
        *,
        destroy: bool = False,
        more: Sequence[Finding] = (),
        scanned: frozenset[ConfigurationEntry] | None = None,
        undecided: Undecided = DECIDED,
    ) -> Verdict:
        """Judge one plan and apply the waivers. A plan that Terraform reports as empty has no findings of its own.

        Args:
            unit: the unit that the plan belongs to.
            plan: the plan. Its JSON is judged; what ``plan`` itself says can only make the verdict stricter.
            destroy: the plan destroys the whole unit, so everything in its state is lost, including what a plan that
                stopped at the first ``prevent_destroy`` does not list.
            more: other findings about the unit, to which waivers apply too. Pass every one of them, here or to
                ``waiver_policy.apply``: otherwise its waiver counts as unused.
            scanned: what orch read in the files of the configuration; the plan must have been made from the same. None
                compares nothing, for a plan that is never applied.
            undecided: of a preview: the values that other units decide. Objections to them only warn.

        Raises:
            CatalogueError: a check cannot be loaded; nothing is judged without all of them.
            SetupError: the process of the checks cannot be started.
        """
        builder = FindingBuilder(unit, self.policies.root, self.policies.protected)
        findings, ran, document = self._find(unit, plan, builder, destroy=destroy, scanned=scanned, undecided=undecided)
        errored = document is not None and document.errored
        findings += more
        findings += [builder.policy_weakened(each.subject, each.what, each.where) for each in self.weakened]
        applied = self.waiver_policy.apply(findings, plan.file)
        if document is not None:
            applied = self._dispose(unit, applied, [*plan.changes, *document.changes])
        if errored and not any(each.rule == PROTECTED and each.severity is Severity.BLOCK for each in applied):
            applied = (*applied, builder.errored_plan())  # a waiver allows a loss, not an incomplete plan
        if not errored and not any(each.rule in UNWAIVABLE for each in applied):
            # if the guard itself failed, unused waivers cannot be told apart from needed ones
            applied = (*applied, *self.waiver_policy.unused(unit.id))
        return Verdict(unit=unit.id, findings=applied, checks=ran.complete, expected=ran.expected)

    def _find(
        self,
        unit: Unit,
        plan: PlanRecord,
        builder: FindingBuilder,
        *,
        destroy: bool,
        scanned: frozenset[ConfigurationEntry] | None,
        undecided: Undecided,
    ) -> tuple[list[Finding], _RanChecks, PlanDocument | None]:
        """Return the findings, the checks that ran, and the plan as the guard reads it; None if it cannot be read."""
        if plan.json_file is None:
            return ([] if plan.empty else [builder.unreadable("its JSON is missing")]), _RanChecks(), None
        try:
            document = read_document(plan.json_file, self.policies.protected.companion_types)
        except UnreadableError as error:
            return [builder.unreadable(str(error))], _RanChecks(), None
        findings, ran = self._judge_document(unit, plan, document, undecided, destroy=destroy)
        if scanned is not None:
            different = configuration_differences(document.configuration, scanned)
            findings += [builder.misread(fault.address, fault.what) for fault in different]
        return findings, ran, document

    def _dispose(
        self, unit: Unit, findings: tuple[Finding, ...], changes: Sequence[ResourceChange]
    ) -> tuple[Finding, ...]:
        """Return the findings, with those about what a disposable stage loses of its own allowed."""
        permission = self.disposable.permission(unit)
        if not permission or self._outside is None or not any(each.severity is Severity.BLOCK for each in findings):
            return findings
        return with_losses_allowed(
            findings,
            changes,
            self.policies.protected,
            own_addresses={
                *self._outside.state_addresses(unit),
                *(each.address for each in self._outside.ledger_resources(unit)),
            },
            stage=self._outside.stage_resources(unit),
            one_place=not unit.providers,
            permission=permission,
        )

    def _judge_document(
        self, unit: Unit, plan: PlanRecord, document: PlanDocument, undecided: Undecided, *, destroy: bool
    ) -> tuple[list[Finding], _RanChecks]:
        checks = self.load_checks()
        changes = changed_resources(document)
        builder = FindingBuilder(unit, self.policies.root, self.policies.protected, changes)
        if self._canary_failures:
            return [builder.canary(self._canary_failures)], _RanChecks(expected=tuple(sorted(checks.by_id)))
        lost = protected_losses(document, plan.changes, self.policies.protected)
        unlisted = unlisted_losses(document, self.policies.protected) if destroy else ()
        findings = [builder.loss(change) for change in (*lost.values(), *unlisted)]
        findings += [builder.kept(change) for change in kept_resources(document, self.policies.protected)]
        findings += self._faults(document, builder, partial=bool(self.disposable.permission(unit)))
        findings += [
            undecided.postponed(builder.state_access(change, why), change.address, [why])
            for change, why in state_bucket_access(document.changes, self._states, builder.locator.declared)
        ]
        findings += _templates(changes, builder, undecided)
        if self._outside is not None:
            findings += find_vanished(unit, document, self.policies.protected, self._outside, builder)
            findings += imported_elsewhere(unit, plan.changes, self._outside, builder)
        ran = _RanChecks(expected=tuple(sorted(checks.by_id)))
        try:
            refers = references_of(builder.locator.declared)
            one = not unit.providers
            outcomes = checks.run(annotated_resources(document, self.policies.protected, refers, one_place=one))
        except Exception as error:  # noqa: BLE001 - whatever fails here, the plan was not judged
            why = f"checkov failed with {type(error).__name__}"
            findings.append(builder.check_failed(PROTECTED, "", why, policy="protected"))
        else:
            by_label = {label(change): change for change in changes}
            findings += _violations(checks, outcomes, by_label, builder, lost=frozenset(lost), undecided=undecided)
            findings += _missing_outcomes(checks, outcomes, builder)
            ran = _RanChecks.of(outcomes)
        return findings, ran

    def _faults(self, document: PlanDocument, builder: FindingBuilder, *, partial: bool) -> Iterator[Finding]:
        """Yield the contradictions. ``partial``: the plan may leave out what is in the state, as with ``-target``."""
        for fault in document.faults:
            yield builder.unreadable(fault.what, address=fault.address)
        if partial:
            return
        for fault in state_mismatches(document, self.policies.protected):
            entry = self.policies.protected.get(fault.protected_type)
            yield builder.unreadable(fault.what, address=fault.address, lost=entry.lost if entry else "")


def _templates(changes: Sequence[ResourceChange], builder: FindingBuilder, undecided: Undecided) -> list[Finding]:
    """Report what CloudFormation stacks would lose."""
    try:
        return undecided.templates(changes, builder)
    except Exception as error:  # noqa: BLE001 - an unexpected template was not judged
        return [builder.unreadable(f"a CloudFormation template cannot be compared: {type(error).__name__}")]


def _violations(
    checks: Checks,
    outcomes: CheckOutcomes,
    changes: dict[str, ResourceChange],
    builder: FindingBuilder,
    *,
    lost: frozenset[str],
    undecided: Undecided,
) -> Iterator[Finding]:
    """Report failed checks, and where the check on protected resources disagrees with the built-in rule."""
    failed = {each.address for each in outcomes.given if each.check == PROTECTED and not each.passed}
    for address in sorted(failed ^ (lost & changes.keys())):
        yield builder.disagreement(address)
    for each in outcomes.given:
        if each.passed or (each.check == PROTECTED and each.address in lost):
            continue
        change = changes[each.address]
        if each.check == PROTECTED:
            yield builder.loss(change)
            continue
        check = checks.by_id[each.check]
        found = builder.violation(
            each.check,
            change,
            name=check.name,
            hint=check.guideline,
            details=each.details,
            guards_data=check.policy in LOSS_POLICIES,
        )
        yield undecided.postponed(found, change.address, each.details)


def _missing_outcomes(checks: Checks, outcomes: CheckOutcomes, builder: FindingBuilder) -> Iterator[Finding]:
    for (check, address), why in outcomes.missing.items():
        yield builder.check_failed(check, address, why, policy=checks.by_id[check].policy)
