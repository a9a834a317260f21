"""The state of a run as its events tell it: what runs, what waits for what, what is done. No clock, no terminal."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.report.model import Event, Phase, RunStarted, Status, UnitDone, UnitPhase, UnitProgress, UnitReport

_ENDS = {"apply": frozenset({Status.PLANNED, Status.AFTER_UPSTREAMS}), "destroy": frozenset({Status.PLANNED})}
"""By command: statuses of units with which the command has not finished."""


@dataclass(slots=True)
class Running:
    """A unit that is being worked on.

    Attributes:
        since: when it started to run, in seconds of the caller's clock; ``phase_since``: when its phase started.
        line: the last line of Terraform's progress.
    """

    unit: str
    phase: Phase
    since: float
    phase_since: float
    detail: str = ""
    line: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """Numbers of units by what they do now.

    ``planned`` are not applied yet; ``failed``, ``blocked`` and ``skipped`` are part of ``done``.
    """

    total: int
    done: int
    running: int
    waiting: int
    planned: int
    failed: int
    blocked: int
    skipped: int


@dataclass(slots=True)
class Board:
    """The state of one run. Not thread-safe: its owner holds a lock."""

    run: str = ""
    verb: str = ""
    upstreams: dict[str, tuple[str, ...]] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)
    reports: dict[str, UnitReport] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)

    def note(self, event: Event, now: float) -> None:
        """Record an event at a time of the caller's clock, in seconds."""
        if isinstance(event, RunStarted):
            self.run, self.verb = event.run, event.verb
            self.upstreams = dict(event.units)
            self.running, self.reports, self.details = {}, {}, {}
        elif isinstance(event, UnitPhase):
            self._phase(event, now)
        elif isinstance(event, UnitProgress):
            if (running := self.running.get(event.unit)) is not None:
                running.line = event.line
        elif isinstance(event, UnitDone):
            unit = event.report.unit
            self.running.pop(unit, None)
            self.details.pop(unit, None)
            self.reports[unit] = event.report
            self.upstreams.setdefault(unit, ())

    def _phase(self, event: UnitPhase, now: float) -> None:
        self.upstreams.setdefault(event.unit, ())
        if event.phase in {Phase.WAIT, Phase.APPROVE}:
            self.running.pop(event.unit, None)
            self.details[event.unit] = event.detail or ("" if event.phase is Phase.WAIT else str(event.phase))
            return
        self.details.pop(event.unit, None)
        known = self.running.get(event.unit)
        since = known.since if known else now
        phase_since = known.phase_since if known and known.phase is event.phase else now
        self.running[event.unit] = Running(event.unit, event.phase, since, phase_since, event.detail)

    def ended(self, unit: str) -> bool:
        """Return whether the command has finished with a unit: a preview is an end for ``plan``, not for ``apply``."""
        report = self.reports.get(unit)
        return (
            report is not None and unit not in self.running and report.status not in _ENDS.get(self.verb, frozenset())
        )

    def counts(self) -> Counts:
        """Return the numbers of units by what they do."""
        done = [report for unit, report in self.reports.items() if self.ended(unit)]
        idle = len(self.upstreams) - len(done) - len(self.running)
        planned = sum(1 for u in self.reports if not self.ended(u) and u not in self.running)
        return Counts(
            total=len(self.upstreams),
            done=len(done),
            running=len(self.running),
            waiting=idle - planned,
            planned=planned,
            failed=sum(report.status in {Status.FAILED, Status.UNKNOWN, Status.STALE} for report in done),
            blocked=sum(report.status is Status.BLOCKED for report in done),
            skipped=sum(report.status is Status.SKIPPED for report in done),
        )

    def waiting(self) -> list[tuple[str, str]]:
        """Return the units that wait, and for what: the next to start first, then in graph order."""
        rows = []
        for position, unit in enumerate(self.upstreams):
            if unit in self.running or self.ended(unit):
                continue
            missing = self._missing(unit)
            reason = self.details.get(unit) or (f"for {_few(missing)}" if missing else self._ready(unit))
            rows.append((unit in self.reports, len(missing), position, unit, reason))
        return [(unit, reason) for *_, unit, reason in sorted(rows)]

    def _missing(self, unit: str) -> list[str]:
        """Return the upstreams that a unit waits for: their previews before its own preview, then their ends."""
        if unit in self.reports:
            return [u for u in self.upstreams[unit] if not self.ended(u)]
        return [u for u in self.upstreams[unit] if u in self.running or u not in self.reports]

    def _ready(self, unit: str) -> str:
        return str(Phase.APPROVE) if unit in self.reports else "for a free slot"


def _few(units: list[str]) -> str:
    more = f" and {len(units) - 2} more" if len(units) > 2 else ""
    return ", ".join(units[:2]) + more
