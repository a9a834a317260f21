"""A unit, a change and a finding as text."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from orchestrator.guard.model import POLICY_WEAKENED, Finding, Severity
from orchestrator.report.final.sections import Entry, SharedChanges, SharedFinding, SharedOutputs, UnitBlock, unit_block
from orchestrator.report.model import AttributeChange, ChangeLine, Status, UnitReport
from orchestrator.report.outcome import DONE
from orchestrator.report.style import SEVERITY_STYLES, STATUS_STYLES, Paint
from orchestrator.report.text import cell_width, clean, extras, listed, short_address, status_text, wrap
from orchestrator.report.values.changes import AFTER_APPLY
from orchestrator.report.values.redact import SENSITIVE
from orchestrator.terraform.model import Action
from orchestrator.util.plural import plural

_LOSSES = ((Action.DELETE, "deleted"), (Action.REPLACE, "replaced"), (Action.FORGET, "forgotten"))
_GAINS = ((Action.CREATE, "create", "created"), (Action.UPDATE, "update", "updated"))
_LOSS_RULES = frozenset({"ORCH_PROTECTED", "ORCH_VANISHED", "ORCH_TEMPLATE"})
"""As in guard/findings.py, which imports pydantic: a report must be quick to print."""
_LOST = re.compile(r"\d+ protected resources would be lost")
_KEY = re.compile(r"\[(?:\d+|\"(?:[^\"\\]|\\.)*\")\]")
"""The key of an instance in a resource address."""
_NAMING = ("name", "bucket", "id")
"""Attributes by which a person knows a resource, the best first."""


def render_unit(report: UnitReport, *, color: bool = False, width: int = 120) -> str:
    """Return all changes of one unit as text, attribute by attribute, without a newline at the end.

    Args:
        report: the unit.
        color: whether to color.
        width: columns of the terminal.
    """
    return "\n".join(unit_text(unit_block(report), Paint(color), width))


def unit_text(block: UnitBlock, paint: Paint, width: int) -> Iterator[str]:
    """Yield the lines of a unit's block: what it loses or changes, where it is, then its resources."""
    unit = block.unit
    head = f"{unit.unit}  {status_text(unit)}"
    facts = unit_headline(unit, outside=block.outside)
    yield from _painted(f"{head}: {facts}" if facts else head, STATUS_STYLES[unit.status], paint, width, ("", "  "))
    if not (block.entries or block.created or block.outputs or unit.cause):
        return
    cause = _further_cause(unit)
    place = f"{unit.account} {unit.region}" + (f"; {cause}" if cause and cause != facts else "")
    yield from _painted(place, "dim", paint, width, ("  ", "  "))
    for entry in block.entries:
        yield from _entry(entry, paint, width, brief=block.brief)
    yield from _counted(block.created, paint, width)
    if block.outputs:
        yield from wrap(f"outputs that change: {listed(block.outputs)}", width=width, indent="  ", hang="    ")
    if block.elsewhere:
        text = f"plus {plural(block.elsewhere, 'change')} shared with other units, listed below"
        yield from _painted(text, "dim", paint, width, ("  ", "  "))


def unit_headline(unit: UnitReport, *, outside: bool = False) -> str:
    """Return what a unit would lose, or else what would change in it: ``1 protected resource would be lost``.

    Args:
        unit: the unit.
        outside: the changes were made outside of Terraform.
    """
    blocking = [f for f in unit.findings if f.severity is Severity.BLOCK and f.rule != POLICY_WEAKENED]
    if blocking:
        return _blocked(unit, blocking, outside=outside)
    if unit.status is Status.BLOCKED:
        return unit.cause or ("the change weakens the policies" if unit.findings else "")
    done = outside or unit.status in DONE
    losses = _losses(unit.changes, "" if done else "would be ")
    gains = [f"{n} {past if done else f'to {verb}'}" for action, verb, past in _GAINS if (n := unit.count(action))]
    return ", ".join(text for text in (losses, *gains, extras(unit.changes)) if text)


def _blocked(unit: UnitReport, findings: Sequence[Finding], *, outside: bool) -> str:
    """Return in one phrase what the blocking findings say, and what else would be destroyed."""
    lost = {f.address for f in findings if f.lost and f.rule in _LOSS_RULES and f.action != Action.UPDATE.value}
    others = [finding for finding in findings if finding.address not in lost]
    if not lost:
        return _message(others[0]) if len(others) == 1 else plural(len(others), "finding")
    texts = [f"{plural(len(lost), 'protected resource')} {'lost' if outside else 'would be lost'}"]
    short = {short_address(address) for address in lost}
    texts.append(_losses([change for change in unit.changes if change.address not in short], "", "other resource"))
    texts.append(plural(len(others), "other finding") if others else "")
    return ", ".join(text for text in texts if text)


def _further_cause(unit: UnitReport) -> str:
    """Return the cause of a unit without what its blocking findings say."""
    if any(finding.severity is Severity.BLOCK for finding in unit.findings):
        for start in (_LOST.match(unit.cause), *(finding.message for finding in unit.findings)):
            text = start[0] if isinstance(start, re.Match) else start
            if text and unit.cause.startswith(text):
                return unit.cause.removeprefix(text).partition("; ")[2]
    return unit.cause


def _losses(changes: Sequence[ChangeLine], would_be: str, noun: str = "resource") -> str:
    """Return how many resources are destroyed, such as ``2 resources would be deleted, 1 replaced``."""
    counts = [(sum(1 for c in changes if c.action is action), word) for action, word in _LOSSES]
    texts = [f"{number} {word}" for number, word in counts if number]
    if texts:
        number, _, word = texts[0].partition(" ")
        texts[0] = f"{plural(int(number), noun)} {would_be}{word}"
    return ", ".join(texts)


def _entry(entry: Entry, paint: Paint, width: int, *, brief: bool) -> Iterator[str]:
    if entry.change is None:
        for finding in entry.findings:
            yield from finding_text(finding, paint, width)
        return
    change = entry.change
    yield from _resource(change, entry.findings, paint, width, brief=brief)
    explained = any(finding.cause for finding in entry.findings)
    for finding in entry.findings:
        yield from _painted(_message(finding), SEVERITY_STYLES[finding.severity], paint, width, ("      ", "        "))
        yield from _facts(finding, width)
    for text in _reasons(change, explained=explained):
        yield from wrap(text, width=width, indent="      ", hang="        ")
    if not brief:
        yield from _attributes(change, paint, width, "      ")


def _resource(
    change: ChangeLine, findings: Sequence[Finding], paint: Paint, width: int, *, brief: bool
) -> Iterator[str]:
    """Yield sign and address, the name of the resource if nothing else shows it, and the ids of the findings."""
    deposed = f" (deposed object {clean(change.deposed)})" if change.deposed else ""
    line = f"  {_sign(change)} {clean(change.address)}{deposed}"
    notes = [_name(change)] if brief and _name(change) else []
    notes += [clean(f"{finding.rule} {finding.id}") for finding in findings]
    painted = paint.action(change.action, line)
    for note in notes:
        if cell_width(line) + 2 + cell_width(note) > width:
            yield painted
            line = painted = f"      {note}"
        else:
            line, painted = f"{line}  {note}", f"{painted}  {paint(note, 'dim')}"
    yield painted


def _counted(created: Sequence[ChangeLine], paint: Paint, width: int) -> Iterator[str]:
    """Yield a line for each type of resources that are created: how many, and their names."""
    by_type: dict[str, list[ChangeLine]] = {}
    for change in created:
        by_type.setdefault(_KEY.sub("", change.address).split(".")[-2], []).append(change)
    for kind, changes in sorted(by_type.items()):
        names = sorted(name.strip('"') for change in changes if (name := _name(change)))
        text = f"{Action.CREATE.sign} {len(changes)} {clean(kind)}" + (f": {', '.join(names)}" if names else "")
        for number, line in enumerate(wrap(text, width=width, indent="  ", hang="      ")):
            yield line if number else paint.action(Action.CREATE, line)


def _name(change: ChangeLine) -> str:
    values = {attribute.path: attribute.before or attribute.after for attribute in change.attributes}
    return next((clean(values[key]) for key in _NAMING if values.get(key) not in {None, AFTER_APPLY, SENSITIVE}), "")


def finding_text(finding: Finding, paint: Paint, width: int) -> Iterator[str]:
    """Yield a finding that stands alone: its action and address, rule and id, then why and what to do."""
    what = f"{clean(finding.action)} {short_address(finding.address)}".strip()
    yield from _painted(
        f"{what}  {finding.rule} {finding.id}".strip(),
        SEVERITY_STYLES[finding.severity],
        paint,
        width,
        ("  ", "      "),
    )
    yield from wrap(_message(finding), width=width, indent="      ", hang="        ")
    yield from _facts(finding, width)


def shared_finding_text(shared: SharedFinding, paint: Paint, width: int) -> Iterator[str]:
    """Yield a finding of one or several units: once, with the unit, id and place of each."""
    finding = shared.findings[0]
    what = f"{clean(finding.action)} {short_address(finding.address)}".strip() or _message(finding)
    yield from _painted(f"{what}  {finding.rule}", SEVERITY_STYLES[finding.severity], paint, width, ("  ", "      "))
    yield from wrap(_message(finding), width=width, indent="      ", hang="        ")
    yield from _facts(finding, width, place=False)
    places = {finding.where for finding in shared.findings}
    for each in shared.findings:
        place = f"  {each.where}" if each.where and len(places) > 1 else ""
        yield from wrap(f"in {each.unit}  {each.id}{place}", width=width, indent="      ", hang="        ")
    if len(places) == 1 and finding.where:
        yield from wrap(f"at {finding.where}", width=width, indent="      ", hang="        ")


def _message(finding: Finding) -> str:
    """Return the message of a finding without the address that the line above it shows."""
    for start in (f"{finding.address}: ", f"{finding.address} "):
        if finding.address and finding.message.startswith(start):
            return finding.message.removeprefix(start)
    return finding.message


def _facts(finding: Finding, width: int, *, place: bool = True) -> Iterator[str]:
    facts = (
        ("because ", finding.cause if finding.cause not in finding.message else ""),
        ("lost: ", finding.lost if finding.lost not in finding.message else ""),
        ("in it now: ", finding.inside),
        ("allowed by: ", finding.waiver),
        ("to do: ", finding.hint if finding.severity is not Severity.WAIVED else ""),
        ("at ", str(finding.where) if finding.where and place else ""),
    )
    for name, text in facts:
        if text:
            yield from wrap(name + text, width=width, indent="      ", hang="        ")


def shared_changes_text(shared: SharedChanges, paint: Paint, width: int) -> Iterator[str]:
    """Yield the names of several units, then the changes that all of them make."""
    yield from wrap(_in_units(shared.units), width=width, indent="", hang="  ")
    for change in shared.changes:
        yield from _entry(Entry(change), paint, width, brief=shared.brief)


def shared_outputs_text(shared: SharedOutputs, width: int) -> Iterator[str]:
    """Yield outputs that change in several units, with the names of the units."""
    yield from wrap(_in_units(shared.units), width=width, indent="", hang="  ")
    yield from wrap(f"outputs that change: {listed(shared.names)}", width=width, indent="  ", hang="    ")


def _in_units(units: Sequence[str]) -> str:
    return f"{plural(len(units), 'unit')}: {listed(units)}"


def _sign(change: ChangeLine) -> str:
    """Return the sign of a change; a move or an import without other changes gets an arrow."""
    return "→" if change.action is Action.NOOP else change.action.sign


def _reasons(change: ChangeLine, *, explained: bool) -> Iterator[str]:
    if change.action is Action.FORGET:
        yield "Terraform no longer manages it; it stays in AWS"
    if change.reason and not explained:
        yield f"because {change.reason}" if change.action is not Action.UPDATE else change.reason
    if change.moved_from:
        yield f"moved from {change.moved_from}"
    if change.imported_id:
        yield f"imported: {change.imported_id}"


def _split(change: ChangeLine) -> tuple[list[AttributeChange], list[AttributeChange]]:
    """Return the attributes to show one by one, and those of which only the name is known before apply."""
    if change.action not in {Action.CREATE, Action.REPLACE, Action.READ}:
        return list(change.attributes), []
    later = [a for a in change.attributes if a.after == AFTER_APPLY and not a.forces_replacement]
    return [a for a in change.attributes if a not in later], later


def _attributes(change: ChangeLine, paint: Paint, width: int, indent: str) -> Iterator[str]:
    shown, later = _split(change)
    for attribute in shown:
        yield from _attribute(attribute, change, paint, width, indent)
    if later:
        text = f"known after apply: {listed(a.path for a in later)}"
        yield from _painted(text, "dim", paint, width, (indent, indent))


def _attribute(attribute: AttributeChange, change: ChangeLine, paint: Paint, width: int, indent: str) -> Iterator[str]:
    action = _attribute_action(attribute, change)
    sign = paint.action(action, action.sign)
    forces = "  forces the replacement" if attribute.forces_replacement else ""
    values = [clean(value) for value in (attribute.before, attribute.after) if value]
    path = clean(attribute.path)
    if values == [SENSITIVE, SENSITIVE]:
        values = [f"{SENSITIVE}, changed"]
    line = f"{path}: {' → '.join(values)}"
    if cell_width(indent + line + forces) + 2 <= width:
        yield f"{indent}{sign} {line}{paint(forces, 'bold red')}"
        return
    yield f"{indent}{sign} {path}:{paint(forces, 'bold red')}"
    marks = (("-", "red"), ("+", "green")) if len(values) > 1 else ((" ", ""),)
    for (mark, style), value in zip(marks, values, strict=False):
        first, *others = wrap(value, width=width, indent=f"{indent}      ")
        yield f"{indent}    {paint(mark, style)} {first.removeprefix(f'{indent}      ')}"
        yield from others


def _attribute_action(attribute: AttributeChange, change: ChangeLine) -> Action:
    if change.action in {Action.CREATE, Action.DELETE, Action.READ}:
        return change.action
    if not attribute.before:
        return Action.CREATE
    return Action.UPDATE if attribute.after else Action.DELETE


def _painted(text: str, style: str, paint: Paint, width: int, indents: tuple[str, str]) -> Iterator[str]:
    """Yield wrapped lines in a style; the indents of the first and the other lines stay outside the color."""
    indent, hang = indents
    for number, line in enumerate(wrap(text, width=width, indent=indent, hang=hang)):
        prefix = hang if number else indent
        yield prefix + paint(line.removeprefix(prefix), style)
