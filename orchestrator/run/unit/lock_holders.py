"""State locks: who holds one, whether that process still runs, and how an apply waits for it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.aws.state.locks import HeldLock, StateLockedError
from orchestrator.config.catalogue import Unit
from orchestrator.errors import InterruptedRunError, OrchError, UnitError, UsageError
from orchestrator.report.model import Notice
from orchestrator.report.text import clean, duration
from orchestrator.run.context import RunContext
from orchestrator.run.history.journal import in_flight, load_journal
from orchestrator.terraform.state.header import StateHeader
from orchestrator.terraform.state.lock import StateLock, process_exists

_OPERATIONS = {
    "OperationTypeApply": "apply",
    "OperationTypePlan": "plan",
    "OperationTypeRefresh": "refresh",
    "OperationTypeInvalid": "import or another command",
}
_PROC = Path("/proc")
_SILENT_SECONDS = 60.0
"""How long Terraform may work without a line in its log."""


class OvertakenError(UnitError):
    """Another run changed a unit while it was planned."""


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of one lock.

    Attributes:
        lock: the content of the lock.
        run: id of the run of this repository that holds it; empty when no run on this machine does, or when it can be
            one of several.
        pids: processes of this machine that hold it, or of which one does.
        alive: whether the process still runs; None when it is on another machine or cannot be determined.
    """

    lock: StateLock
    run: str = ""
    pids: tuple[int, ...] = ()
    alive: bool | None = None

    @property
    def operation(self) -> str:
        """The operation, in one word where Terraform's own name is unclear."""
        return _OPERATIONS.get(self.lock.operation, clean(self.lock.operation))

    def age(self, now: datetime | None = None) -> str:
        """Return how long it has been held, as text."""
        seconds = self.lock.age(now or datetime.now(UTC))
        return "an unknown time" if seconds is None else duration(seconds)

    def process(self) -> str:
        """Return what is known about its process."""
        run = f", of run {self.run}" if self.run else ""
        if self.alive is None:
            return "is on another machine" if not self.lock.here else f"is unknown{run}"
        pids = " or ".join(str(pid) for pid in self.pids)
        return f"still runs{run} (pid {pids})" if self.alive else f"has ended{run}"

    def sentence(self, now: datetime | None = None) -> str:
        """``root@vm for 2m (apply; its process still runs, of run …)``."""
        parts = [self.operation] if self.operation else []
        parts.append(f"its process {self.process()}")
        return f"{clean(self.lock.who) or 'somebody'} for {self.age(now)} ({'; '.join(parts)})"


def find_holder(lock: StateLock, unit: Unit, root: Path, *, asking: str = "") -> Holder:
    """Find the process that holds a lock, if it is on this machine.

    Terraform's locks name no process. So the runs whose apply of the unit has begun and has no recorded end are looked
    through: one that has a process in the unit's root, else the newest that may have died while it held the lock.

    Args:
        lock: the lock.
        unit: the unit whose state is locked.
        root: the repository whose runs are searched.
        asking: id of the run that found the lock taken, and so does not hold it; empty if none did.
    """
    if not lock.here:
        return Holder(lock)
    if lock.pid is not None:
        return Holder(lock, pids=(lock.pid,), alive=process_exists(lock.pid))
    runs = root / ".orch" / "runs"
    begun = _begun(lock, unit, runs, asking)
    # Terraform run by hand, by another repository, or by a worker that is on this machine: its process is unknown.
    if not begun or not _PROC.is_dir():
        return Holder(lock, run=begun[0] if begun else "")
    working = {run: tuple(_working_in(runs / run / "units" / unit.folder)) for run in begun}
    alive = [run for run in begun if working[run]]
    if alive:
        pids = tuple(pid for run in alive for pid in working[run][: 1 if len(alive) > 1 else None])
        return Holder(lock, run=alive[0] if len(alive) == 1 else "", pids=pids, alive=True)
    if _on_workers(runs / begun[0] / "journal.jsonl"):
        return Holder(lock, run=begun[0])
    dead = next((run for run in begun if _lived_until(runs / run, unit, lock)), None)
    return Holder(lock) if dead is None else Holder(lock, run=dead, alive=False)


def lock_message(lock: StateLock, unit: Unit, root: Path, *, asking: str = "") -> str:
    """Return why a unit cannot be applied now: who holds its state, and what to do about it.

    Args:
        lock: the lock.
        unit: the unit whose state is locked.
        root: the repository.
        asking: id of the run that found it taken.
    """
    holder = find_holder(lock, unit, root, asking=asking)
    if lock.purpose and holder.alive is False:
        return f"the state is locked by {holder.sentence()}: run `orch {clean(lock.purpose)}` again to continue it"
    todo = f"wait with --lock-timeout 5m, or, once nobody uses it, run orch unlock {unit.id}"
    return f"the state is locked by {holder.sentence()}: {todo}"


def _begun(lock: StateLock, unit: Unit, runs: Path, asking: str) -> list[str]:
    """Return the runs, newest first, that began to apply the unit before the lock was taken and recorded no end."""
    started_runs: list[tuple[datetime, str]] = []
    for journal in runs.glob("*/journal.jsonl"):
        try:
            started = datetime.fromisoformat(in_flight(journal)[unit.id])
        except (OSError, KeyError, ValueError):
            continue
        if journal.parent.name != asking and (lock.created is None or started <= lock.created):
            started_runs.append((started, journal.parent.name))
    return [run for _, run in sorted(started_runs, reverse=True)]


def _lived_until(folder: Path, unit: Unit, lock: StateLock) -> bool:
    """Return whether a run that was cut off may still have lived when a lock was taken: it wrote its files until then.

    Otherwise somebody else took it, such as Terraform run by hand.
    """
    if lock.created is None:
        return True
    files = (folder / "journal.jsonl", folder / "logs" / f"{unit.folder}.log")
    written = [file.stat().st_mtime for file in files if file.is_file()]
    return lock.created.timestamp() <= max(written, default=0.0) + _SILENT_SECONDS


def _on_workers(journal: Path) -> bool:
    """Return whether a run worked on a cluster, so that its processes are not in its folder."""
    try:
        records = load_journal(journal).records
    except (OSError, UsageError):
        return False
    return bool(records and records[0].get("scheduler"))


def _working_in(root: Path) -> Iterator[int]:
    """Yield the processes whose working directory is a unit's root: Terraform and its children."""
    wanted = root.resolve()
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            folder = (entry / "cwd").readlink()
        except OSError:  # It has ended, or belongs to another user.
            continue
        if folder.is_relative_to(wanted):
            yield int(entry.name)


_WAITING = "Acquiring state lock."
_POLL_SECONDS = 0.5


def report_lock_waits(context: RunContext, unit: Unit, on_line: Callable[[str], None]) -> Callable[[str], None]:
    """Return a callback for Terraform's output that also reports who holds the lock that Terraform waits for.

    Args:
        context: the run.
        unit: the unit that is applied.
        on_line: receives every line.
    """

    def take(line: str) -> None:
        if line.startswith(_WAITING) and (text := _waits_for(context, unit)):
            context.run.sink(Notice(text, unit=unit.id))
        on_line(line)

    return take


def wait_for_lock(context: RunContext, unit: Unit) -> None:
    """With ``--lock-timeout``, wait until nobody holds the unit's state before it is planned for an apply.

    A plan made while another process changes the state would be out of date when it is applied.

    Raises:
        UnitError: the state is still locked after the timeout.
        InterruptedRunError: the run was interrupted.
        DeniedError, ThrottledError, SetupError: the lock cannot be read.
    """
    if not context.run.options.lock_timeout:
        return
    deadline = time.monotonic() + context.run.options.lock_timeout
    reported = ""
    while (held := context.aws.locks.read(unit)) is not None:
        if context.run.stop.is_set():
            message = f"{unit.id} was not planned: the run was interrupted"
            raise InterruptedRunError(message)
        if time.monotonic() >= deadline:
            raise _still_held(context, unit, held)
        if held.lock.id != reported:
            reported = held.lock.id
            context.run.sink(Notice(_for(context, unit, held), unit=unit.id))
        time.sleep(_POLL_SECONDS)


def existing_locks(context: RunContext) -> Iterator[str]:
    """Yield a line for each lock on the run's units before it begins: holder, host, age, and whether it still runs.

    Without it, the lock of a run that was cut off would be found only when its unit's turn comes. A failed check is
    reported and does not stop the run, because Terraform itself respects locks.
    """
    for id_ in sorted(context.guard.blocked.locked):
        unit = context.unit(id_)
        try:
            held = context.aws.locks.read(unit)
        except OrchError as error:
            yield f"cannot read the state lock of {id_}: {error}"
            continue
        if held is not None:  # else it was released since
            yield f"{id_}: {_message(context, unit, held)}"


def refuse_locked(context: RunContext, unit: Unit) -> None:
    """Refuse a unit whose state is locked, because it may be changing.

    Raises:
        StateLockedError: the state is locked; the message names the holder and what to do.
        DeniedError, ThrottledError, SetupError: the lock cannot be read.
    """
    held = context.aws.locks.read(unit)
    if held is not None:
        raise _still_held(context, unit, held)


def refuse_overtaken(context: RunContext, unit: Unit, planned_on: StateHeader) -> None:
    """Refuse a plan that contradicts what exists, if the reason is that another run changes the unit meanwhile.

    Args:
        context: the run.
        unit: the unit.
        planned_on: the state that the plan was made from.

    Raises:
        StateLockedError: somebody holds the state; with ``--lock-timeout`` also after that time.
        OvertakenError: the state has changed since the plan was made: plan again.
        InterruptedRunError, DeniedError, ThrottledError, SetupError, UnitError: as `wait_for_lock`.
    """
    held = context.aws.locks.read(unit)
    if held is not None:
        holder = find_holder(held.lock, unit, context.catalogue.root, asking=context.run.folders.run)
        if holder.alive is False:  # Nothing changes any more, so the contradiction is real.
            return
        if not context.run.options.lock_timeout:
            raise _still_held(context, unit, held)
        wait_for_lock(context, unit)
    found = context.aws.states.refresh(unit)
    if held is not None or planned_on != (StateHeader(found.lineage, found.serial) if found else StateHeader()):
        message = f"another run changed the state of {unit.id} while it was planned"
        raise OvertakenError(message, hint=f"plan again: orch plan {unit.id}")


def _still_held(context: RunContext, unit: Unit, held: HeldLock) -> StateLockedError:
    error = StateLockedError(unit.id, held)
    error.what = _message(context, unit, held)
    error.hint = None
    return error


def _message(context: RunContext, unit: Unit, held: HeldLock) -> str:
    return lock_message(held.lock, unit, context.catalogue.root, asking=context.run.folders.run)


def _waits_for(context: RunContext, unit: Unit) -> str:
    try:
        held = context.aws.locks.read(unit)
    except OrchError:  # Only information: Terraform waits in any case.
        return "waiting for the state lock"
    return _for(context, unit, held) if held is not None else ""


def _for(context: RunContext, unit: Unit, held: HeldLock) -> str:
    holder = find_holder(held.lock, unit, context.catalogue.root, asking=context.run.folders.run)
    return f"waiting for the state lock, held by {holder.sentence()}"
