"""A past run and a past finding, explained: what ``orch show RUN`` and ``orch show FINDING`` print."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.guard.trust.waivers import UNWAIVABLE
from orchestrator.report.json import finding_form
from orchestrator.report.model import Status
from orchestrator.report.style import SEVERITY_STYLES, STATUS_STYLES, Paint
from orchestrator.report.tables import Column, table
from orchestrator.report.text import clean, duration, short_address, wrap

SHOW_FORMAT = 1
_SHORT = 8
"""Hex digits of a hash that are shown; ``--json`` has them all."""

_COLUMNS = (
    Column("unit"),
    Column("status"),
    Column("judged"),
    Column("checks", right=True),
    Column("plan", optional=True),
    Column("files", optional=True),
    Column("made_from", "made from"),
    Column("wrote"),
)


@dataclass(frozen=True, slots=True)
class ShownRun:
    """A past run.

    Attributes:
        run: its id.
        outcome: how it ended, in a few words; from the journal where there is no report.
        report: its saved ``--json`` form; None: it was killed, or still goes on.
        ends: how each unit ended, in graph order: unit -> status.
        receipts: by unit.
        copies: safety copies that were made before something protected was changed: maps with texts.
        events: the journal's records, in order.
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


def render_run(shown: ShownRun, *, colour: bool = False, width: int = 120) -> str:
    """A past run as text, without a newline at its end."""
    paint = Paint(colour)
    parts: Iterable[Iterable[str]] = (
        _head(shown),
        [table(_rows(shown), _COLUMNS, width=width, colour=colour, style=_style)],
        _bound(shown, paint, width),
        _findings(shown, paint),
        _copies(shown, paint, width),
        _events(shown, paint, width),
    )
    return "\n\n".join(text for part in parts if (text := "\n".join(part)))


def run_shown_form(shown: ShownRun) -> dict[str, Any]:
    """A past run as plain values, ready for JSON: everything, hashes whole."""
    return {
        "format": SHOW_FORMAT,
        "kind": "show-run",
        "run": shown.run,
        "verb": shown.verb,
        "targets": list(shown.targets),
        "outcome": shown.outcome,
        "units": [{"unit": unit, "status": status} for unit, status in shown.ends.items()],
        "receipts": [receipt.form() for receipt in shown.receipts.values()],
        "copies": [dict(copy) for copy in shown.copies],
        "events": [dict(event) for event in shown.events],
        "report": shown.report,
    }


def render_finding(run: str, finding: Finding, *, colour: bool = False, width: int = 120) -> str:
    """A finding explained, without a newline at its end: what, why, what is lost, where, and both ways out."""
    paint = Paint(colour)
    facts = (
        ("rule", finding.rule),
        ("unit", finding.unit),
        ("address", short_address(finding.address)),
        ("action", finding.action),
        ("cause", finding.cause),
        ("lost", finding.lost),
        ("in it now", finding.inside),
        ("line", str(finding.where) if finding.where else ""),
        ("allowed by", finding.waiver),
        ("way out", finding.hint),
        ("told by", f"run {run}"),
    )
    lines = [*wrap(finding.message, width=width, indent=""), ""]
    lines[0] = paint(lines[0], SEVERITY_STYLES[finding.severity])
    for name, text in facts:
        if text:
            lines += wrap(text, width=width, indent=f"{name:<12}", hang=" " * 12)
    return "\n".join([*lines, *_permission(finding, width)])


def finding_shown_form(run: str, finding: Finding) -> dict[str, Any]:
    """A finding with the run that told of it and the command that writes a waiver, ready for JSON."""
    return {
        "format": SHOW_FORMAT,
        "kind": "show-finding",
        "run": run,
        "finding": finding_form(finding),
        "waive": waive_command(finding),
    }


def waive_command(finding: Finding) -> str | None:
    """The command that writes a waiver for a finding; owner, reason and day are the person's to say.

    None when the finding does not stop anything, or is of a rule that no waiver reaches.
    """
    if finding.severity is not Severity.BLOCK or finding.rule in UNWAIVABLE:
        return None
    return f"orch waive {finding.id} --owner NAME --reason TEXT --expires DAY"


def _permission(finding: Finding, width: int) -> Iterator[str]:
    if finding.severity is not Severity.BLOCK:
        return
    command = waive_command(finding)
    text = "If it is meant, and an owner allows it, this writes a waiver, which counts once it is merged:"
    yield ""
    yield from wrap(
        text if command else "No waiver reaches this rule: the guard itself did not work.", width=width, indent=""
    )
    if command:
        yield f"  {command}"


def _head(shown: ShownRun) -> Iterator[str]:
    report = shown.report or {}
    yield f"{'run':<12}{clean(shown.run)}"
    yield f"{'command':<12}orch {' '.join(clean(each) for each in (shown.verb, *shown.targets))}"
    yield f"{'outcome':<12}{clean(shown.outcome)}"
    if shown.events:
        took = f", took {duration(float(report['seconds']))}" if "seconds" in report else ""
        yield f"{'began':<12}{clean(str(shown.events[0].get('time', '?'))[:19])}Z{took}"
    commits = sorted({receipt.commit for receipt in shown.receipts.values() if receipt.commit})
    if commits:
        yield f"{'commit':<12}{', '.join(clean(each) for each in commits)}"
    if report.get("error"):
        yield f"{'error':<12}{clean(str(report['error']))}"


def _rows(shown: ShownRun) -> list[dict[str, Any]]:
    return [_row(unit, status, shown.receipts.get(unit)) for unit, status in shown.ends.items()]


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
    return words + (f", {warned} warned of" if warned else "")


def _serials(first: int, last: int) -> str:
    return f"serial {first}" if first == last else f"serials {first} to {last}"


def _style(row: Mapping[str, Any], key: str) -> str:
    if key == "status" and row["status"] in {each.value for each in Status}:
        return STATUS_STYLES[Status(row["status"])]
    return "bold red" if key == "judged" and str(row["judged"]).startswith("blocked") else ""


def _bound(shown: ShownRun, paint: Paint, width: int) -> Iterator[str]:
    """What the receipts bind beside plan, files and state: nearly always the same for all units."""
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


def _findings(shown: ShownRun, paint: Paint) -> Iterator[str]:
    units: Sequence[Mapping[str, Any]] = (shown.report or {}).get("units", ())
    found = [finding for unit in units for finding in unit["findings"]]
    if found:
        yield paint("Findings", "bold")
        yield table(found, ["id", "severity", "rule", "unit", "action", "address"], colour=paint.colour)
        yield f"orch show {found[0]['id']} explains the first of them."


def _copies(shown: ShownRun, paint: Paint, width: int) -> Iterator[str]:
    if shown.copies:
        yield paint("Safety copies", "bold")
    for copy in shown.copies:
        about = f"{copy.get('unit', '?')}: {copy.get('address', '?')}, before its {copy.get('action', 'change')}"
        yield from wrap(f"{about}: {copy.get('what') or 'saved'}", width=width, indent="  ", hang="    ")
        yield from (f"    {clean(str(place))}" for place in copy.get("where") or ())


def _events(shown: ShownRun, paint: Paint, width: int) -> Iterator[str]:
    """The journal: what happened to which unit; what was planned is counted, as the table has it."""
    if shown.events:
        yield paint("Journal", "bold")
    planned = sum(1 for event in shown.events if event["event"] == "planned")
    told = False
    for event in shown.events:
        if event["event"] == "planned":
            if not told:
                yield f"  {_time(event)}  planned ({planned})"
            told = True
            continue
        facts = [str(event[key]) for key in ("unit", "status", "cause", "role", "owner", "reason") if event.get(key)]
        yield from wrap(
            " ".join([_time(event), "", str(event["event"]), *facts]), width=width, indent="  ", hang="    "
        )


def _time(event: Mapping[str, Any]) -> str:
    return clean(str(event.get("time", ""))[11:19])
