"""What a run kept for ``orch apply --approved``, or applied of it, in words."""

from __future__ import annotations

from orchestrator.report.model import ApprovedUnit, RunReport
from orchestrator.report.text import listed, moment_text
from orchestrator.util.plural import plural


def stored_text(report: RunReport) -> str:
    """Return which plans a run kept, and until when they are accepted; empty if it kept none."""
    stored = report.stored
    if stored is None:
        return ""
    return f"{plural(len(stored.units), 'plan')} in {stored.place}, valid until {moment_text(stored.expires)}"


def approved_text(report: RunReport) -> str:
    """Return what was applied as approved and what was not; empty for a run that applied no stored plans."""
    approved = report.approved
    if approved is None:
        return ""
    exact = [each for each in approved.units if each.as_approved]
    others = [each for each in approved.units if not each.as_approved]
    runs = f"as planned in run {', '.join(approved.runs)}" if approved.runs else "no stored plan was found"
    lines = [f"{runs} ({approved.place}): {plural(len(exact), 'unit')} as approved"]
    lines += [f"{listed(each.unit for each in group)} {how}" for how, group in _by_how(others).items()]
    return "; ".join(lines)


def _by_how(units: list[ApprovedUnit]) -> dict[str, list[ApprovedUnit]]:
    groups: dict[str, list[ApprovedUnit]] = {}
    for each in units:
        groups.setdefault(each.how, []).append(each)
    return groups
