"""The second line of a posted comment, hidden: which units it plans, to compare other pull requests with it.

Whoever may edit the comment may change the line, so it is read as a text from a stranger: it decides what orch *says*
of other pull requests, never what it applies.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import json
import re
import zlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from orchestrator.report.comment.marker import Marker
from orchestrator.report.comment.rows import UnitKind, kinds_of
from orchestrator.report.comment.stage import StagePlan
from orchestrator.report.model import ChangeLine
from orchestrator.terraform.model import Action

_LINE = re.compile(r"<!-- orch:units ([A-Za-z0-9+/=]{4,20000}) -->")
_LONGEST_LINE = 12_000
_LONGEST_JSON = 1_000_000
_VERSION = 1
_UNIT = re.compile(r"[\w.-]{1,100}/[\w.-]{1,100}(?:@[\w-]{1,40})?")
_DIGEST = re.compile(r"[0-9a-f]{12}")
_TEXT = re.compile(r"[\w:-]{0,80}")
_RUN_ID = re.compile(r"(\d{8}-\d{6})-[0-9a-f]{4}")
_KINDS = frozenset(kind.name for kind in UnitKind)


@dataclass(frozen=True, slots=True)
class PlannedUnit:
    """A unit that a pull request plans to change.

    Attributes:
        unit: the unit's id.
        kind: what happens to it.
        preview: the plan is a preview.
        shown: 12 hex digits that change if a shown change does.
        actions: 12 hex digits that change if an address or what happens to it does.
        lineage, serial: the state that was planned from; empty and -1 if not known.
    """

    unit: str
    kind: UnitKind
    preview: bool
    shown: str
    actions: str
    lineage: str = ""
    serial: int = -1


@dataclass(frozen=True, slots=True)
class PlannedUnits:
    """The units of one stage that a pull request plans to change.

    Attributes:
        stage: the stage.
        plans: as in the comment's marker.
        run: orch's run id of the newest plan; empty if there was no unit to plan.
        units: the units, the most important first.
        more: how many more there are, which did not fit.
    """

    stage: str
    plans: str
    run: str
    units: tuple[PlannedUnit, ...]
    more: int = 0

    @property
    def planned_at(self) -> datetime | None:
        """When the newest plan began; None if not known."""
        return run_started(self.run)


def run_started(run: str) -> datetime | None:
    """Return when a run began, by its id; None for something else than a run id."""
    found = _RUN_ID.fullmatch(run)
    try:
        return datetime.strptime(found[1], "%Y%m%d-%H%M%S").replace(tzinfo=UTC) if found else None
    except ValueError:
        return None


def planned_units(plan: StagePlan) -> PlannedUnits:
    """Return the units of a stage that are not unchanged."""
    before = {unit.unit: unit.changes for unit in plan.before}
    reports = {unit.unit: unit for unit in plan.report.units}
    found = []
    for name, kind in kinds_of(plan).items():
        if (kind is UnitKind.UNCHANGED and name not in before) or not _UNIT.fullmatch(name):
            continue
        receipt = plan.receipts.get(name)
        changes = (*reports[name].changes, *before.get(name, ()))
        state = (receipt.lineage, receipt.serial) if receipt is not None else ("", -1)
        found.append(PlannedUnit(name, kind, reports[name].preview, *digests(changes), *state))
    return PlannedUnits(plan.stage, plan.plans, plan.report.run, tuple(found))


def digests(changes: Iterable[ChangeLine]) -> tuple[str, str]:
    """Return twelve hex digits of all that is shown of changes, and twelve of their addresses and actions only."""
    kept = sorted((c for c in changes if c.action is not Action.READ), key=lambda c: (c.address, c.action))
    return _digest(map(_whole, kept)), _digest(f"{c.action} {c.address} {c.moved_from}" for c in kept)


def _whole(change: ChangeLine) -> str:
    """Return all of a change but what does not make it another one: the line that sets a value moves in a merge."""
    attributes = [replace(each, where=None, upstreams=()) for each in change.attributes]
    return repr(replace(change, attributes=tuple(attributes)))


def units_line(planned: PlannedUnits) -> str:
    """Return the hidden line; units that do not fit are only counted, the least important ones first."""
    number = len(planned.units)
    while True:
        text = _encoded(planned, planned.units[:number])
        if len(text) <= _LONGEST_LINE or not number:
            return f"<!-- orch:units {text} -->"
        number = number * 3 // 4


def parse_units(body: str, marker: Marker) -> PlannedUnits | None:
    """Return the units that a comment plans; None if its second line is not such a line, or of another comment.

    Args:
        body: the comment.
        marker: its marker.
    """
    found = _LINE.fullmatch([*body.split("\n", 2), ""][1].strip())
    if found is None:
        return None
    try:
        inflate = zlib.decompressobj()
        text = inflate.decompress(base64.b64decode(found[1], validate=True), _LONGEST_JSON)
        planned = _decoded(json.loads(text))
    except (binascii.Error, zlib.error, ValueError, TypeError, KeyError, RecursionError):
        return None
    return planned if (planned.stage, planned.plans) == (marker.stage, marker.plans) else None


def _encoded(planned: PlannedUnits, units: Sequence[PlannedUnit]) -> str:
    form = {
        "v": _VERSION,
        "stage": planned.stage,
        "plans": planned.plans,
        "run": planned.run,
        "more": len(planned.units) - len(units) + planned.more,
        "units": [[u.unit, u.kind.name, u.preview, u.shown, u.actions, u.lineage, u.serial] for u in units],
    }
    return base64.b64encode(zlib.compress(json.dumps(form, separators=(",", ":")).encode(), 9)).decode()


def _decoded(form: Any) -> PlannedUnits:
    """Return the units of a form.

    Raises:
        ValueError, TypeError, KeyError: it is not one.
    """
    if form["v"] != _VERSION:
        raise ValueError(form["v"])
    texts = (form["stage"], form["plans"], form["run"])
    more = form["more"]
    if not all(isinstance(text, str) for text in texts) or type(more) is not int or more < 0:
        raise TypeError("not a text or a number")
    return PlannedUnits(*texts, units=tuple(_decoded_unit(each) for each in form["units"]), more=more)


def _decoded_unit(form: Any) -> PlannedUnit:
    unit, kind, preview, shown, actions, lineage, serial = form
    right = (
        _UNIT.fullmatch(unit) and _DIGEST.fullmatch(shown) and _DIGEST.fullmatch(actions) and _TEXT.fullmatch(lineage)
    )
    if not right or kind not in _KINDS or type(preview) is not bool or type(serial) is not int:
        raise ValueError(kind)
    return PlannedUnit(unit, UnitKind[kind], preview, shown, actions, lineage, serial)


def _digest(lines: Iterable[str]) -> str:
    return hashlib.sha256("\n".join(lines).encode("utf-8", "surrogatepass")).hexdigest()[:12]
