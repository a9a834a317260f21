"""From plans to an apply: show, ask once, go. What ``apply``, ``destroy`` and ``bootstrap`` share."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from orchestrator.cli.context import Common
from orchestrator.cli.output import print_report, print_units
from orchestrator.cli.prompt import Prompt
from orchestrator.report.model import Status, UnitReport
from orchestrator.run.apply import apply_units, publish_unchanged
from orchestrator.run.session import Session
from orchestrator.run.start import user_name
from orchestrator.run.unit.planned import Planned


def apply_planned(
    common: Common,
    session: Session,
    planned: Mapping[str, Planned],
    *,
    words: Sequence[str],
    yes: bool,
    destroy: bool = False,
) -> list[UnitReport]:
    """Show what was planned, ask, apply.

    Args:
        common: the options of every verb.
        session: the run.
        planned: every unit's plan or preview.
        words: what must be typed, for restricted accounts; empty: yes or no.
        yes: nobody is asked.
        destroy: the plans destroy.
    """
    shown = [each.report for each in planned.values()]
    if session.context.run.stop.is_set():
        return shown
    if not any(each.pending and each.go_on for each in planned.values()):
        if not destroy:
            publish_unchanged(session.context, planned)
        return shown
    asker = Prompt(common, session.context.run.sink, session.context.run.stop)
    if not yes:
        with asker.paused():
            print_units(common, shown)
            print_report(common, session.report(shown))
        if not asker.approve(shown, words=words, destroy=destroy):
            session.context.run.journal.write("declined")
            return [_declined(report) for report in shown]
    typed = " ".join(words) or "yes"
    session.context.run.journal.write("approved", how="--yes" if yes else f"typed {typed!r}", by=user_name())
    applied = apply_units(session.context, planned, ask_again=None if yes else asker.again, destroy=destroy)
    return list(applied.values())


def _declined(report: UnitReport) -> UnitReport:
    if report.status in {Status.PLANNED, Status.AFTER_UPSTREAMS}:
        return replace(report, status=Status.DECLINED, cause="not approved; nothing was changed")
    return report
