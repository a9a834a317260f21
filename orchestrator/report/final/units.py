"""One change and one unit as text, with every attribute."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from orchestrator.report.final.groups import Group, group_changes
from orchestrator.report.model import AttributeChange, ChangeLine, UnitReport
from orchestrator.report.style import SEVERITY_STYLES, Paint
from orchestrator.report.text import cell_width, clean, extras, listed, plural, short_address, signs, status_text, wrap
from orchestrator.report.values.changes import AFTER_APPLY
from orchestrator.report.values.redact import SENSITIVE
from orchestrator.terraform.model import Action

_NAMES = 6
"""Units that are named where a change is the same in many; a destructive one names them all."""


def render_unit(report: UnitReport, *, colour: bool = False, width: int = 120) -> str:
    """The whole list of one unit's changes, attribute by attribute.

    Args:
        report: the unit.
        colour: whether to colour.
        width: of the terminal, in columns.

    Returns:
        Lines without a newline at the end.
    """
    paint = Paint(colour)
    lines = list(_head(report, paint, width))
    for change in report.changes:
        lines += change_text(change, paint, width, indent="  ")
    lines += _tail(report, paint, width)
    return "\n".join(lines)


def render_units(reports: Sequence[UnitReport], *, colour: bool = False, width: int = 120) -> str:
    """The changes of several units. What is the same in several of them is shown once, after them.

    What destroys something is always shown in its unit, however many others do the same.
    """
    paint = Paint(colour)
    shared = [g for g in group_changes(reports) if g.shared and not g.change.action.destructive]
    elsewhere = {group.change for group in shared}
    blocks = []
    for report in reports:
        lines = list(_head(report, paint, width))
        own = [change for change in report.changes if change not in elsewhere]
        for change in own:
            lines += change_text(change, paint, width, indent="  ")
        if len(own) < len(report.changes):
            number = len(report.changes) - len(own)
            lines.append(paint(f"  {plural(number, 'change')} as in other units, shown below", "dim"))
        lines += _tail(report, paint, width)
        blocks.append("\n".join(lines))
    if shared:
        blocks.append("\n".join([paint("The same in several units", "bold"), *_shared(shared, paint, width)]))
    return "\n\n".join(blocks)


def _shared(groups: Iterable[Group], paint: Paint, width: int) -> Iterator[str]:
    for group in groups:
        yield from group_text(group, paint, width, indent="  ")


def group_text(group: Group, paint: Paint, width: int, *, indent: str, attributes: int | None = None) -> Iterator[str]:
    """One change with the units that make it: ``in 12 units: prod/a, prod/b …``.

    Args:
        group: the change and its units.
        paint: colours or not.
        width: of the terminal.
        indent: what each line begins with.
        attributes: at most so many attributes; None for all.
    """
    lines = change_text(group.change, paint, width, indent=indent, attributes=attributes)
    units = tuple(dict.fromkeys(group.units))
    if len(units) == 1:
        yield f"{next(lines)}  in {clean(units[0])}"
    else:
        yield next(lines)
        names = listed(units, at_most=None if group.change.action.destructive else _NAMES)
        yield from wrap(f"in {plural(len(units), 'unit')}: {names}", width=width, indent=indent + "    ")
    yield from lines


def change_text(
    change: ChangeLine, paint: Paint, width: int, *, indent: str, attributes: int | None = None
) -> Iterator[str]:
    """One change: sign and address, why, and its attributes; the address is never cut."""
    deposed = f" (deposed object {clean(change.deposed)})" if change.deposed else ""
    yield indent + paint.action(change.action, f"{_sign(change)} {clean(change.address)}{deposed}")
    inner = indent + "    "
    for text in _facts(change):
        yield from wrap(text, width=width, indent=inner)
    shown, later = _split(change)
    if attributes is not None and len(shown) > attributes:
        yield from _attributes(shown[:attributes], change, paint, width, inner)
        yield inner + paint(f"… and {plural(len(shown) - attributes, 'attribute')} more", "dim")
    else:
        yield from _attributes(shown, change, paint, width, inner)
    if later and attributes is None:
        for line in wrap(f"known after apply: {listed(a.path for a in later)}", width=width, indent=inner):
            yield paint(line, "dim")


def _sign(change: ChangeLine) -> str:
    """A move or an import that changes nothing else has a sign too, so that no line begins with a space."""
    return "→" if change.action is Action.NOOP else change.action.sign


def _facts(change: ChangeLine) -> Iterator[str]:
    if change.action is Action.FORGET:
        yield "it will not be managed any more, and stays in AWS"
    if change.reason:
        yield f"because {change.reason}" if change.action is not Action.UPDATE else change.reason
    if change.moved_from:
        yield f"moved from {change.moved_from}"
    if change.imported_id:
        yield f"imported: {change.imported_id}"


def _split(change: ChangeLine) -> tuple[list[AttributeChange], list[AttributeChange]]:
    """Attributes to show one by one, and those of which only the names tell anything: ``(known after apply)``."""
    if change.action not in {Action.CREATE, Action.REPLACE, Action.READ}:
        return list(change.attributes), []
    later = [a for a in change.attributes if a.after == AFTER_APPLY and not a.forces_replacement]
    return [a for a in change.attributes if a not in later], later


def _attributes(
    attributes: Iterable[AttributeChange], change: ChangeLine, paint: Paint, width: int, indent: str
) -> Iterator[str]:
    for attribute in attributes:
        yield from _attribute(attribute, change, paint, width, indent)


def _attribute(attribute: AttributeChange, change: ChangeLine, paint: Paint, width: int, indent: str) -> Iterator[str]:
    action = _attribute_action(attribute, change)
    sign = paint.action(action, action.sign)
    forces = "  forces the replacement" if attribute.forces_replacement else ""
    values = [clean(value) for value in (attribute.before, attribute.after) if value]
    path = clean(attribute.path)
    if values == [SENSITIVE, SENSITIVE]:
        values = [f"{SENSITIVE}, changed"]
    line = f"{path}: {' → '.join(values)}"
    if len(values) < 2 or cell_width(indent + line + forces) + 2 <= width:
        yield f"{indent}{sign} {line}{paint(forces, 'bold red')}"
        return
    yield f"{indent}{sign} {path}:{paint(forces, 'bold red')}"
    yield f"{indent}    {paint('-', 'red')} {values[0]}"
    yield f"{indent}    {paint('+', 'green')} {values[1]}"


def _attribute_action(attribute: AttributeChange, change: ChangeLine) -> Action:
    if change.action in {Action.CREATE, Action.DELETE, Action.READ}:
        return change.action
    if not attribute.before:
        return Action.CREATE
    return Action.UPDATE if attribute.after else Action.DELETE


def _head(report: UnitReport, paint: Paint, width: int) -> Iterator[str]:
    facts = [f"{clean(report.account)} {clean(report.region)}", paint.status(report.status, status_text(report))]
    facts += [text for text in (signs(report), extras(report.changes)) if text]
    yield f"{paint(clean(report.unit), 'bold')}  {', '.join(facts)}"
    if report.cause:
        yield from wrap(report.cause, width=width, indent="  ")


def _tail(report: UnitReport, paint: Paint, width: int) -> Iterator[str]:
    if report.outputs_changed:
        yield from wrap(f"outputs that change: {listed(report.outputs_changed)}", width=width, indent="  ")
    for finding in report.findings:
        what = f"{finding.action} {short_address(finding.address)}".strip()
        text = ": ".join(part for part in (str(finding.severity), what, finding.message) if part)
        for line in wrap(text, width=width, indent="  ", hang="    "):
            yield paint(line, SEVERITY_STYLES[finding.severity])
