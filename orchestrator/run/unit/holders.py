"""Who holds a state's lock, told for people: is it a process of this machine, does it still run, which run is it of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.report.text import clean, duration
from orchestrator.run.history.journal import in_flight
from orchestrator.terraform.state.lock import StateLock, process_exists

_OPERATIONS = {
    "OperationTypeApply": "apply",
    "OperationTypePlan": "plan",
    "OperationTypeRefresh": "refresh",
    "OperationTypeInvalid": "import or another command",
}
_PROC = Path("/proc")


@dataclass(frozen=True, slots=True)
class Holder:
    """The holder of one lock.

    Attributes:
        lock: what the lock says.
        run: id of the run of this repository that it belongs to; empty when it is none of this machine.
        pids: processes of this machine that hold it.
        alive: whether it still runs; None: it is not on this machine, or there is no way to tell.
    """

    lock: StateLock
    run: str = ""
    pids: tuple[int, ...] = ()
    alive: bool | None = None

    @property
    def operation(self) -> str:
        """What it does, in one word where Terraform's own is none."""
        return _OPERATIONS.get(self.lock.operation, clean(self.lock.operation))

    def age(self, now: datetime | None = None) -> str:
        """How long it has been held, for people."""
        seconds = self.lock.age(now or datetime.now(UTC))
        return "an unknown time" if seconds is None else duration(seconds)

    def process(self) -> str:
        """What is known of its process."""
        run = f", of run {self.run}" if self.run else ""
        if self.alive is None:
            return "cannot be seen from here" if not self.lock.here else f"is not known{run}"
        pids = ", ".join(str(pid) for pid in self.pids)
        return f"still runs{run} (pid {pids})" if self.alive else f"has ended{run}"

    def sentence(self, now: datetime | None = None) -> str:
        """``root@vm for 2m (apply; its process still runs, of run …)``."""
        parts = [self.operation] if self.operation else []
        parts.append(f"its process {self.process()}")
        return f"{clean(self.lock.who) or 'somebody'} for {self.age(now)} ({'; '.join(parts)})"


def find_holder(lock: StateLock, unit: Unit, root: Path) -> Holder:
    """Look for the process behind a lock on this machine.

    Args:
        lock: the lock.
        unit: whose state it is on.
        root: the repository, whose runs are looked through.
    """
    if not lock.here:
        return Holder(lock)
    if lock.pid is not None:
        return Holder(lock, pids=(lock.pid,), alive=process_exists(lock.pid))
    run = _run_of(lock, unit, root)
    if not run or not _PROC.is_dir():  # a Terraform called by hand, or another repository's: not to be told from here
        return Holder(lock, run=run)
    found = tuple(_working_in(root / ".orch" / "runs" / run / "units" / unit.folder))
    return Holder(lock, run=run, pids=found, alive=bool(found))


def lock_message(lock: StateLock, unit: Unit, root: Path) -> str:
    """Why a unit cannot be applied now: who holds its state, and what to do about it."""
    holder = find_holder(lock, unit, root)
    if lock.purpose and holder.alive is False:
        return (
            f"the state is locked by {holder.sentence()}: `orch {clean(lock.purpose)}` again goes on where it stopped"
        )
    todo = f"wait with --lock-timeout 5m, or, once nobody works on it, orch unlock {unit.id}"
    return f"the state is locked by {holder.sentence()}: {todo}"


def _run_of(lock: StateLock, unit: Unit, root: Path) -> str:
    """The run that began to apply the unit last before the lock was taken, and has not recorded its end."""
    begun: list[tuple[datetime, str]] = []
    for journal in (root / ".orch" / "runs").glob("*/journal.jsonl"):
        try:
            started = datetime.fromisoformat(in_flight(journal)[unit.id])
        except (OSError, KeyError, ValueError):
            continue
        if lock.created is None or started <= lock.created:
            begun.append((started, journal.parent.name))
    return max(begun)[1] if begun else ""


def _working_in(root: Path) -> Iterator[int]:
    """Processes whose working folder is a unit's root: Terraform and what it has started."""
    wanted = root.resolve()
    for entry in _PROC.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            folder = (entry / "cwd").readlink()
        except OSError:  # it has ended, or belongs to somebody else
            continue
        if folder.is_relative_to(wanted):
            yield int(entry.name)
