"""A past run or a finding of one, as ``orch show RUN`` and ``orch show FINDING`` print it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from orchestrator.errors import UsageError
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.guard.trust.waivers import UNWAIVABLE
from orchestrator.report.final.approved import approved_text, stored_text
from orchestrator.report.final.report import render_changes
from orchestrator.report.json import finding_form
from orchestrator.report.model import RunReport, Status
from orchestrator.report.outcome import totals
from orchestrator.report.saved import parse_report
from orchestrator.report.style import SEVERITY_STYLES, STATUS_STYLES, Paint
from orchestrator.report.tables import Column, table
from orchestrator.report.text import NO_REFRESH, clean, command_text, duration, short_address, wrap

SHOW_FORMAT = 1
_SHORT = 8
"""Hex digits shown of a hash; ``--json`` has all of them."""

_COLUMNS = (
    Column("unit"),
    Column("status"),
    Column("judged"),
    Column("checks", right=True, optional=True),
    Column("plan", optional=True),
    Column("files", optional=True),
    Column("made_from", "made from"),
    Column("wrote", wrap=True),
    Column("providers", optional=True, wrap=True),
)
_FACTS = ("unit", "status", "cause", "role", "owner", "reason", "worker")
"""Fields of a journal's record that are shown."""

_FINDING_COLUMNS = (
    Column("id"),
    Column("severity"),
    Column("rule", optional=True),
    Column("unit"),
    Column("action"),
    Column("address", wrap=True),
)


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A past run.

    Attributes:
        run: its id.
        outcome: how it ended, in the words of `RunOutcome`.
        report: its saved ``--json`` form; None if it was killed or still runs.
        ends: unit -> status at its end, in graph order.
        receipts: unit -> receipt.
        copies: the backups made before a protected resource was changed: maps with texts.
        events: the records of the journal, in order.
        refresh: False: its plans were made from the states alone.
        dry_run: it was to change nothing.
    """

    run: str
    verb: str
    targets: tuple[str, ...]
    outcome: str
    report: Mapping[str, Any] | None
    ends: Mapping[str, str]
    receipts: Mapping[str, Receipt]
    copies: tuple[Mapping[str, Any], ...]
    events: tuple[Mapping[str, Any], ...]
    refresh: bool = True
    dry_run: bool = False


def render_run(
    shown: ShownRun, *, verbose: bool = False, color: bool = False, width: int = 120, stack: bool = False
) -> str:
    """Return a past run as text, without a newline at its end.

    Args:
        shown: the run.
        verbose: show the attributes of each changed resource.
        color: whether to color.
        width: columns of the terminal.
        stack: as in `table`: on a terminal that is too narrow, make several lines of each row.
    """
    paint = Paint(color)
    parts: Iterable[Iterable[str]] = (
        _head(shown, width),
        [table(_rows(shown), _columns(shown), width=width, color=color, style=_style, stack=stack)],
        _changes(shown, verbose=verbose, color=color, width=width),
        _bound(shown, paint, width),
        _findings(shown, paint, width, stack=stack),
        _copies(shown, paint, width),
        _events(shown, paint, width),
    )
    return "\n\n".join(text for part in parts if (text := "\n".join(part)))


def run_shown_form(shown: ShownRun) -> dict[str, Any]:
    """Return a past run as plain values for JSON, with whole hashes."""
    return {
        "format": SHOW_FORMAT,
        "kind": "show-run",
        "run": shown.run,
        "verb": shown.verb,
        "targets": list(shown.targets),
        "refresh": shown.refresh,
        "dry_run": shown.dry_run,
        "outcome": shown.outcome,
        "units": [
            {
                "unit": unit,
                "status": status,
                "worker": _workers(shown).get(unit, ""),
                "providers": _providers(shown, unit),
            }
            for unit, status in shown.ends.items()
        ],
        "receipts": [receipt.form() for receipt in shown.receipts.values()],
        "copies": [dict(copy) for copy in shown.copies],
        "events": [dict(event) for event in shown.events],
        "report": shown.report,
    }


def render_finding(run: str, finding: Finding, *, color: bool = False, width: int = 120) -> str:
    """Return a finding as text, without a newline at its end: what, why, what is lost, where, and what to do."""
    paint = Paint(color)
    facts = (
        ("rule", finding.rule),
        ("unit", finding.unit),
        ("address", short_address(finding.address)),
        ("action", finding.action),
        ("cause", finding.cause),
        ("lost", finding.lost),
        ("in it now", finding.inside),
        ("at", str(finding.where) if finding.where else ""),
        ("allowed by", finding.waiver),
        ("to do", finding.hint),
        ("found by", f"run {run}"),
    )
    lines = [*wrap(finding.message, width=width, indent=""), ""]
    lines[0] = paint(lines[0], SEVERITY_STYLES[finding.severity])
    for name, text in facts:
        if text:
            lines += wrap(text, width=width, indent=f"{name:<12}", hang=" " * 12)
    return "\n".join([*lines, *_permission(finding, width)])


def finding_shown_form(run: str, finding: Finding) -> dict[str, Any]:
    """Return a finding, its run, and the command that writes a waiver, as plain values for JSON."""
    return {
        "format": SHOW_FORMAT,
        "kind": "show-finding",
        "run": run,
        "finding": finding_form(finding),
        "waive": waive_command(finding),
    }


def waive_command(finding: Finding) -> str | None:
    """Return the command that writes a waiver for a finding.

    None if the finding blocks nothing, or if its rule cannot be waived.
    """
    if finding.severity is not Severity.BLOCK or finding.rule in UNWAIVABLE:
        return None
    return f"orch waive {finding.id} --owner NAME --reason TEXT"


def _permission(finding: Finding, width: int) -> Iterator[str]:
    if finding.severity is not Severity.BLOCK:
        return
    command = waive_command(finding)
    text = "If this is intended and an owner allows it, write a waiver. It takes effect when it is merged:"
    yield ""
    yield from wrap(text if command else "No waiver can allow this: the guard itself failed.", width=width, indent="")
    if command:
        yield f"  {command}"


def _head(shown: ShownRun, width: int) -> Iterator[str]:
    report, saved = shown.report or {}, _saved(shown)
    took = f", took {duration(float(report['seconds']))}" if "seconds" in report else ""
    facts = (
        ("run", shown.run),
        ("command", command_text(shown.verb, shown.targets, refresh=shown.refresh, dry_run=shown.dry_run)),
        ("outcome", shown.outcome),
        ("resources", totals(saved) if saved else ""),
        ("note", "" if shown.refresh else NO_REFRESH),
        ("started", f"{str(shown.events[0].get('time', '?'))[:19]}Z{took}" if shown.events else ""),
        ("commit", ", ".join(sorted({receipt.commit for receipt in shown.receipts.values() if receipt.commit}))),
        ("stored", stored_text(saved) if saved else ""),
        ("approved", approved_text(saved) if saved else ""),
        ("error", str(report.get("error") or "")),
    )
    for name, text in facts:
        if text and max(map(len, text.split(" "))) + 12 > width:
            yield name
            yield from wrap(text, width=width, indent="  ")
        elif text:
            yield from wrap(text, width=width, indent=f"{name:<12}", hang=" " * 12)


def _changes(shown: ShownRun, *, verbose: bool, color: bool, width: int) -> Iterator[str]:
    """Yield what the run changed or would have changed, resource by resource, and why units failed."""
    if (report := _saved(shown)) is not None and (
        text := render_changes(report, verbose=verbose, brief=True, color=color, width=width)
    ):
        yield text


def _saved(shown: ShownRun) -> RunReport | None:
    """Return the saved report; None if there is none, or if a newer orch wrote it in words of its own."""
    if shown.report is None:
        return None
    try:
        report = parse_report(shown.report, source=shown.run)
    except UsageError:
        return None
    # The findings have a list of their own.
    return replace(report, units=tuple(replace(each, findings=()) for each in report.units))


def _columns(shown: ShownRun) -> tuple[Column, ...]:
    """Return the columns; workers only of a run that had some."""
    return (*_COLUMNS[:2], Column("worker"), *_COLUMNS[2:]) if _workers(shown) else _COLUMNS


def _rows(shown: ShownRun) -> list[dict[str, Any]]:
    workers = _workers(shown)
    return [
        {
            **_row(unit, status, shown.receipts.get(unit)),
            "worker": workers.get(unit, ""),
            "providers": clean(_providers(shown, unit)),
        }
        for unit, status in shown.ends.items()
    ]


def _workers(shown: ShownRun) -> dict[str, str]:
    """Return the worker that ran each unit last."""
    return {str(event["unit"]): str(event["worker"]) for event in shown.events if event.get("worker")}


def _providers(shown: ShownRun, unit: str) -> str:
    """Return how the providers of a unit ran, as its report says."""
    units: Sequence[Mapping[str, Any]] = (shown.report or {}).get("units", ())
    return next((str(each.get("providers", "")) for each in units if each["unit"] == unit), "")


def _row(unit: str, status: str, receipt: Receipt | None) -> dict[str, Any]:
    if receipt is None:
        return {"unit": unit, "status": status, "judged": "no receipt"}
    wrote = receipt.wrote
    return {
        "unit": unit,
        "status": status,
        "judged": _verdict(receipt),
        "checks": len(receipt.checks),
        "plan": receipt.plan_sha256[:_SHORT],
        "files": receipt.digest[:_SHORT],
        "made_from": f"serial {receipt.serial}" if receipt.lineage else "no state",
        "wrote": "" if wrote is None else _serials(wrote.first, wrote.last) + ("" if wrote.ok else ", then failed"),
    }


def _verdict(receipt: Receipt) -> str:
    counts = Counter(each.severity for each in receipt.findings)
    waived, warned = counts[Severity.WAIVED.value], counts[Severity.WARN.value]
    words = "blocked" if receipt.blocked else "passed"
    words += f", {waived} waived" if waived else ""
    return words + (f", {warned} warned" if warned else "")


def _serials(first: int, last: int) -> str:
    return f"serial {first}" if first == last else f"serials {first} to {last}"


def _style(row: Mapping[str, Any], key: str) -> str:
    if key == "status" and row["status"] in {each.value for each in Status}:
        return STATUS_STYLES[Status(row["status"])]
    return "bold red" if key == "judged" and str(row["judged"]).startswith("blocked") else ""


def _bound(shown: ShownRun, paint: Paint, width: int) -> Iterator[str]:
    """Yield what the receipts bind in addition to plan, files and state; usually the same for all units."""
    groups: dict[tuple[Any, ...], list[str]] = {}
    for unit, receipt in shown.receipts.items():
        key = (receipt.policies, tuple(sorted(receipt.versions.items())), receipt.checks, receipt.account_id)
        groups.setdefault(key, []).append(unit)
    if groups:
        yield paint("Judged with", "bold")
    for (policies, versions, checks, account), units in groups.items():
        if len(groups) > 1:
            yield from wrap(", ".join(units), width=width, indent="  ")
        indent = "  " if len(groups) == 1 else "    "
        tools = ", ".join(f"{name.removeprefix('registry.terraform.io/')} {version}" for name, version in versions)
        yield from wrap(f"account {account}, policies {policies[:_SHORT]}, {tools}", width=width, indent=indent)
        yield from wrap(f"checks {', '.join(checks) or 'none'}", width=width, indent=indent)


def _findings(shown: ShownRun, paint: Paint, width: int, *, stack: bool) -> Iterator[str]:
    units: Sequence[Mapping[str, Any]] = (shown.report or {}).get("units", ())
    found = [finding for unit in units for finding in unit["findings"]]
    if found:
        yield paint("Findings", "bold")
        yield table(found, _FINDING_COLUMNS, width=width, color=paint.color, stack=stack)
        yield f"`orch show {found[0]['id']}` explains the first of them."


def _copies(shown: ShownRun, paint: Paint, width: int) -> Iterator[str]:
    if shown.copies:
        yield paint("Safety copies", "bold")
    for copy in shown.copies:
        about = f"{copy.get('unit', '?')}: {copy.get('address', '?')}, before its {copy.get('action', 'change')}"
        yield from wrap(f"{about}: {copy.get('what') or 'saved'}", width=width, indent="  ", hang="    ")
        yield from (f"    {clean(str(place))}" for place in copy.get("where") or ())


def _events(shown: ShownRun, paint: Paint, width: int) -> Iterator[str]:
    """Yield the events of the journal; units that were planned are only counted, since the table has them."""
    if shown.events:
        yield paint("Journal", "bold")
    planned = sum(1 for event in shown.events if event["event"] == "planned")
    counted = False
    for event in shown.events:
        if event["event"] == "planned":
            if not counted:
                yield f"  {_time(event)}  planned ({planned})"
            counted = True
            continue
        facts = [
            str(event[key])
            for key in ("unit", "status", "cause", "role", "owner", "reason", "worker")
            if event.get(key)
        ]
        yield from wrap(
            " ".join([_time(event), "", str(event["event"]), *facts]), width=width, indent="  ", hang="    "
        )


def _time(event: Mapping[str, Any]) -> str:
    return clean(str(event.get("time", ""))[11:19])
