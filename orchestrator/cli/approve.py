"""Shows plans, asks for approval once, and applies: shared by ``apply``, ``destroy`` and ``bootstrap``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_report
from orchestrator.cli.prompt import Prompt
from orchestrator.report.model import Status, UnitReport
from orchestrator.run.apply import apply_units, publish_unchanged
from orchestrator.run.disposable.disarm import switch_off_all
from orchestrator.run.history.start import user_name
from orchestrator.run.plan import plan_destroy
from orchestrator.run.session import Session
from orchestrator.run.unit.planned import Planned


def apply_planned(
    common: Common,
    session: Session,
    planned: Mapping[str, Planned],
    *,
    words: Sequence[str],
    yes: bool,
    destroy: bool = False,
    report: bool = True,
    exact: bool = False,
    notes: Sequence[str] = (),
) -> list[UnitReport]:
    """Show the plans, ask for approval, apply, print the report, and return the reports of all units.

    Args:
        common: the options of every command.
        session: the run.
        planned: the plan or preview of each unit.
        words: what the user must type, for restricted accounts; empty: ``yes``.
        yes: do not ask.
        destroy: the plans destroy.
        report: print the plans, and the report at the end.
        exact: apply these plans only; see `apply_units`.
        notes: further lines of the report.
    """
    shown = [each.report for each in planned.values()]
    run = session.context.run
    pending = any(each.pending and each.may_proceed for each in planned.values()) and not run.stop.is_set()
    printed = report and pending and not common.json and not (common.quiet and yes)
    if printed:
        with Prompt(common, run.sink, run.stop).paused():
            print_report(common, session.report(shown))
    reports = shown
    if pending:
        reports = _apply(common, session, planned, words=words, yes=yes, destroy=destroy, exact=exact)
    if not (pending or destroy or run.stop.is_set()):
        publish_unchanged(session.context, planned)
    if report:
        print_report(common, session.finish(reports, notes), shown=shown if printed else ())
    return reports


def _apply(
    common: Common,
    session: Session,
    planned: Mapping[str, Planned],
    *,
    words: Sequence[str],
    yes: bool,
    destroy: bool,
    exact: bool,
) -> list[UnitReport]:
    """Ask once about what was shown, then apply it."""
    shown = [each.report for each in planned.values()]
    asker = Prompt(common, session.context.run.sink, session.context.run.stop)
    if not yes and not asker.approve(shown, words=words, destroy=destroy):
        session.context.run.journal.write("declined")
        return [_declined(each) for each in shown]
    typed = " ".join(words) or "yes"
    session.context.run.journal.write("approved", how="--yes" if yes else f"typed {typed!r}", by=user_name())
    if destroy:
        planned = switch_off_all(session.context, planned, executor=session.executor)
        if not all(each.may_proceed for each in planned.values()):
            return [_not_destroyed(each.report) for each in planned.values()]
    applied = apply_units(
        session.context,
        planned,
        executor=session.executor,
        ask_again=None if yes else asker.again,
        destroy=destroy,
        exact=exact,
    )
    return list(applied.values())


def destroy_all_or_none(common: Common, session: Session, *, words: Sequence[str], yes: bool) -> None:
    """Plan the destruction of every unit of a run, and destroy them only if none is blocked; print the report.

    Args:
        common: the options of every command.
        session: the run.
        words: what the user must type, for restricted accounts; empty: ``yes``.
        yes: do not ask.
    """
    planned = plan_destroy(session.context, executor=session.executor)
    if all(each.may_proceed for each in planned.values()):
        apply_planned(common, session, planned, words=words, yes=yes, destroy=True)
    else:  # a unit that could go is the downstream of one that must stay
        print_report(common, session.finish([_not_destroyed(each.report) for each in planned.values()]))


def _not_destroyed(report: UnitReport) -> UnitReport:
    if report.status is not Status.PLANNED:
        return report
    return replace(report, status=Status.SKIPPED, cause="not destroyed: another selected unit cannot be")


def _declined(report: UnitReport) -> UnitReport:
    if report.status in {Status.PLANNED, Status.AFTER_UPSTREAMS}:
        return replace(report, status=Status.DECLINED, cause="not approved; nothing was changed")
    return report
