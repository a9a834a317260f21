"""The events of a run and its final report. Sensitive values never enter these records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from orchestrator.errors import Location
from orchestrator.guard.model import Finding
from orchestrator.terraform.model import Action


class Phase(StrEnum):
    """What a unit is doing right now."""

    WAIT = "waiting"
    RENDER = "rendering"
    INIT = "init"
    PLAN = "planning"
    JUDGE = "judging"
    APPROVE = "awaiting approval"
    COPY = "saving copies"
    APPLY = "applying"
    DESTROY = "destroying"


class Status(StrEnum):
    """How a unit ended."""

    UNCHANGED = "unchanged"
    PLANNED = "planned"
    """Has changes that are not applied."""
    APPLIED = "applied"
    DESTROYED = "destroyed"
    MOVED = "moved"
    ADOPTED = "adopted"
    DRIFTED = "changed outside"
    """For ``orch drift``: AWS differs from the state, and nothing protected does."""
    AFTER_UPSTREAMS = "after its upstreams"
    """Cannot be planned before its upstreams are applied; ``cause`` is the first line of Terraform's error."""
    FAILED = "failed"
    UNKNOWN = "unknown"
    """Its apply began on a worker that was lost, and nobody knows how it ended; ``cause`` says what is known."""
    BLOCKED = "blocked"
    SKIPPED = "skipped"
    """Not run because an upstream failed, was blocked or stopped; ``cause`` names it."""
    STALE = "no longer as approved"
    """The real plan does something that the approved preview did not show."""
    INTERRUPTED = "interrupted"
    """Running or not started when the run was interrupted; ``cause`` says which."""
    DECLINED = "declined"


@dataclass(frozen=True, slots=True)
class AttributeChange:
    """One changed attribute as text: sensitive values are already ``(sensitive)``.

    ``before`` or ``after`` is empty if there is no value; an empty string is ``""`` in quotes.
    ``after_upstream`` marks a value that comes from an upstream's unknown output. Two changes are equal wherever they
    are set and whichever unit they wait for, so that what several units change alike is shown once.

    Attributes:
        upstreams: ids of the units whose outputs decide it, if ``after_upstream``; empty if not known.
        where: the line in ``live/`` or ``modules/`` that sets it, if known for sure.
    """

    path: str
    before: str
    after: str
    forces_replacement: bool = False
    after_upstream: bool = False
    upstreams: tuple[str, ...] = field(default=(), compare=False)
    where: Location | None = field(default=None, compare=False)


@dataclass(frozen=True, slots=True)
class ChangeLine:
    """One resource change as text. ``address`` has no leading ``module.this.``.

    ``reason`` says in words why it is deleted or replaced. ``deposed`` is the key of a deposed object, which remains
    after a replacement that failed halfway.
    """

    address: str
    action: Action
    reason: str = ""
    attributes: tuple[AttributeChange, ...] = ()
    moved_from: str | None = None
    imported_id: str | None = None
    deposed: str | None = None


@dataclass(frozen=True, slots=True)
class Judged:
    """Which checks judged a plan.

    Attributes:
        checks: ids of those that ran completely.
        expected: ids of those that have something in their scope in this plan.
    """

    checks: tuple[str, ...] = ()
    expected: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class UnitReport:
    """How one unit ended, and what it changed or would change.

    Attributes:
        preview: planned against the plans of its upstreams, not their states.
        refresh: False: planned from the state alone, so changes made outside of Terraform were not seen.
        cause: why it was skipped, failed, is stale or comes after its upstreams: one line.
        error: the error that Terraform printed, without colors.
        log: path of the unit's log, relative to the repository.
        outputs_changed: names of outputs that change.
        seconds: wall time spent on it.
        providers: ``warm``, or ``cold: REASON``; empty if Terraform did not run.
        worker: the worker of a cluster that ran it; empty: this machine.
        judged: the checks of its plan; None if no plan was judged.
    """

    unit: str
    account: str
    region: str
    status: Status
    changes: tuple[ChangeLine, ...] = ()
    findings: tuple[Finding, ...] = ()
    cause: str = ""
    error: str = ""
    log: str = ""
    outputs_changed: tuple[str, ...] = ()
    preview: bool = False
    refresh: bool = True
    seconds: float = 0.0
    providers: str = ""
    worker: str = ""
    judged: Judged | None = None

    def count(self, action: Action) -> int:
        """Return the number of resources with this action."""
        return sum(1 for c in self.changes if c.action is action)


@dataclass(frozen=True, slots=True)
class StoredPlans:
    """The plans that ``orch plan --store s3`` or ``--out DIR`` kept for ``orch apply --approved``.

    Attributes:
        place: ``s3`` for the state buckets, or the folder as given.
        expires: when they stop to be accepted (UTC, ISO 8601).
        units: the units whose plans are kept.
    """

    place: str
    expires: str
    units: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ApprovedUnit:
    """What ``orch apply --approved`` did with the stored plan of one unit.

    Attributes:
        run: the run that planned it; empty if there is no stored plan.
        commit: git's commit that it was planned from.
        plan: SHA-256 of the stored plan file; empty if there is none.
        as_approved: it was applied exactly as approved, or had nothing to apply.
        how: ``as approved``, ``no changes``, ``planned again, within the approved preview``, ``was not previewed`` or
            ``not applied``.
        cause: why it was not applied: one line.
    """

    unit: str
    run: str = ""
    commit: str = ""
    plan: str = ""
    as_approved: bool = False
    how: str = ""
    cause: str = ""


@dataclass(frozen=True, slots=True)
class ApprovedPlans:
    """What ``orch apply --approved`` applied. ``place``: as in `StoredPlans`."""

    place: str
    units: tuple[ApprovedUnit, ...] = ()

    @property
    def runs(self) -> tuple[str, ...]:
        """The runs whose plans were taken, the oldest first."""
        return tuple(sorted({each.run for each in self.units if each.run}))


@dataclass(frozen=True, slots=True)
class RunReport:
    """A whole run. ``units`` are in graph order: upstreams first. ``run`` is empty if no unit was selected."""

    run: str
    verb: str
    targets: tuple[str, ...]
    units: tuple[UnitReport, ...]
    seconds: float
    interrupted: bool = False
    notes: tuple[str, ...] = ()
    """Further lines for the end of the report."""
    error: str = ""
    """What ended the whole run early; empty if it ran to its end."""
    refresh: bool = True
    """False: ``--no-refresh``."""
    dry_run: bool = False
    """True: ``--dry-run``."""
    changed_lines: Mapping[str, tuple[tuple[int, int], ...]] = field(default_factory=dict)
    """File in ``live/``, ``modules/`` or ``policies/`` -> first and last line of each part that differs from where the
    change began; empty if nobody knows."""
    stored: StoredPlans | None = None
    """The plans that were kept for ``orch apply --approved``."""
    approved: ApprovedPlans | None = None
    """What ``orch apply --approved`` applied; None for any other run."""


@dataclass(frozen=True, slots=True)
class RunStarted:
    """A run starts. ``units``: unit -> its upstreams within the run, in graph order. ``slots``: units at a time."""

    run: str
    verb: str
    units: Mapping[str, tuple[str, ...]]
    slots: int


@dataclass(frozen=True, slots=True)
class UnitPhase:
    """A unit enters a phase. ``detail`` is a few words for people, e.g. what it waits for."""

    unit: str
    phase: Phase
    detail: str = ""


@dataclass(frozen=True, slots=True)
class UnitProgress:
    """A line of Terraform's progress: ``aws_s3_bucket.this: Creation complete after 2s``."""

    unit: str
    line: str


@dataclass(frozen=True, slots=True)
class UnitDone:
    """A unit, or its preview, ended."""

    report: UnitReport


@dataclass(frozen=True, slots=True)
class Notice:
    """Something to read now: the effect of Ctrl-C, a time limit, a wait for a lock."""

    text: str
    unit: str | None = None
    fields: Mapping[str, str] = field(default_factory=dict)


Event = RunStarted | UnitPhase | UnitProgress | UnitDone | Notice
