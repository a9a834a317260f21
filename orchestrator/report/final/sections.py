"""The sections between the table of units and the last line of a report."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace

from orchestrator.guard.model import POLICY_WEAKENED, Finding, Severity
from orchestrator.report.final.groups import group_changes
from orchestrator.report.final.units import group_text
from orchestrator.report.model import ChangeLine, RunReport, Status, UnitReport
from orchestrator.report.style import SEVERITY_STYLES, STATUS_STYLES, Paint
from orchestrator.report.text import clean, clean_block, listed, plural, short_address, wrap

_ATTRIBUTES = 4
"""Attributes of a change that several units share; each unit's own list has them all."""

_ERROR_LINES = 60
"""Lines of one error that are repeated; the log has the others."""

_TITLES: Mapping[Status, str] = {
    Status.AFTER_UPSTREAMS: "Can be planned only after their upstreams",
    Status.DECLINED: "Declined",
    Status.SKIPPED: "Skipped",
    Status.INTERRUPTED: "Interrupted",
    Status.STALE: "Stopped: the plan does what was not approved",
}
"""Ends that are told by their cause alone."""


def sections(report: RunReport, paint: Paint, width: int) -> Iterator[str]:
    """Every section that has something to say, the most important last."""
    parts: Iterable[Iterable[str]] = (
        _shared(report, paint, width),
        _lost(report, paint, width),
        _of_severity(report, Severity.WARN, "Warnings", paint, width),
        _of_severity(report, Severity.WAIVED, "Allowed by a waiver", paint, width),
        *(_by_cause(report, status, title, paint, width) for status, title in _TITLES.items()),
        _failed(report, paint, width),
        _blocked(report, paint, width),
    )
    yield from (text for part in parts if (text := "\n".join(part)))


def _shared(report: RunReport, paint: Paint, width: int) -> Iterator[str]:
    groups = [g for g in group_changes(report.units) if g.shared and not g.change.action.destructive]
    if groups:
        yield paint("The same in several units", "bold")
    for group in groups:
        yield from group_text(group, paint, width, indent="  ", attributes=_ATTRIBUTES)


def _lost(report: RunReport, paint: Paint, width: int) -> Iterator[str]:
    """Every delete, replacement and forget, with all its units and why."""
    units = [
        replace(unit, changes=tuple(_bare(c) for c in unit.changes if c.action.destructive)) for unit in report.units
    ]
    groups = group_changes(units)
    if groups:
        yield paint("Deleted, replaced or forgotten", "bold red")
    for group in groups:
        yield from group_text(group, paint, width, indent="  ")


def _bare(change: ChangeLine) -> ChangeLine:
    """A destructive change with only those attributes that cause it: the others are in the unit's own list."""
    return replace(change, attributes=tuple(a for a in change.attributes if a.forces_replacement))


def _by_cause(report: RunReport, status: Status, title: str, paint: Paint, width: int) -> Iterator[str]:
    """Units that ended in one way, those with the same cause together."""
    causes: dict[str, list[str]] = {}
    for unit in report.units:
        if unit.status is status:
            causes.setdefault(unit.cause, []).append(unit.unit)
    if causes:
        yield paint(title, STATUS_STYLES[status])
    for cause, units in causes.items():
        yield from wrap(listed(units) + (f": {cause}" if cause else ""), width=width, indent="  ", hang="    ")


def _failed(report: RunReport, paint: Paint, width: int) -> Iterator[str]:
    """Terraform's error of each failed unit; an error that several units share is shown once."""
    errors: dict[tuple[str, str], list[UnitReport]] = {}
    for unit in report.units:
        if unit.status is Status.FAILED:
            errors.setdefault((unit.error, unit.cause), []).append(unit)
    if errors:
        yield paint("Failed", "bold red")
    for (error, cause), units in errors.items():
        yield from wrap(listed(u.unit for u in units), width=width, indent="  ")
        yield from _error(error, cause, width)
        for unit in units:
            if unit.log:
                yield f"    log: {clean(unit.log)}"


def _error(error: str, cause: str, width: int) -> Iterator[str]:
    block = clean_block(error)
    if cause and not any(cause in line for line in block):
        yield from wrap(cause, width=width, indent="    ")
    for line in block[:_ERROR_LINES]:
        yield f"    │ {line}".rstrip()
    if len(block) > _ERROR_LINES:
        yield f"    │ … and {plural(len(block) - _ERROR_LINES, 'line')} more in the log"


def _blocked(report: RunReport, paint: Paint, width: int) -> Iterator[str]:
    """Every blocking finding in full, and units that were blocked without one."""
    title = paint("Blocked by policy", "bold red")
    whole = _of_the_change(report)
    if whole:
        yield title
        title = ""
    for finding, units in whole.items():
        yield from _finding(replace(finding, unit=listed(units)), paint, width)
    for unit in report.units:
        findings = [f for f in unit.findings if f.severity is Severity.BLOCK and f.rule != POLICY_WEAKENED]
        if not findings and (
            unit.status is not Status.BLOCKED or any(f.rule == POLICY_WEAKENED for f in unit.findings)
        ):
            continue
        if title:
            yield title
            title = ""
        if unit.status is Status.BLOCKED and unit.cause:
            yield from wrap(f"{unit.unit}: {unit.cause}", width=width, indent="  ", hang="    ")
        for finding in findings:
            yield from _finding(finding, paint, width)


def _of_the_change(report: RunReport) -> dict[Finding, list[str]]:
    """What the change as a whole did wrong stands on each of its units: it is shown once, with all of them."""
    found: dict[tuple[str, str], Finding] = {}
    units: dict[Finding, list[str]] = {}
    for unit in report.units:
        for finding in unit.findings:
            if finding.rule == POLICY_WEAKENED:
                first = found.setdefault((finding.address, finding.message), finding)
                units.setdefault(first, []).append(unit.unit)
    return units


def _of_severity(report: RunReport, severity: Severity, title: str, paint: Paint, width: int) -> Iterator[str]:
    findings = [f for unit in report.units for f in unit.findings if f.severity is severity]
    if findings:
        yield paint(title, SEVERITY_STYLES[severity])
    for finding in findings:
        yield from _finding(finding, paint, width)


def _finding(finding: Finding, paint: Paint, width: int) -> Iterator[str]:
    """Address and action on a line of their own, never cut; then cause, loss, way out and place."""
    what = f"{clean(finding.action)} {short_address(finding.address)}".strip()
    head = f"{clean(finding.unit)}: {what}"
    yield f"  {paint(head, SEVERITY_STYLES[finding.severity])}  {paint(clean(f'{finding.rule} {finding.id}'), 'dim')}"
    facts = (
        ("", finding.message),
        ("cause: ", finding.cause),
        ("what is lost: ", finding.lost),
        ("in it now: ", finding.inside),
        ("allowed by: ", finding.waiver),
        ("way out: ", finding.hint),
        ("at: ", str(finding.where) if finding.where else ""),
    )
    for name, text in facts:
        if text:
            yield from wrap(name + text, width=width, indent="    ", hang="      ")
