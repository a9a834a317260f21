"""Ctrl-C in three steps, because an interrupted apply loses what it was creating.

Terraform's own graceful stop cancels the call in flight: the resource ends up tainted and the next plan replaces it
(measured on 1.11.4). So the first interrupt is never passed on to an apply.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from orchestrator.report.model import Notice
from orchestrator.run.history.journal import Journal
from orchestrator.run.scheduler import Stop
from orchestrator.terraform.process.supervisor import Processes, TaskKind


class Interrupts:
    """Counts interrupts and acts on them.

    The handler only hands the signal to a thread of its own: locks that the interrupted code holds cannot be taken
    again inside of a signal handler.

    Args:
        processes: the run's Terraform processes.
        stop: set on the first interrupt.
        journal: gets a record of each interrupt and of what was in flight.
        tell: shows a notice to the person.
    """

    def __init__(self, processes: Processes, stop: Stop, journal: Journal, tell: Callable[[Notice], None]) -> None:
        self._processes = processes
        self._stop = stop
        self._journal = journal
        self._tell = tell
        self._lock = threading.Lock()
        self.level = 0

    def handle(self, number: int, _frame: FrameType | None = None) -> None:
        """Take a signal; SIGTERM never counts for more than the first Ctrl-C."""
        threading.Thread(target=self._act, args=(number,), daemon=True).start()

    def _act(self, number: int) -> None:
        with self._lock:
            if number != signal.SIGINT and self.level >= 1:
                return
            self.level += 1
            level = self.level
            flying = self._applying()
            self._journal.note("interrupted", level=level, signal=signal.Signals(number).name, in_flight=flying)
            if level == 1:
                self._first()
            elif level == 2:
                self._second()
            else:
                self._third()

    def _applying(self) -> list[str]:
        return sorted(unit for unit, kind in self._processes.in_flight().items() if kind == TaskKind.APPLY)

    def _first(self) -> None:
        self._stop.set()
        self._processes.interrupt_plans()
        applying = self._applying()
        if applying:
            text = (
                f"Interrupted: nothing new starts, plans are stopped; letting {_listed(applying)} finish. "
                "Ctrl-C again asks Terraform to stop, which can leave a resource half made."
            )
        else:
            text = "Interrupted: nothing new starts, plans are stopped; nothing was being applied."
        self._tell(Notice(text=text))

    def _second(self) -> None:
        flying = self._applying()
        self._tell(
            Notice(
                text=f"Asking Terraform to stop {_listed(flying)}: what it is creating will be tainted and replaced by "
                "the next apply. Ctrl-C again kills it, which leaves a lock and loses what is in flight."
            )
        )
        self._processes.ask_stop()

    def _third(self) -> None:
        flying = self._applying()
        self._tell(
            Notice(
                text=f"Killing {_listed(flying)}: its lock stays and what was in flight is in no state. "
                "Look at what AWS has before the next apply."
            )
        )
        self._processes.kill()


def _listed(units: list[str]) -> str:
    return ", ".join(units) or "nothing"


@contextmanager
def interruptible(interrupts: Interrupts) -> Iterator[Interrupts]:
    """Take SIGINT and SIGTERM for the time of a run; give them back afterwards. Only in the main thread."""
    before = {number: signal.signal(number, interrupts.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupts
    finally:
        if interrupts.level == 0:  # else this command is about to end, and one more Ctrl-C must not spoil its report
            for number, handler in before.items():
                signal.signal(number, handler)
