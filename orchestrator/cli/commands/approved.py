"""Plans that travel: ``orch plan --store`` and ``--out`` keep them, ``orch apply --approved`` applies them."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from orchestrator.cli.approve import apply_planned
from orchestrator.cli.context import Common
from orchestrator.cli.options import check_choice
from orchestrator.config.catalogue import Unit
from orchestrator.errors import UsageError
from orchestrator.report.text import moment_text
from orchestrator.run.approved.approve import Decision, How
from orchestrator.run.approved.decide import Deciding
from orchestrator.run.approved.gate import approved_plans, gated
from orchestrator.run.approved.places import S3, PlanPlace, place_of
from orchestrator.run.approved.store import store_plans
from orchestrator.run.plan import plan_units, record_planned
from orchestrator.run.request import RunOptions
from orchestrator.run.session import Session
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.upstreams import Upstreams, UpstreamValues
from orchestrator.util.plural import plural


def place_to_keep(store: str | None, out: str | None, options: RunOptions) -> PlanPlace | None:
    """Return where ``orch plan`` keeps its plans; None: only in its run.

    Raises:
        UsageError: the options exclude each other.
    """
    if store is None and out is None:
        return None
    if store is not None and out is not None:
        raise UsageError("--store and --out exclude each other", hint="keep plans in one place")
    if not options.refresh or options.replace:
        option = "--replace" if options.replace else "--no-refresh"
        raise UsageError(f"{option} makes plans that cannot be kept for --approved", hint=f"plan without {option}")
    if store is not None:
        check_choice("--store", store, (S3,))
    return place_of(S3 if store is not None else f"./{out}" if out == S3 else str(out), reads=False)


def keep_plans(
    session: Session, planned: Mapping[str, Planned], place: PlanPlace
) -> tuple[Mapping[str, Planned], tuple[str, ...]]:
    """Keep the plans of a run; return them, those that could not be kept as failed, and a line for the report."""
    after, session.stored = store_plans(session.context, planned, place)
    stored = session.stored
    if not stored.units:
        return after, ()
    command = shlex.join(["orch", "apply", *session.context.run.options.targets, "--approved"])
    where = "" if place.name == S3 else f" {shlex.quote(place.name)}"
    kept = f"{plural(len(stored.units), 'plan')} stored in {place.name}, valid until {moment_text(stored.expires)}"
    return after, (f"{kept} or until their inputs change: `{command}{where}`",)


def approved_place(text: str, options: RunOptions) -> PlanPlace:
    """Return the place that ``--approved`` names.

    Raises:
        UsageError: there is no such folder, or another option asks for other plans.
    """
    if options.replace:
        raise UsageError("--approved and --replace exclude each other", hint="a stored plan is applied as it is")
    return place_of(text, reads=True)


def apply_approved(common: Common, session: Session, place: PlanPlace, *, words: Sequence[str], yes: bool) -> None:
    """Show the stored plans of a run's units, ask, apply them and nothing else, and print the report.

    Args:
        common: the options of every command.
        session: the run.
        place: where the plans are.
        words: what the user must type, for restricted accounts; empty: ``yes``.
        yes: do not ask.
    """
    context = session.context
    fresh = plan_units(context, executor=session.executor, applies=True)
    upstreams = Upstreams(context.catalogue, context.aws.states)

    def plan_again(unit: Unit) -> Planned:
        values = UpstreamValues(values=upstreams.for_apply(unit), pending=())
        return session.executor.plan(context, unit, values)

    decisions = Deciding(context, place, datetime.now(UTC), plan_again).decide(fresh)
    session.approved = lambda reports: approved_plans(place.name, decisions, reports)
    planned = gated(context, decisions)
    for unit, each in planned.items():  # A resumed run continues with what was approved.
        if unit in context.catalogue.units:
            record_planned(context, each)
    apply_planned(common, session, planned, words=words, yes=yes, exact=True, notes=_notes(place, decisions))


def _notes(place: PlanPlace, decisions: Mapping[str, Decision]) -> tuple[str, ...]:
    runs = sorted({each.record.run for each in decisions.values() if each.record is not None})
    applied = [f"only plans of run {', '.join(runs)}, kept in {place.name}, are applied"] if runs else []
    left = [unit for unit, each in decisions.items() if each.how is How.LEFT_ALONE]
    told = (
        f"{unit} was changed outside of Terraform and stays as it is: `orch plan {unit}` shows how" for unit in left
    )
    return (*applied, *told)
