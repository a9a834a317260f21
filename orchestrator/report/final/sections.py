"""Arranges the report of a run in the order in which a reader decides. Data only: ``report.py`` turns it into text.

First what is lost or blocked, unit by unit and in full; then the units with changes of their own; then each change that
several units share, once, with their names. What an earlier report of the same run showed is not shown again.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.guard.model import POLICY_WEAKENED, Finding, Severity
from orchestrator.report.model import ChangeLine, RunReport, Status, UnitReport
from orchestrator.report.outcome import DONE
from orchestrator.report.style import SEVERITY_STYLES, STATUS_STYLES
from orchestrator.report.text import short_address
from orchestrator.terraform.model import Action

_GOING = "To be deleted, replaced or forgotten"
_GONE = "Deleted, replaced or forgotten"
_CAUSES: Mapping[Status, str] = {
    Status.AFTER_UPSTREAMS: "Planned when their upstreams are applied",
    Status.DECLINED: "Declined",
    Status.SKIPPED: "Skipped",
    Status.INTERRUPTED: "Interrupted",
    Status.STALE: "Stopped: the plan is no longer the approved one",
    Status.UNKNOWN: "Unknown: nobody knows how the apply ended",
}
"""Titles of the sections in which units are listed by cause."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A resource of a unit: what happens to it, and what the guard found."""

    change: ChangeLine | None
    findings: tuple[Finding, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitBlock:
    """A unit with the resources that its block shows.

    Attributes:
        elsewhere: how many further changes the section of shared changes shows.
        outputs: names of outputs that change.
        brief: show the resources without their attributes.
        created: resources that are created, of which only number and names are shown, by type.
        outside: the changes were made outside of Terraform, as ``orch drift`` found.
    """

    unit: UnitReport
    entries: tuple[Entry, ...] = ()
    elsewhere: int = 0
    outputs: tuple[str, ...] = ()
    brief: bool = False
    created: tuple[ChangeLine, ...] = ()
    outside: bool = False


@dataclass(frozen=True, slots=True)
class SharedChanges:
    """Changes that all of several units make, and no other unit. ``brief``: as in `UnitBlock`."""

    changes: tuple[ChangeLine, ...]
    units: tuple[str, ...]
    brief: bool = False


@dataclass(frozen=True, slots=True)
class SharedOutputs:
    """Outputs that change in units without other changes of their own."""

    names: tuple[str, ...]
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SharedFinding:
    """A finding that differs between units in id and place only."""

    findings: tuple[Finding, ...]


@dataclass(frozen=True, slots=True)
class SharedCause:
    """Units that ended alike for the same cause."""

    cause: str
    units: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SharedFailure:
    """Units that failed with the same error."""

    units: tuple[UnitReport, ...]


Item = UnitBlock | SharedChanges | SharedOutputs | SharedFinding | SharedCause | SharedFailure


@dataclass(frozen=True, slots=True)
class Section:
    """A title, its style, and what stands below it."""

    title: str
    style: str
    items: tuple[Item, ...]


def arrange(
    report: RunReport, *, shown: Iterable[UnitReport] = (), verbose: bool = False, brief: bool = False
) -> tuple[Section, ...]:
    """Return the sections of a report that have something to show, in reading order.

    Args:
        report: the run.
        shown: reports of units that were shown before, such as the plans before the question of ``orch apply``.
        verbose: show every attribute of what was applied, of what is destroyed, and of what a bootstrap creates.
        brief: show every resource without its attributes, unless ``verbose`` is set.
    """
    before = {unit.unit: unit for unit in shown}
    ended = [unit for unit in report.units if before.get(unit.unit) != unit]
    fresh = [unit for unit in report.units if _differs(unit, before.get(unit.unit))]
    pending = [unit for unit in fresh if _pending(unit, verbose=verbose)]
    counted = report.verb == "bootstrap" and not verbose
    shared = _shared_changes(pending, created=not counted)
    brief, outside = (brief or report.verb == "destroy") and not verbose, report.verb == "drift"
    every = [replace(_pending_block(unit, shared, counted=counted), brief=brief, outside=outside) for unit in pending]
    blocks, outputs = _split_outputs(every)
    blocked = [block for block in blocks if _blocked(block.unit)]
    lost = [block for block in blocks if not _blocked(block.unit) and _lossy(block)]
    own = [block for block in blocks if not _blocked(block.unit) and not _lossy(block)]
    told = {finding.id for block in blocks for entry in block.entries for finding in entry.findings}
    explained = {block.unit.unit for block in blocks if _shows(block)}
    unexplained = [unit for unit in ended if unit.unit not in explained]
    findings = [f for unit in fresh for f in unit.findings if f.id not in told]
    sections = (
        Section("Blocked", "bold red", (*_weakened(findings), *_known(report, before), *_worth_showing(blocked))),
        Section(_GONE if outside else _GOING, "bold red", tuple(lost)),
        Section(_GONE, "bold red", _gone(fresh, verbose=verbose)),
        Section("Changes by unit", "bold", tuple(block for block in own if _shows(block))),
        Section("Shared changes", "bold", (*_shared(shared, brief=brief), *outputs)),
        Section("Applied", "bold", _applied(fresh, verbose=verbose)),
        _of_severity(findings, Severity.WARN, "Warnings"),
        _of_severity(findings, Severity.WAIVED, "Allowed"),
        *(_by_cause(unexplained, status, title) for status, title in _CAUSES.items()),
        Section("Failed", "bold red", _failures(ended)),
    )
    return tuple(section for section in sections if section.items)


def unit_block(unit: UnitReport) -> UnitBlock:
    """Return the block of one unit with all its changes and findings."""
    return UnitBlock(unit, _entries(unit.changes, unit.findings), outputs=unit.outputs_changed)


def _differs(unit: UnitReport, before: UnitReport | None) -> bool:
    return before is None or before.changes != unit.changes or before.findings != unit.findings


def _pending(unit: UnitReport, *, verbose: bool) -> bool:
    """Return whether a unit has changes that are not made yet, or is blocked."""
    if unit.status is Status.DECLINED or (unit.status in DONE and not verbose):
        return False
    return bool(unit.changes or unit.outputs_changed) or _blocked(unit)


def _pending_block(unit: UnitReport, shared: Mapping[ChangeLine, Sequence[str]], *, counted: bool) -> UnitBlock:
    """Return the block of a unit. ``counted``: only count what it creates and nothing was found about."""
    own = [change for change in unit.changes if change not in shared]
    elsewhere = len(unit.changes) - len(own)
    entries = _entries(own, unit.findings)
    created = [e for e in entries if counted and e.change and e.change.action is Action.CREATE and not e.findings]
    shown = tuple(entry for entry in entries if entry not in created)
    lines = tuple(entry.change for entry in created if entry.change is not None)
    return UnitBlock(unit, shown, elsewhere, unit.outputs_changed, created=lines)


def _shows(block: UnitBlock) -> bool:
    return bool(block.entries or block.outputs or block.created)


def _worth_showing(blocked: Iterable[UnitBlock]) -> Iterator[UnitBlock]:
    """Yield the blocks, without those of units that only a finding about the change as a whole blocks."""
    for block in blocked:
        if block.entries or block.created or not any(f.rule == POLICY_WEAKENED for f in block.unit.findings):
            yield block


def _known(report: RunReport, before: Mapping[str, UnitReport]) -> Iterator[UnitBlock]:
    """Yield a block without resources for each blocked unit that was shown before: its headline reminds of it."""
    for unit in report.units:
        if unit.status is Status.BLOCKED and not _differs(unit, before.get(unit.unit)):
            yield UnitBlock(unit)


def _gone(units: Iterable[UnitReport], *, verbose: bool) -> tuple[UnitBlock, ...]:
    """Return what was destroyed in units whose plans were not shown."""
    blocks = (
        UnitBlock(unit, _entries([c for c in unit.changes if c.action.destructive], unit.findings), brief=True)
        for unit in units
        if unit.status in DONE and not verbose
    )
    return tuple(block for block in blocks if block.entries)


def _applied(units: Iterable[UnitReport], *, verbose: bool) -> tuple[UnitBlock | SharedChanges, ...]:
    """Return what was created and updated in units whose plans were not shown: each resource, without attributes."""
    done = [unit for unit in units if unit.status in DONE and not verbose]
    shared = _shared_changes(done)
    blocks = []
    for unit in done:
        own = [change for change in unit.changes if change not in shared and not change.action.destructive]
        elsewhere = sum(1 for change in unit.changes if change in shared)
        outputs = () if unit.changes else unit.outputs_changed
        blocks.append(UnitBlock(unit, _entries(own, ()), elsewhere if own else 0, outputs, brief=True))
    return (*(block for block in blocks if block.entries or block.outputs), *_shared(shared, brief=True))


def _shared_changes(units: Iterable[UnitReport], *, created: bool = True) -> dict[ChangeLine, list[str]]:
    """Return each change that several units make, with the units.

    What is destroyed is shown in each unit instead; and, unless ``created`` is set, what is created.
    """
    makers: dict[ChangeLine, list[str]] = {}
    for unit in units:
        for change in dict.fromkeys(unit.changes):
            if not change.action.destructive and (created or change.action is not Action.CREATE):
                makers.setdefault(change, []).append(unit.unit)
    return {change: names for change, names in makers.items() if len(names) > 1}


def _shared(shared: Mapping[ChangeLine, Sequence[str]], *, brief: bool = False) -> Iterator[SharedChanges]:
    makers: dict[tuple[str, ...], list[ChangeLine]] = {}
    for change, units in shared.items():
        makers.setdefault(tuple(units), []).append(change)
    yield from (SharedChanges(tuple(changes), units, brief) for units, changes in makers.items())


def _split_outputs(blocks: Sequence[UnitBlock]) -> tuple[list[UnitBlock], list[SharedOutputs]]:
    """Take out of blocks without resources the outputs that change in several such units alike."""
    alike: dict[tuple[str, ...], list[str]] = {}
    for block in blocks:
        if block.outputs and not (block.entries or block.created):
            alike.setdefault(block.outputs, []).append(block.unit.unit)
    shared = {unit for units in alike.values() if len(units) > 1 for unit in units}
    kept = [replace(block, outputs=()) if block.unit.unit in shared else block for block in blocks]
    return kept, [SharedOutputs(names, tuple(units)) for names, units in alike.items() if len(units) > 1]


def _entries(changes: Iterable[ChangeLine], findings: Iterable[Finding]) -> tuple[Entry, ...]:
    """Return blocking findings about none of the changes, then the changes, the blocked and destroyed first."""
    rest = [finding for finding in findings if finding.rule != POLICY_WEAKENED]
    entries = []
    for change in changes:
        address = f"{change.address} (deposed {change.deposed})" if change.deposed else change.address
        about = tuple(finding for finding in rest if short_address(finding.address) == address)
        rest = [finding for finding in rest if finding not in about]
        entries.append(Entry(change, about))
    entries.sort(key=_urgency)
    return (*(Entry(None, (f,)) for f in rest if f.severity is Severity.BLOCK), *entries)


def _urgency(entry: Entry) -> int:
    """Return 0 for what is blocked, 1 for what is destroyed, 2 for the rest."""
    if any(finding.severity is Severity.BLOCK for finding in entry.findings):
        return 0
    return 1 if entry.change is not None and entry.change.action.destructive else 2


def _lossy(block: UnitBlock) -> bool:
    return any(entry.change is not None and entry.change.action.destructive for entry in block.entries)


def _blocked(unit: UnitReport) -> bool:
    return unit.status is Status.BLOCKED or any(f.severity is Severity.BLOCK for f in unit.findings)


def _weakened(findings: Iterable[Finding]) -> tuple[SharedFinding, ...]:
    """Return what the change as a whole weakens: a finding on each unit, shown once."""
    return group_alike(finding for finding in findings if finding.rule == POLICY_WEAKENED)


def _of_severity(findings: Iterable[Finding], severity: Severity, title: str) -> Section:
    return Section(title, SEVERITY_STYLES[severity], group_alike(f for f in findings if f.severity is severity))


def group_alike(findings: Iterable[Finding]) -> tuple[SharedFinding, ...]:
    """Return findings in groups that differ between units in id and place only."""
    groups: dict[Finding, list[Finding]] = {}
    for finding in findings:
        groups.setdefault(replace(finding, id="", unit="", where=None), []).append(finding)
    return tuple(SharedFinding(tuple(group)) for group in groups.values())


def _by_cause(units: Iterable[UnitReport], status: Status, title: str) -> Section:
    causes: dict[str, list[str]] = {}
    for unit in units:
        if unit.status is status:
            causes.setdefault(unit.cause, []).append(unit.unit)
    items = tuple(SharedCause(cause, tuple(names)) for cause, names in causes.items())
    return Section(title, STATUS_STYLES[status], items)


def _failures(units: Iterable[UnitReport]) -> tuple[SharedFailure, ...]:
    errors: dict[tuple[str, str], list[UnitReport]] = {}
    for unit in units:
        if unit.status is Status.FAILED:
            errors.setdefault((unit.error, unit.cause), []).append(unit)
    return tuple(SharedFailure(tuple(group)) for group in errors.values())
