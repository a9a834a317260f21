"""Judges changes made outside Terraform: protection switched off by hand, and protected resources that are gone.

Terraform reports them in a plan's ``resource_drift``. The policies judge them like planned changes, with messages in
the past tense: this has happened, and the question is how to repair it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

from orchestrator.config.catalogue import Unit
from orchestrator.guard.checkov.annotate import annotated_resources, label
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.checkov.outcomes import CheckOutcomes
from orchestrator.guard.findings import PROTECTED, VANISHED, FindingBuilder, finding_id, short
from orchestrator.guard.judge import HIDDEN_REPLACE_POLICY, LOSS_POLICIES, Judge
from orchestrator.guard.model import Finding, Verdict
from orchestrator.guard.plan.entries import UnreadableError
from orchestrator.guard.plan.reader import PlanDocument, read_document
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.siblings import SIBLING_TYPES, without_siblings_changes
from orchestrator.terraform.model import Action, PlanRecord, ResourceChange

_RESTORE = "restore it and import it with `imports`: an apply would create a new, empty one"
_REAPPLY = "undo the manual change: orch apply {unit} restores the configured value"


def judge_drift(
    judge: Judge, unit: Unit, plan: PlanRecord, *, more: Sequence[Finding] = ()
) -> tuple[Verdict, tuple[ResourceChange, ...]]:
    """Judge what a refresh-only plan found changed outside Terraform; also return these changes.

    Args:
        judge: has the policies and waivers of the run.
        unit: the unit that the plan belongs to.
        plan: a refresh-only plan, with its JSON.
        more: other findings about the unit, for the report.

    Raises:
        CatalogueError: a check cannot be loaded.
        SetupError: the process of the checks cannot be started.
    """
    policies = judge.policies
    builder = FindingBuilder(unit, policies.root, policies.protected)
    checks: tuple[str, ...] = ()
    found: list[Finding] = []
    drift = changed_outside(plan.drift)
    if plan.json_file is not None:
        try:
            document = read_document(plan.json_file, current=SIBLING_TYPES)
        except UnreadableError as error:
            found.append(builder.unreadable(str(error)))
        else:
            drift = changed_outside(without_siblings_changes(plan.drift, document))
            found, checks = _judge_document(judge, builder, document)
    return Verdict(unit=unit.id, findings=judge.waiver_policy.apply([*found, *more]), checks=checks), drift


def _judge_document(
    judge: Judge, builder: FindingBuilder, document: PlanDocument
) -> tuple[list[Finding], tuple[str, ...]]:
    checks = judge.load_checks()
    failures = judge.canary()
    if failures:
        return [builder.canary(failures)], ()
    protected = judge.policies.protected
    drift = {label(each): each for each in changed_outside(without_siblings_changes(document.drift, document))}
    found = [_vanished(builder, each, protected) for each in drift.values() if _is_gone(each, protected)]
    try:
        drifted = replace(document, changes=tuple(drift.values()))
        outcomes = checks.run(annotated_resources(drifted, protected, one_place=not builder.unit.providers))
    except Exception as error:  # noqa: BLE001 - whatever fails here, the drift was not judged
        why = f"checkov failed with {type(error).__name__}"
        found.append(builder.check_failed(PROTECTED, "", why, policy="protected"))
        return found, ()
    found += _violations(checks, outcomes, drift, builder)
    if document.errored:
        found.append(builder.errored_plan())
    return found, tuple(sorted({each.check for each in outcomes.given}))


def changed_outside(drift: Iterable[ResourceChange]) -> tuple[ResourceChange, ...]:
    """Return the real changes. An attribute that was never set and is read back as empty is no change."""
    found = (_without_empties(each) for each in drift if each.action not in {Action.NOOP, Action.READ})
    return tuple(each for each in found if each.action is not Action.UPDATE or each.before != each.after)


def _without_empties(change: ResourceChange) -> ResourceChange:
    before, after = change.before, change.after
    if before is None or after is None:
        return change
    same = {key for key in before.keys() | after.keys() if _filled(before.get(key)) == _filled(after.get(key))}
    changed = {key: value for key, value in after.items() if key not in same}
    return replace(change, after={**changed, **{key: before[key] for key in same if key in before}})


def _filled(value: Any) -> Any:
    """Return a value without its empty parts. False is one: providers read back an unset argument as false."""
    if isinstance(value, Mapping):
        value = {key: each for key, each in ((key, _filled(each)) for key, each in value.items()) if each is not None}
    elif isinstance(value, list):
        value = [each for each in map(_filled, value) if each is not None]
    return None if value is False or value in ({}, [], "") else value


def _is_gone(change: ResourceChange, protected: Protected) -> bool:
    return change.type in protected and (
        change.action.destructive or (change.before is not None and change.after is None)
    )


def _vanished(builder: FindingBuilder, change: ResourceChange, protected: Protected) -> Finding:
    address = label(change)
    return Finding(
        id=finding_id(VANISHED, builder.unit.id, address, Action.DELETE.value),
        rule=VANISHED,
        unit=builder.unit.id,
        address=address,
        action=Action.DELETE.value,
        cause="it is in the state, but AWS no longer has it or does not show it to the plan role",
        message=f"{short(change)} no longer exists",
        hint=_RESTORE,
        lost=entry.lost if (entry := protected.get(change.type)) is not None else "",
        where=builder.unit.at,
    )


def _violations(
    checks: Checks, outcomes: CheckOutcomes, drift: dict[str, ResourceChange], builder: FindingBuilder
) -> Iterator[Finding]:
    for each in outcomes.given:
        check = checks.by_id[each.check]
        if each.passed or each.check == PROTECTED:  # `_vanished` reports what is gone
            continue
        if check.policy == HIDDEN_REPLACE_POLICY:  # What happened was possible: it replaced nothing.
            continue
        yield builder.violation(
            each.check,
            drift[each.address],
            name=_past_tense(check.name),
            hint=_REAPPLY.format(unit=builder.unit.id),
            details=[_past_tense(text) for text in each.details],
            guards_data=check.policy in LOSS_POLICIES,
        )
    for (name, address), why in outcomes.missing.items():
        yield builder.check_failed(name, address, why, policy=checks.by_id[name].policy)


def _past_tense(text: str) -> str:
    """Turn a check's words about a plan into words about what has happened."""
    for would, did in (("would change", "changed"), ("would become", "became"), ("would be", "was")):
        text = text.replace(would, did)
    return text
