"""What runs on a worker of a Dask cluster: it builds the context of a run for itself, and works on one unit at a time.

A worker has its own AWS identity, Terraform, processes and credential files. It gets the repository and all inputs from
the state buckets, and leaves all results there.
"""

from __future__ import annotations

import asyncio
import json
import secrets
import socket
import threading
import time
from contextlib import suppress
from datetime import UTC, datetime
from typing import Any

from distributed import get_worker
from distributed.diagnostics.plugin import WorkerPlugin

from orchestrator import __version__
from orchestrator.errors import OrchError, SetupError
from orchestrator.report.model import Event, Notice, UnitPhase, UnitProgress
from orchestrator.run.executor.records import Claim, UnitResult, UnitTask, topic_of
from orchestrator.run.executor.worker_run import WorkerRun
from orchestrator.util.once_map import OnceMap

PLUGIN = "orch"
_IDLE_SECONDS = 900.0
"""A run that nobody ended, because its machine died, is closed after this long without a task."""
_DRAIN_SECONDS = 0.5


def version_of_worker() -> str:
    """Return the version of orch on a worker."""
    return __version__


def run_task(text: str) -> str:
    """Work on one task: JSON in, JSON out. Runs in a thread of the worker."""
    runs: WorkerRuns = get_worker().plugins[PLUGIN]
    return runs.work(UnitTask.parse(text)).text()


async def take_order(order: str, run: str, dask_worker: Any = None) -> None:
    """Follow an order about a run on a worker: ``interrupt_plans``, ``ask_stop``, ``kill`` or ``end``."""
    runs: WorkerRuns = dask_worker.plugins[PLUGIN]
    if order == "end":
        await asyncio.to_thread(runs.end, run)
    else:
        runs.steer(run, order)


class WorkerRuns(WorkerPlugin):  # type: ignore[misc]  # distributed has no types where it is not installed
    """The runs that a worker works for. One context for each run is kept until the run ends, or is idle."""

    name = PLUGIN
    idempotent = True

    def setup(self, worker: Any) -> None:
        """Begin; Dask calls it on the worker."""
        self._worker = worker
        self._label = f"{worker.name}@{socket.gethostname()}" if worker.name != worker.address else str(worker.address)
        self._lock = threading.Lock()
        self._opened: OnceMap[str, WorkerRun] = OnceMap()
        self._runs: dict[str, WorkerRun] = {}
        self._used: dict[str, float] = {}
        self._working: dict[str, int] = {}
        self._stopped: set[str] = set()

    async def teardown(self, worker: Any) -> None:  # noqa: ARG002 - Dask's signature
        """End: plans are stopped, and applies run to their end, however long they take."""
        for run in list(self._runs.values()):
            run.steer("interrupt_plans")
        while any(run.applying() for run in list(self._runs.values())):
            await asyncio.sleep(_DRAIN_SECONDS)
        for name in list(self._runs):
            await asyncio.to_thread(self.end, name)

    def work(self, task: UnitTask) -> UnitResult:
        """Work on one task. A failure is a result, never an exception."""
        if task.orch != __version__:
            error = f"the worker {self._label} has orch {__version__}, and the run orch {task.orch}"
            return UnitResult(self._label, error=error, hint=f"pip install 'orch[dask]=={task.orch}'")
        self._close_idle()
        with self._lock:
            self._working[task.run] = self._working.get(task.run, 0) + 1
        try:
            run = self._opened.get(task.run, lambda: self._open(task))
            return run.work(task, self._claim())
        except OrchError as error:
            return UnitResult(self._label, error=error.what, hint=error.hint or "")
        finally:
            with self._lock:
                self._working[task.run] -= 1
                self._used[task.run] = time.monotonic()

    def steer(self, run: str, order: str) -> None:
        """Stop the processes of a run here, also those of tasks that come later."""
        with self._lock:
            self._stopped.add(run)
            known = self._runs.get(run)
        if known is not None:
            known.steer(order)

    def end(self, run: str) -> None:
        """Close a run here, unless it still applies something: that needs its credentials to the end."""
        with self._lock:
            known = self._runs.get(run)
            if known is not None and known.applying():
                return
            self._runs.pop(run, None)
            self._opened.forget(run)
            self._stopped.discard(run)
            self._used.pop(run, None)
        if known is not None:
            known.close()

    def _open(self, task: UnitTask) -> WorkerRun:
        try:
            slots = int(self._worker.state.nthreads)
            run = WorkerRun.open(task, self._label, lambda event: self._log(task.run, event), slots=slots)
        except (OSError, ValueError) as error:
            message = f"the worker {self._label} cannot prepare the run: {error}"
            raise SetupError(message, hint="check its disk, and that it has the version of orch of the run") from error
        with self._lock:
            self._runs[task.run] = run
            stopped = task.run in self._stopped
        if stopped:
            run.steer("interrupt_plans")
        return run

    def _claim(self) -> Claim:
        return Claim(secrets.token_hex(16), self._label, datetime.now(UTC).isoformat(timespec="seconds"))

    def _log(self, run: str, event: Event) -> None:
        """Pass an event on to the machine of the run, through the scheduler. It is lost if that is gone."""
        form = event_form(event)
        if form is not None:
            with suppress(Exception):
                self._worker.log_event(topic_of(run), json.dumps({**form, "worker": self._label}))

    def _close_idle(self) -> None:
        limit = time.monotonic() - _IDLE_SECONDS
        with self._lock:
            idle = [run for run, at in self._used.items() if at < limit and not self._working.get(run)]
        for run in idle:
            self.end(run)


def event_form(event: Event) -> dict[str, str] | None:
    """Return an event of a unit as plain values; None for the others, which are made where the run began."""
    if isinstance(event, UnitPhase):
        return {"unit": event.unit, "phase": event.phase.value, "detail": event.detail}
    if isinstance(event, UnitProgress):
        return {"unit": event.unit, "line": event.line}
    if isinstance(event, Notice):
        return {"unit": event.unit or "", "text": event.text}
    return None
