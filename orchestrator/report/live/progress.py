"""What is going on in a run, told by its events: who runs, who waits for whom, who is done. No clock, no terminal."""

from __future__ import annotations

from dataclasses import dataclass, field

from orchestrator.report.model import Event, Phase, RunStarted, Status, UnitDone, UnitPhase, UnitProgress, UnitReport

_ENDS = {"apply": frozenset({Status.PLANNED, Status.AFTER_UPSTREAMS}), "destroy": frozenset({Status.PLANNED})}
"""By verb: how a unit may have ended for now that the verb has not finished with."""


@dataclass(slots=True)
class Running:
    """A unit that is being worked on.

    Attributes:
        since: when it began to run, in seconds of the caller's clock; ``phase_since``: when its phase began.
        line: the last line of its Terraform that was worth showing.
    """

    unit: str
    phase: Phase
    since: float
    phase_since: float
    detail: str = ""
    line: str = ""


@dataclass(frozen=True, slots=True)
class Counts:
    """Units by what they do now.

    ``planned`` are shown and not applied yet; ``failed``, ``blocked`` and ``skipped`` are among ``done``.
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
    """The state of one run. Not safe to use from several threads: its owner holds a lock."""

    run: str = ""
    verb: str = ""
    upstreams: dict[str, tuple[str, ...]] = field(default_factory=dict)
    running: dict[str, Running] = field(default_factory=dict)
    reports: dict[str, UnitReport] = field(default_factory=dict)
    details: dict[str, str] = field(default_factory=dict)

    def note(self, event: Event, now: float) -> None:
        """Take in one event at a time of the caller's clock, in seconds."""
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
        """Whether the verb has finished with a unit: a preview is an end for ``plan``, not for ``apply``."""
        report = self.reports.get(unit)
        return (
            report is not None and unit not in self.running and report.status not in _ENDS.get(self.verb, frozenset())
        )

    def counts(self) -> Counts:
        """How many units do what."""
        done = [report for unit, report in self.reports.items() if self.ended(unit)]
        idle = len(self.upstreams) - len(done) - len(self.running)
        planned = sum(1 for u in self.reports if not self.ended(u) and u not in self.running)
        return Counts(
            total=len(self.upstreams),
            done=len(done),
            running=len(self.running),
            waiting=idle - planned,
            planned=planned,
            failed=sum(report.status in {Status.FAILED, Status.STALE} for report in done),
            blocked=sum(report.status is Status.BLOCKED for report in done),
            skipped=sum(report.status is Status.SKIPPED for report in done),
        )

    def waiting(self) -> list[tuple[str, str]]:
        """Units that wait, with what for in a few words: the next to start first, then in graph order."""
        rows = []
        for position, unit in enumerate(self.upstreams):
            if unit in self.running or self.ended(unit):
                continue
            missing = self._missing(unit)
            reason = self.details.get(unit) or (f"for {_few(missing)}" if missing else self._ready(unit))
            rows.append((unit in self.reports, len(missing), position, unit, reason))
        return [(unit, reason) for *_, unit, reason in sorted(rows)]

    def _missing(self, unit: str) -> list[str]:
        """The upstreams that a unit waits for: their previews before its own, their ends after it."""
        if unit in self.reports:
            return [u for u in self.upstreams[unit] if not self.ended(u)]
        return [u for u in self.upstreams[unit] if u in self.running or u not in self.reports]

    def _ready(self, unit: str) -> str:
        return str(Phase.APPROVE) if unit in self.reports else "for a free slot"


def _few(units: list[str]) -> str:
    more = f" and {len(units) - 2} more" if len(units) > 2 else ""
    return ", ".join(units[:2]) + more
