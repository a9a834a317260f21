"""What changed outside of Terraform, judged: protection that was switched off by hand, and what is gone.

Terraform tells of it in a plan's ``resource_drift``. The same policies look at it as at changes of a plan, with other
words: this has happened already, and the question is how to mend it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from orchestrator.config.catalogue import Unit
from orchestrator.guard.checkov.annotate import annotated_resources, label
from orchestrator.guard.findings import PROTECTED, VANISHED, FindingBuilder, finding_id
from orchestrator.guard.judge import LOSS_POLICIES, Judge
from orchestrator.guard.model import Finding, Verdict
from orchestrator.guard.plan.entries import UnreadableError
from orchestrator.guard.plan.reader import PlanDocument, read_document
from orchestrator.guard.policies.protected import Protected
from orchestrator.terraform.model import Action, PlanRecord, ResourceChange

if TYPE_CHECKING:
    from orchestrator.guard.checkov.runner import CheckOutcomes, Engine

_GONE = "find out who deleted it; bring it back and take it over with `imports`: an apply would make a new, empty one"
_BACK = "put back what was changed by hand: orch apply {unit} sets what its configuration says"


def judge_drift(judge: Judge, unit: Unit, plan: PlanRecord, *, more: Sequence[Finding] = ()) -> Verdict:
    """The verdict over what a refresh-only plan found changed outside.

    Args:
        judge: has the policies and the waivers of the run.
        unit: the unit that the plan is of.
        plan: a refresh-only plan, with its JSON.
        more: what else was found about the unit, for the report.

    Raises:
        CatalogueError: a check cannot be loaded.
    """
    policies = judge.policies
    builder = FindingBuilder(unit, policies.root, policies.protected)
    checks: tuple[str, ...] = ()
    found: list[Finding] = []
    if plan.json_file is not None:
        try:
            document = read_document(plan.json_file)
        except UnreadableError as error:
            found.append(builder.unreadable(str(error)))
        else:
            found, checks = _found(judge, builder, document)
    return Verdict(unit=unit.id, findings=judge.waiver_policy.apply([*found, *more]), checks=checks)


def _found(judge: Judge, builder: FindingBuilder, document: PlanDocument) -> tuple[list[Finding], tuple[str, ...]]:
    engine = judge.load_checks()
    escaped = judge.canary()
    if escaped:
        return [builder.canary(escaped)], ()
    protected = judge.policies.protected
    drift = {label(each): each for each in changed_outside(document.drift)}
    found = [_vanished(builder, each, protected) for each in drift.values() if _is_gone(each, protected)]
    try:
        answers = engine.run(annotated_resources(replace(document, changes=tuple(drift.values())), protected))
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in checkov, the drift was not judged
        found.append(
            builder.check_failed(PROTECTED, "", f"checkov failed with {type(error).__name__}", policy="protected")
        )
        return found, ()
    found += _objections(engine, answers, drift, builder)
    if document.errored:
        found.append(builder.errored_plan())
    return found, tuple(sorted({each.check for each in answers.given}))


def changed_outside(drift: Iterable[ResourceChange]) -> tuple[ResourceChange, ...]:
    """What really changed: providers read an attribute that was never set back as empty, which is no change."""
    found = (_without_empties(each) for each in drift if each.action not in {Action.NOOP, Action.READ})
    return tuple(each for each in found if each.action is not Action.UPDATE or each.before != each.after)


def _without_empties(change: ResourceChange) -> ResourceChange:
    before, after = change.before, change.after
    if before is None or after is None:
        return change
    same = {key for key in before.keys() | after.keys() if _filled(before.get(key)) == _filled(after.get(key))}
    kept = {key: value for key, value in after.items() if key not in same}
    return replace(change, after={**kept, **{key: before[key] for key in same if key in before}})


def _filled(value: Any) -> Any:
    """A value without what is empty in it."""
    if isinstance(value, Mapping):
        value = {key: each for key, each in ((key, _filled(each)) for key, each in value.items()) if each is not None}
    elif isinstance(value, list):
        value = [each for each in map(_filled, value) if each is not None]
    return None if value in ({}, [], "") else value


def _is_gone(change: ResourceChange, protected: Protected) -> bool:
    return change.type in protected and (change.action.destructive or (change.before is not None and not change.after))


def _vanished(builder: FindingBuilder, change: ResourceChange, protected: Protected) -> Finding:
    lost = protected.types[change.type].lost
    address = label(change)
    return Finding(
        id=finding_id(VANISHED, builder.unit.id, address, Action.DELETE.value),
        rule=VANISHED,
        unit=builder.unit.id,
        address=address,
        action=Action.DELETE.value,
        cause="it is in the state, and AWS does not have it any more, or does not show it to the plan role",
        message=f"{address} is gone: this loses {lost}",
        hint=_GONE,
        lost=lost,
        where=builder.unit.at,
    )


def _objections(
    engine: Engine, answers: CheckOutcomes, drift: dict[str, ResourceChange], builder: FindingBuilder
) -> Iterator[Finding]:
    for each in answers.given:
        if each.passed or each.check == PROTECTED:  # what is gone has its own words
            continue
        change, check = drift[each.address], engine.checks[each.check]
        companion = builder.protected.companion_of(change.type)
        entry = builder.protected.get(change.type) or (companion[0] if companion else None)
        finding = builder.violation(
            each.check,
            change,
            name=check.name.replace("would be", "was"),
            hint=_BACK.format(unit=builder.unit.id),
            details=[_happened(text) for text in each.details],
            lost=entry.lost if entry is not None and check.policy in LOSS_POLICIES else "",
        )
        yield finding
    for (name, address), why in answers.missing.items():
        yield builder.check_failed(name, address, why, policy=engine.checks[name].policy)


def _happened(text: str) -> str:
    """A check's words about what a plan would do, about what has happened."""
    return text.replace("would go", "went").replace("would become", "became").replace("would be", "was")
