"""Plain lines for pipes, files and CI: how each unit ended, and when. No color, no cursor movement."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from dataclasses import replace
from typing import TextIO

from orchestrator.report.live.progress import Board
from orchestrator.report.model import (
    Event,
    Notice,
    Phase,
    RunStarted,
    UnitDone,
    UnitPhase,
    UnitProgress,
    UnitReport,
)
from orchestrator.report.text import clean, done_line, duration, encodable, notice_line
from orchestrator.util.plural import plural

_DOING = {
    "plan": "planning",
    "apply": "applying",
    "destroy": "destroying",
    "drift": "comparing",
    "move": "moving",
    "adopt": "adopting",
}
"""What a step of a run does; ``orch apply`` has two steps."""

HEARTBEAT = 30.0
"""Seconds between two lines about units that still run."""


class PlainLines:
    """Writes events as lines, from a thread of its own, so that a slow reader never delays a unit.

    By default a line for each unit that ends, for each notice, and every 30 s for what still runs.

    Args:
        stream: the output; it is not closed. After its first error (a closed pipe, a full disk) nothing is written.
        verbose: write also the phases of units and the progress of Terraform.
        clock: returns seconds; must never go back.
        heartbeat: seconds between two lines about units that still run.
    """

    def __init__(
        self,
        stream: TextIO,
        *,
        verbose: bool = False,
        clock: Callable[[], float] = time.monotonic,
        heartbeat: float = HEARTBEAT,
    ) -> None:
        self._stream = stream
        self._verbose = verbose
        self._clock = clock
        self._heartbeat = heartbeat
        self._start = clock()
        self._last_beat = self._start
        self._board = Board()
        self._mentioned: dict[str, float] = {}
        self._ended: dict[str, UnitReport] = {}
        self._lock = threading.Lock()
        self._queue: queue.SimpleQueue[str | None] = queue.SimpleQueue()
        self._writer: threading.Thread | None = None
        self._closed = False

    def __call__(self, event: Event) -> None:
        """Take one event."""
        now = self._clock()
        with self._lock:
            if self._closed:
                return
            self._board.note(event, now)
            self._start_writer()
            if line := self._line(event):
                if (unit := _unit(event)) is not None:
                    self._mentioned[unit] = now
                self._write_later(line, now)

    def beat(self) -> None:
        """Write one line about the running units that no line mentioned for a while."""
        now = self._clock()
        with self._lock:
            if self._closed or now - self._last_beat < self._heartbeat:
                return
            silent = [
                running
                for running in self._board.running.values()
                if now - max(running.since, self._mentioned.get(running.unit, running.since)) >= self._heartbeat
            ]
            if silent:
                self._last_beat = now
                units = (f"{clean(r.unit)} {r.phase} {duration(now - r.phase_since)}" for r in silent)
                self._write_later(f"still running: {', '.join(units)}", now)

    def close(self) -> None:
        """Write the remaining lines."""
        with self._lock:
            self._closed = True
            writer, self._writer = self._writer, None
        if writer is not None:
            self._queue.put(None)
            writer.join()

    def _line(self, event: Event) -> str:
        if isinstance(event, UnitDone):
            return self._done(event.report)
        if isinstance(event, Notice):
            return notice_line(event)
        return _progress_line(event) if self._verbose else ""

    def _done(self, report: UnitReport) -> str:
        """Return the line of a unit that ended; empty if an earlier line, such as that of its plan, said the same."""
        end = replace(report, seconds=0.0)
        if self._ended.get(report.unit) == end:
            return ""
        self._ended[report.unit] = end
        return done_line(report)

    def _start_writer(self) -> None:
        if self._writer is None:
            self._writer = threading.Thread(target=self._write, name="report", daemon=True)
            self._writer.start()

    def _write_later(self, line: str, now: float) -> None:
        minutes, seconds = divmod(int(now - self._start), 60)
        self._queue.put(f"[{minutes:02}:{seconds:02}] {line}\n")

    def _write(self) -> None:
        broken = False
        while True:
            try:
                line = self._queue.get(timeout=max(0.05, min(1.0, self._heartbeat / 4)))
            except queue.Empty:
                self.beat()
                continue
            if line is None:
                return
            if not broken:
                broken = not self._put(line)

    def _put(self, line: str) -> bool:
        try:
            self._stream.write(encodable(line, self._stream.encoding))
            self._stream.flush()
        except (OSError, ValueError):  # the reader is gone, or the stream is closed; the run goes on
            return False
        return True


def _unit(event: Event) -> str | None:
    if isinstance(event, UnitDone):
        return event.report.unit
    return None if isinstance(event, RunStarted) else event.unit


def _progress_line(event: RunStarted | UnitPhase | UnitProgress) -> str:
    if isinstance(event, RunStarted):
        doing = _DOING.get(event.verb, event.verb)
        return f"run {clean(event.run)}: {doing} {plural(len(event.units), 'unit')}, {event.slots} at a time"
    if isinstance(event, UnitProgress):
        return f"{clean(event.unit)}: {clean(event.line)}"
    if event.phase is Phase.WAIT and not event.detail:
        return ""
    return f"{clean(event.unit)}: {event.phase}" + (f" {clean(event.detail)}" if event.detail else "")
