"""What the workers of a run do now: their progress on its way to the console, and interrupts on their way to them."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from orchestrator.config.catalogue import Unit
from orchestrator.report.model import Notice, Phase, UnitPhase, UnitProgress
from orchestrator.run.context import RunContext
from orchestrator.run.executor.records import CLAIMED, StepKind
from orchestrator.run.interrupt import Stoppable

_UNBEGUN_SECONDS = 20.0
"""After an interrupt, how long to wait for a task that no worker seems to have begun."""


class RemoteProgress:
    """Which units are on workers, and which of them have begun to be applied. Thread-safe."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._flying: dict[str, StepKind] = {}
        self._claimed: set[str] = set()

    @contextmanager
    def flying(self, unit: Unit, step: StepKind) -> Iterator[None]:
        """Note that a unit is on a worker while the block runs."""
        with self._lock:
            self._flying[unit.id] = step
        try:
            yield
        finally:
            with self._lock:
                self._flying.pop(unit.id, None)
                self._claimed.discard(unit.id)

    def in_flight(self) -> dict[str, str]:
        """Return the units on workers: unit -> ``plan`` or ``apply``."""
        with self._lock:
            return {
                unit: StepKind.APPLY.value if step is StepKind.APPLY else StepKind.PLAN.value
                for unit, step in self._flying.items()
            }

    def begun(self, unit: str) -> bool:
        """Return whether a worker has said that it applies the unit."""
        with self._lock:
            return unit in self._claimed

    def note_begun(self, unit: str) -> None:
        """Note that a worker applies the unit."""
        with self._lock:
            self._claimed.add(unit)

    def show(self, context: RunContext, form: Mapping[str, Any]) -> None:
        """Take one event of a worker: show it, and record where an apply begins."""
        unit = str(form.get("unit", ""))
        if "phase" in form:
            context.run.sink(UnitPhase(unit, Phase(form["phase"]), str(form.get("detail", ""))))
        elif "line" in form:
            context.run.sink(UnitProgress(unit, str(form["line"])))
        elif form.get("text") == CLAIMED:
            self.note_begun(unit)
            context.run.journal.note("claimed", unit=unit, worker=str(form.get("worker", "")))
        else:
            context.run.sink(Notice(str(form.get("text", "")), unit=unit or None))


class Patience:
    """Waits for a task for ever, and only for a while after the run was interrupted.

    Args:
        context: the run.
        unbegun: asked once the time is over; True when the task has not begun and now never will.
    """

    def __init__(self, context: RunContext, unbegun: Callable[[], bool]) -> None:
        self._context = context
        self._unbegun = unbegun
        self._since: float | None = None

    def __call__(self) -> bool:
        """Return whether to give up."""
        if not self._context.run.stop.is_set():
            return False
        now = time.monotonic()
        self._since = self._since or now
        return now - self._since > _UNBEGUN_SECONDS and self._unbegun()


@dataclass(frozen=True, slots=True)
class AllProcesses:
    """The Terraform processes of this machine and of the workers. See `Stoppable`.

    Attributes:
        local: those of this machine, where ``--resume`` prepares plans.
        progress: what is on workers.
        order: passes an order to every worker.
    """

    local: Stoppable
    progress: RemoteProgress
    order: Callable[[str], None]

    def in_flight(self) -> Mapping[str, str]:
        """Return what runs now: unit -> ``plan`` or ``apply``."""
        return {**self.progress.in_flight(), **self.local.in_flight()}

    def interrupt_plans(self) -> None:
        """Stop every plan; applies continue, and nothing new starts."""
        self.local.interrupt_plans()
        self.order("interrupt_plans")

    def ask_stop(self) -> None:
        """Ask Terraform to stop."""
        self.local.ask_stop()
        self.order("ask_stop")

    def kill(self) -> None:
        """Kill every process."""
        self.local.kill()
        self.order("kill")
