"""Says of each unit and resource what became of it, from what was there before and after head was applied."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from orchestrator.aws.backup.locate import ResourceLocation
from orchestrator.guard.model import Finding
from orchestrator.report.model import Status, UnitReport
from orchestrator.report.rehearsal.model import Fate, Outcome, RehearsedUnit, ResourceFate
from orchestrator.report.text import short_address
from orchestrator.run.rehearse.scope import RehearsalScope
from orchestrator.terraform.model import Action
from orchestrator.terraform.state.reader import StateInstance

_APPLIED = frozenset({Status.APPLIED, Status.UNCHANGED})
_HALF_DONE = frozenset({Status.FAILED, Status.UNKNOWN, Status.INTERRUPTED})
"""Some of the changes may have been made."""
_NOT_APPLIED = {Status.BLOCKED: Outcome.BLOCKED, Status.SKIPPED: Outcome.NOT_REHEARSED}
_FATES = {Action.REPLACE: Fate.REPLACED, Action.DELETE: Fate.DESTROYED, Action.FORGET: Fate.FORGOTTEN}


@dataclass(frozen=True, slots=True)
class BaseResource:
    """A resource of base that is protected or was filled.

    Attributes:
        unit: its unit.
        instance: the object in the state.
        protected: its type is in the list of protected resources.
        place: where it is in AWS; None if it was not filled.
        noun: what it was filled with; empty: nothing.
        number: how many it has.
        note: why it was not filled.
    """

    unit: str
    instance: StateInstance
    protected: bool
    place: ResourceLocation | None = None
    noun: str = ""
    number: int = 0
    note: str = ""

    @property
    def id(self) -> str:
        """Its id in the state; empty if it has none."""
        return str(self.instance.attributes.get("id") or "")


@dataclass(frozen=True, slots=True)
class AppliedHead:
    """What there is after head.

    Attributes:
        reports: unit -> how its apply ended, with accounts and former units that block.
        instances: unit -> the objects of its state, of the units whose state could be read.
        count: returns how many of what a resource was filled with are in it; None if that is not known.
        not_modeled: returns what of a text says that the emulator does not model a call; empty if nothing does.
    """

    reports: Mapping[str, UnitReport]
    instances: Mapping[str, Sequence[StateInstance]]
    count: Callable[[ResourceLocation], int | None]
    not_modeled: Callable[[str], str]


@dataclass(frozen=True, slots=True)
class AppliedBase:
    """What there is after base.

    Attributes:
        reports: unit -> how its apply ended.
        resources: what is protected or was filled.
        placeholders: secrets that had a placeholder.
    """

    reports: Mapping[str, UnitReport] = field(default_factory=dict)
    resources: Sequence[BaseResource] = ()
    placeholders: tuple[str, ...] = ()

    def failed(self) -> dict[str, str]:
        """Return unit -> why base could not be applied."""
        return {
            unit: f"base is {report.status}" + (f": {report.cause}" if report.cause else "")
            for unit, report in self.reports.items()
            if report.status not in _APPLIED
        }


def compare(scope: RehearsalScope, base: AppliedBase, head: AppliedHead) -> tuple[RehearsedUnit, ...]:
    """Return what became of each unit; accounts and former units that block come first.

    Args:
        scope: the units of the rehearsal; what could not be rehearsed is left out of it.
        base: what there was before head.
        head: what there is now.
    """
    every = scope.units()
    blocking = [unit for unit in head.reports if unit not in every]
    return tuple(_unit(unit, scope, base, head) for unit in (*blocking, *every))


def _unit(unit: str, scope: RehearsalScope, base: AppliedBase, head: AppliedHead) -> RehearsedUnit:
    report = head.reports.get(unit)
    fates = tuple(_fates((each for each in base.resources if each.unit == unit), report, head))
    outcome, cause = _outcome(unit, scope, report, fates)
    why = head.not_modeled(f"{cause}\n{report.error}") if outcome is Outcome.FAILED and report is not None else ""
    if why:
        outcome, cause = Outcome.NOT_REHEARSED, why
    failed = base.reports.get(unit) if report is None else report
    error = failed.error if failed is not None and cause and not why else ""
    return RehearsedUnit(
        unit=unit,
        outcome=outcome,
        target=unit in scope.targets,
        cause=cause,
        error=error,
        resources=fates,
        findings=report.findings if report is not None else _findings(base, unit),
    )


def _findings(base: AppliedBase, unit: str) -> tuple[Finding, ...]:
    report = base.reports.get(unit)
    return report.findings if report is not None and report.status is Status.BLOCKED else ()


def _outcome(
    unit: str, scope: RehearsalScope, report: UnitReport | None, fates: Sequence[ResourceFate]
) -> tuple[Outcome, str]:
    if unit in scope.left_out:
        return Outcome.NOT_REHEARSED, scope.left_out[unit]
    if any(each.lost for each in fates):
        return Outcome.LOST, report.cause if report is not None and report.status not in _APPLIED else ""
    if report is None:
        return Outcome.REMOVED, "head has no such unit; its resources stay in AWS"
    if report.status not in _APPLIED:
        return _NOT_APPLIED.get(report.status, Outcome.FAILED), report.cause or str(report.status)
    return (Outcome.SURVIVED if unit in scope.base else Outcome.NEW), ""


def _fates(resources: Iterable[BaseResource], report: UnitReport | None, head: AppliedHead) -> Iterator[ResourceFate]:
    for each in resources:
        after = head.count(each.place) if each.place is not None and each.number else 0
        fate, now = _fate(each, report, head.instances.get(each.unit), after)
        yield ResourceFate(
            address=short_address(each.instance.address),
            type=each.instance.type,
            fate=fate,
            protected=each.protected,
            noun=each.noun,
            before=each.number,
            after=after,
            now=now,
            note=each.note,
        )


def _fate(
    resource: BaseResource, report: UnitReport | None, instances: Sequence[StateInstance] | None, after: int | None
) -> tuple[Fate, str]:
    """Return what became of a resource, and its new address if it was moved."""
    if report is None or report.status not in _APPLIED | _HALF_DONE:
        return Fate.KEPT, ""
    address = short_address(resource.instance.address)
    changes = [each for each in report.changes if not each.deposed]
    now = next((each.address for each in changes if each.moved_from == address), "")
    own = [each.action for each in changes if each.address == (now or address)]
    fate = next((_FATES[action] for action in own if action in _FATES), None)
    if report.status in _HALF_DONE and fate is not None and _still_there(resource, instances or (), after):
        fate = None
    return fate or (Fate.MOVED if now else Fate.KEPT), now


def _still_there(resource: BaseResource, instances: Sequence[StateInstance], after: int | None) -> bool:
    """Return whether an apply that failed did not get to a resource: the state and all its contents are there."""
    ids = {str(each.attributes.get("id") or "") for each in instances}
    return resource.id in ids and after == resource.number
