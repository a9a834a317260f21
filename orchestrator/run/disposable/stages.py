"""What exists of each stage, which stages have expired, and which of those may be destroyed with all their data."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, date, datetime

from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.history import History
from orchestrator.aws.state.ledger_entry import LEDGER_PREFIX
from orchestrator.config.catalogue import Stage, Unit
from orchestrator.errors import OrchError
from orchestrator.run.assemble import Access
from orchestrator.run.disposable.check import DisposableCheck

_THREADS = 8


@dataclass(frozen=True, slots=True)
class StageStatus:
    """One stage, and what exists of it.

    Attributes:
        stage: the stage.
        units: its units in ``live/``.
        applied: how many of them have resources; None: that cannot be read.
        others: units with resources that ``live/`` no longer has.
        since: when its first unit was applied, as far back as the state bucket keeps versions; None: never, or unknown.
        error: why it cannot be read; empty if it can.
    """

    stage: Stage
    units: tuple[Unit, ...]
    applied: int | None = None
    others: int = 0
    since: datetime | None = None
    error: str = ""

    def age(self, now: datetime) -> int | None:
        """Return its age in whole days; None if nothing was applied."""
        return None if self.since is None else max(0, (now - self.since).days)


@dataclass(frozen=True, slots=True)
class ReapDecision:
    """Whether an expired stage is to be destroyed, and why, or why not."""

    status: StageStatus
    reap: bool
    why: str


def days_left(stage: Stage, today: date) -> int | None:
    """Return the days to a stage's last day, negative once it has expired; None if it does not expire."""
    return None if stage.expires is None else (date.fromisoformat(stage.expires) - today).days


def expired(stage: Stage, today: date) -> bool:
    """Return whether the last day of a stage is over, in UTC."""
    left = days_left(stage, today)
    return left is not None and left < 0


def expiry_note(stage: Stage) -> str:
    """Return what to say of a stage that has expired: since when, and how it goes away."""
    way = "`orch stage reap` destroys it" if stage.disposable else f"`orch destroy {stage.name}`"
    return f"expired on {stage.expires}: {way}; then delete live/stages/{stage.name}.yaml"


def today_utc() -> date:
    """Return the current date in UTC."""
    return datetime.now(UTC).date()


def stage_statuses(access: Access, stages: Iterable[Stage]) -> tuple[StageStatus, ...]:
    """Return what exists of stages, in their order. A stage that cannot be read has its error."""
    units: dict[str, list[Unit]] = {}
    for unit in access.catalogue.units.values():
        if not unit.of_account:
            units.setdefault(unit.stage, []).append(unit)
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="orch-stages") as pool:
        return tuple(pool.map(lambda stage: _status(access, stage, tuple(units.get(stage.name, ()))), stages))


def reap_decisions(statuses: Sequence[StageStatus], check: DisposableCheck, today: date) -> tuple[ReapDecision, ...]:
    """Return for each stage whether to destroy it: only if it has expired, exists, and may lose everything.

    Args:
        statuses: what exists of the stages.
        check: decides which stages are disposable.
        today: the current date.
    """
    return tuple(_decision(status, check, today) for status in statuses)


def _status(access: Access, stage: Stage, units: tuple[Unit, ...]) -> StageStatus:
    account = access.catalogue.accounts[stage.account]
    prefix = f"{LEDGER_PREFIX}{stage.name}/"
    try:
        folders = access.ledger.entries(account, Role.PLAN, prefix=prefix)
        entries = {folder: access.ledger.read(account, Role.PLAN, folder) for folder in folders}
        filled = {folder for folder, entry in entries.items() if entry is not None and not entry.empty}
        since = None
        if filled:
            history = History(access.catalogue, access.identities)
            since = min(version.time for version in history.versions(account, Role.PLAN, prefix))
    except OrchError as error:
        return StageStatus(stage, units, error=str(error))
    own = {unit.folder for unit in units}
    return StageStatus(stage, units, len(filled & own), len(filled - own), since)


def _decision(status: StageStatus, check: DisposableCheck, today: date) -> ReapDecision:
    stage = status.stage
    if stage.expires is None:
        return ReapDecision(status, reap=False, why="it has no `expires`")
    if not expired(stage, today):
        return ReapDecision(status, reap=False, why=f"its last day is {stage.expires}")
    obstacle = _obstacle(status, check)
    return ReapDecision(status, reap=not obstacle, why=f"it expired on {stage.expires}{obstacle}")


def _obstacle(status: StageStatus, check: DisposableCheck) -> str:
    """Return why an expired stage stays; empty if nothing is in the way."""
    stage = status.stage
    if status.applied is None:
        return f", but cannot be read: {status.error}"
    if not status.applied and status.others:
        return f", and only units that live/ no longer has are left: `orch destroy --orphans {stage.name}`"
    if not status.applied:
        return f", and nothing of it exists: delete live/stages/{stage.name}.yaml"
    if not stage.disposable:
        return f", but it is not disposable: `orch destroy {stage.name}`"
    try:
        stages, notes = check.check(status.units, "destroy")
    except OrchError as error:
        return f", but: {error}"
    return "" if stage.name in stages.permissions else f", but {'; '.join(notes)}"
