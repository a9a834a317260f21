"""Handles Ctrl-C and SIGTERM in three steps, because an interrupted apply loses what it is creating.

Terraform's graceful stop cancels the call in flight: the resource ends up tainted and the next plan replaces it
(measured on 1.11.4). So the first interrupt is never passed to an apply.
"""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from orchestrator.report.model import Notice
from orchestrator.run.history.journal import Journal
from orchestrator.run.scheduler import Stop
from orchestrator.terraform.process.supervisor import TaskKind


class Stoppable(Protocol):
    """The Terraform processes of a run: those of this process, or also those of workers."""

    def in_flight(self) -> Mapping[str, str]:
        """Return what runs now: unit -> ``plan`` or ``apply``."""

    def interrupt_plans(self) -> object:
        """Stop every plan; applies continue, and nothing new starts."""

    def ask_stop(self) -> object:
        """Ask Terraform to stop: it cancels its calls, writes its state and exits."""

    def kill(self) -> object:
        """Kill every process."""


class Interrupts:
    """Counts interrupts and acts on them.

    The handler only starts a thread: a signal handler cannot take locks that the interrupted code holds.

    Args:
        processes: the run's Terraform processes.
        stop: set by the first interrupt.
        journal: receives a record of each interrupt and of the units in flight.
        notify: shows a notice.
    """

    def __init__(self, processes: Stoppable, stop: Stop, journal: Journal, notify: Callable[[Notice], None]) -> None:
        self._processes = processes
        self._stop = stop
        self._journal = journal
        self._notify = notify
        self._lock = threading.Lock()
        self.level = 0

    def handle(self, number: int, _frame: FrameType | None = None) -> None:
        """Handle a signal. SIGTERM never does more than the first Ctrl-C."""
        threading.Thread(target=self._act, args=(number,), daemon=True).start()

    def _act(self, number: int) -> None:
        with self._lock:
            if number != signal.SIGINT and self.level >= 1:
                return
            self.level += 1
            level = self.level
            in_flight = self._applying()
            self._journal.note("interrupted", level=level, signal=signal.Signals(number).name, in_flight=in_flight)
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
                f"Interrupted: plans are stopped, nothing new starts, {_listed(applying)} will finish. "
                "Press Ctrl-C again to stop Terraform, which can leave a resource half-created."
            )
        else:
            text = "Interrupted: plans are stopped, nothing new starts. No apply was running."
        self._notify(Notice(text=text))

    def _second(self) -> None:
        in_flight = self._applying()
        self._notify(
            Notice(
                text=f"Stopping {_listed(in_flight)}: the next apply replaces what Terraform is creating now. "
                "Press Ctrl-C again to kill Terraform, which leaves a lock and loses what is in flight."
            )
        )
        self._processes.ask_stop()

    def _third(self) -> None:
        in_flight = self._applying()
        self._notify(
            Notice(
                text=f"Killing {_listed(in_flight)}: its state stays locked and lacks what was in flight. "
                "Check what exists in AWS before the next apply."
            )
        )
        self._processes.kill()


def _listed(units: list[str]) -> str:
    return ", ".join(units) or "nothing"


@contextmanager
def interruptible(interrupts: Interrupts) -> Iterator[Interrupts]:
    """Handle SIGINT and SIGTERM during a run, and restore the handlers afterwards. Only in the main thread."""
    before = {number: signal.signal(number, interrupts.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield interrupts
    finally:
        if interrupts.level == 0:  # Else the command is about to end, and another Ctrl-C must not cut its report.
            for number, handler in before.items():
                signal.signal(number, handler)
