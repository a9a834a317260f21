"""Plans every unit of a run: `orch plan`, and the first half of apply and destroy."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import replace

from orchestrator.aws.backup.count import has_contents
from orchestrator.aws.backup.locate import ResourceLocation
from orchestrator.aws.identity.roles import role_for
from orchestrator.config.catalogue import Unit
from orchestrator.errors import SetupError
from orchestrator.guard.rules.deletion_protection import refusals
from orchestrator.report.model import Notice, Status
from orchestrator.report.values.changes import unplanned_deletes
from orchestrator.run.context import RunContext
from orchestrator.run.executor.interface import Executor
from orchestrator.run.executor.local import THREADS
from orchestrator.run.loop import LoopSpec, run_units
from orchestrator.run.unit.lock_holders import refuse_locked
from orchestrator.run.unit.planned import Planned, plan_fields
from orchestrator.run.unit.reports import unit_report, worker_field
from orchestrator.run.unit.upstreams import Upstreams, UpstreamValues
from orchestrator.terraform.model import Action, PlanRecord, StateRecord

NEW = "new: planned when its upstreams are applied"
"""Why a unit without a state is not previewed when nobody reads the preview (``--yes``)."""

_ADVICE = "switch it off in the configuration and apply that first"
_MAY_LOOK = "the plan role needs s3:ListBucketVersions and ecr:ListImages (orch bootstrap updates it)"
_EMPTY_ONLY = {"aws_s3_bucket": ("bucket", "force_destroy"), "aws_ecr_repository": ("name", "force_delete")}
"""Type -> the attribute with its name in AWS, and the one without which AWS deletes it only when it is empty."""


def plan_units(
    context: RunContext, *, executor: Executor = THREADS, preview_new: bool = True, applies: bool = False
) -> Mapping[str, Planned]:
    """Plan every unit of the run, each against what its upstreams' plans say their outputs will be.

    Args:
        context: the run.
        executor: plans a unit.
        preview_new: preview also units that have no state and whose upstreams have pending changes. Such a plan can
            delete or replace nothing, so when nobody reads the preview (``--yes``) making it only costs time.
        applies: the plans are applied next, so a unit whose state is locked is not planned.

    Returns:
        Every unit's plan or preview in graph order, after the accounts and former units that block the run.
    """
    upstreams = Upstreams(context.catalogue, context.aws.states)

    def work(unit: Unit, ended: Mapping[str, Planned]) -> Planned:
        if applies:
            _refuse_if_locked(context, unit)
        values = upstreams.for_preview(unit, ended)
        if values.pending and not preview_new and context.aws.states.read(unit) is None:
            return Planned(unit_report(context, unit, Status.AFTER_UPSTREAMS, preview=True, cause=NEW))
        return executor.plan(context, unit, values)

    step = LoopSpec(
        command="plan",
        work=work,
        record=lambda planned: record_planned(context, planned),
        unblocks_downstreams=lambda planned: planned.may_proceed,
        fail_fast=context.run.options.fail_fast,
        shows_blocked=True,
    )
    return run_units(context, step)


def plan_destroy(context: RunContext, *, executor: Executor = THREADS) -> Mapping[str, Planned]:
    """Plan the destruction of every unit of the run. The graph of the run is the reversed one.

    Args:
        context: the run.
        executor: plans a unit.

    Returns:
        Every unit's plan in the order in which the units would be destroyed.
    """

    def work(unit: Unit, _ended: Mapping[str, Planned]) -> Planned:
        _refuse_if_locked(context, unit)
        state = context.aws.states.read(unit)
        if state is None or not state.addresses:
            return Planned(unit_report(context, unit, Status.UNCHANGED, cause="nothing there"))
        values = Upstreams(context.catalogue, context.aws.states).for_apply(unit)
        planned = executor.plan(context, unit, UpstreamValues(values=values, pending=()), destroy=True)
        return _with_refusals(context, unit, _with_all_losses(planned, state))

    step = LoopSpec(
        command="plan",
        work=work,
        record=lambda planned: record_planned(context, planned),
        unblocks_downstreams=lambda _: True,  # Whatever is wrong with one unit, the report shows all that is wrong.
        shows_blocked=True,
    )
    return run_units(context, step)


def _refuse_if_locked(context: RunContext, unit: Unit) -> None:
    """Refuse a unit whose state was locked when the run began and still is: its plan would be out of date.

    With ``--lock-timeout``, planning it waits instead.

    Raises:
        StateLockedError: the message names the holder and what to do.
        DeniedError, ThrottledError, SetupError: the lock cannot be read.
    """
    if unit.id in context.guard.blocked.locked and not context.run.options.lock_timeout:
        refuse_locked(context, unit)


def _with_all_losses(planned: Planned, state: StateRecord) -> Planned:
    """Return the plan of a destroy whose list has everything in the state, also if Terraform stopped before its end."""
    report = planned.report
    if planned.plan is not None or report.status not in {Status.FAILED, Status.BLOCKED}:
        return planned
    missing = unplanned_deletes(report.changes, state.addresses)
    return replace(planned, report=replace(report, changes=(*report.changes, *missing)))


def _with_refusals(context: RunContext, unit: Unit, planned: Planned) -> Planned:
    """Return the plan of a destroy, failed if AWS would refuse a part of it.

    A disposable unit is returned as it is: its protection is switched off before it is destroyed. A blocked plan stays
    blocked, and says both.
    """
    if planned.plan is None or context.guard.judge.disposable.permission(unit):
        return planned
    lines = [*refusals(planned.plan.changes), *_not_empty(context, unit, planned.plan)]
    if not lines:
        return planned
    report = planned.report
    refused = f"AWS would refuse to delete it: {'; '.join(lines)}"
    if planned.may_proceed:
        report = replace(report, status=Status.FAILED, cause=f"{refused} — {_ADVICE}")
    else:
        report = replace(report, cause=f"{report.cause}; {refused}" if report.cause else refused)
    return replace(planned, report=report)


def _not_empty(context: RunContext, unit: Unit, plan: PlanRecord) -> Iterator[str]:
    """Yield the resources that AWS deletes only when they are empty, and that are not. Says where nobody can tell."""
    role = role_for(unit, write=False)
    for change in plan.changes:
        named_by, forced_by = _EMPTY_ONLY.get(change.type, ("", ""))
        before = change.before or {}
        name = before.get(named_by)
        if change.action is not Action.DELETE or not isinstance(name, str) or before.get(forced_by):
            continue
        found = ResourceLocation(change.type, name, unit.account, str(before.get("region") or unit.region))
        address, filled = change.address.removeprefix("module.this."), has_contents(context.aws.identities, role, found)
        if filled is None:
            text = f"cannot tell whether {address} is empty, and AWS does not delete it unless it is: {_MAY_LOOK}"
            context.run.sink(Notice(text=text, unit=unit.id))
        elif filled:
            yield f"{address} is not empty and has {forced_by} = False"


def record_planned(context: RunContext, planned: Planned) -> None:
    """Write a unit's plan to the journal, with the hashes that a resumed run verifies.

    Raises:
        SetupError: the disk does not take it.
    """
    unit = context.unit(planned.report.unit)
    try:
        fields = plan_fields(planned)
    except OSError as error:
        message = f"cannot save the plan of {unit.id}: {error.strerror}"
        raise SetupError(message, hint="make room on the disk") from error
    context.run.journal.write("planned", unit=unit.id, **fields, **worker_field(planned.report))
