"""Plain lines for pipes, files and CI: one per event, with the time since the start; no colour, no cursor movement."""

from __future__ import annotations

import queue
import threading
import time
from collections.abc import Callable
from typing import TextIO

from orchestrator.report.live.progress import Board
from orchestrator.report.model import Event, Notice, Phase, RunStarted, UnitDone, UnitPhase, UnitProgress
from orchestrator.report.text import clean, done_line, duration, encodable, notice_line, plural

HEARTBEAT = 30.0
"""Seconds of silence about a running unit after which a line says that it still runs."""

_DOING = {Phase.INIT: "initialising"}


class PlainLines:
    """Writes events as lines, from a thread of its own: a reader that is slow never holds up a unit.

    Args:
        stream: where the lines go; not closed here. Once it fails (a closed pipe, a full disk) nothing more is written.
        clock: seconds; must never go back.
        heartbeat: seconds of silence until a line says that a unit still runs.
    """

    def __init__(
        self, stream: TextIO, *, clock: Callable[[], float] = time.monotonic, heartbeat: float = HEARTBEAT
    ) -> None:
        self._stream = stream
        self._clock = clock
        self._heartbeat = heartbeat
        self._start = clock()
        self._board = Board()
        self._said: dict[str, float] = {}
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
            if (unit := _unit(event)) is not None:
                self._said[unit] = now
            if line := _line(event):
                self._say(line, now)

    def beat(self) -> None:
        """Say of every running unit that nothing was said about for a while that it still runs."""
        now = self._clock()
        with self._lock:
            if self._closed:
                return
            for running in self._board.running.values():
                if now - self._said.get(running.unit, running.phase_since) >= self._heartbeat:
                    self._said[running.unit] = now
                    doing = _DOING.get(running.phase, str(running.phase))
                    self._say(f"still {doing} {clean(running.unit)}, {duration(now - running.phase_since)}", now)

    def close(self) -> None:
        """Write what is left."""
        with self._lock:
            self._closed = True
            writer, self._writer = self._writer, None
        if writer is not None:
            self._queue.put(None)
            writer.join()

    def _say(self, line: str, now: float) -> None:
        if self._writer is None:
            self._writer = threading.Thread(target=self._write, name="report", daemon=True)
            self._writer.start()
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
        except (OSError, ValueError):  # the reader went away, or the stream was closed: the run matters more
            return False
        return True


def _unit(event: Event) -> str | None:
    if isinstance(event, UnitDone):
        return event.report.unit
    return None if isinstance(event, RunStarted) else event.unit


def _line(event: Event) -> str:
    if isinstance(event, RunStarted):
        return f"run {clean(event.run)}: {event.verb} of {plural(len(event.units), 'unit')}, {event.slots} at once"
    if isinstance(event, UnitPhase):
        if event.phase is Phase.WAIT and not event.detail:
            return ""
        return f"{clean(event.unit)}: {event.phase}" + (f" {clean(event.detail)}" if event.detail else "")
    if isinstance(event, UnitProgress):
        return f"{clean(event.unit)}: {clean(event.line)}"
    return notice_line(event) if isinstance(event, Notice) else done_line(event.report)
