"""The live view: what runs and for how long, what waits for what; above it a line for each finished unit.

The view owns the terminal: nothing else writes to it, except inside ``paused``. One thread draws, at most 6 times a
second and only if something visible changed, with a single write each time. Units only leave their events here, so a
stopped terminal (Ctrl-S) does not delay an apply.
"""

from __future__ import annotations

import io
import threading
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Final, TextIO, TypeVar

from rich.console import Console
from rich.text import Text

from orchestrator.report.live.progress import Board, Running
from orchestrator.report.model import Event, Notice, RunStarted, Status, UnitDone
from orchestrator.report.style import STATUS_STYLES, use_color
from orchestrator.report.text import clean, done_line, duration, encodable, notice_line

_T = TypeVar("_T")

_WAITING_ROWS = 8

SYMBOLS: Mapping[Status, str] = {
    Status.UNCHANGED: "=",
    Status.PLANNED: "•",
    Status.DRIFTED: "~",
    Status.APPLIED: "✓",
    Status.DESTROYED: "✓",
    Status.MOVED: "✓",
    Status.ADOPTED: "✓",
    Status.AFTER_UPSTREAMS: "○",
    Status.FAILED: "✗",
    Status.UNKNOWN: "?",
    Status.BLOCKED: "✗",
    Status.SKIPPED: "○",
    Status.STALE: "✗",
    Status.INTERRUPTED: "○",
    Status.DECLINED: "○",
}

RATE = 6.0
"""Maximum updates a second."""

# Terminals with synchronized output show a frame at once; others ignore both codes.
_BEGIN: Final = "\x1b[?2026h"
_END: Final = "\x1b[?2026l"


class LiveView:
    """Shows a run on a terminal.

    Args:
        console: the terminal; its size is read again before each update.
        clock: seconds; must never go back.
        rate: maximum updates a second.
    """

    def __init__(self, console: Console, *, clock: Callable[[], float] = time.monotonic, rate: float = RATE) -> None:
        self._console = console
        self._painter = _painter(console)
        self._clock = clock
        self._interval = 1.0 / rate
        self._board = Board()
        self._started = clock()
        self._above: list[Text] = []
        self._board_lock = threading.Lock()
        # Held while the terminal is written to; always taken before the lock of the board, never while holding it.
        self._terminal_lock = threading.RLock()
        self._drawn: list[int] = []
        self._last = ""
        self._pauses = 0
        self._broken = False
        self._stop = threading.Event()
        self._drawer: threading.Thread | None = None

    @classmethod
    def on(cls, stream: TextIO, env: Mapping[str, str], *, no_color: bool = False) -> LiveView:
        """Return a live view on a terminal, with or without color."""
        plain = not use_color(stream, env, no_color=no_color)
        return cls(Console(file=stream, no_color=plain, highlight=False, markup=False, emoji=False))

    def __call__(self, event: Event) -> None:
        """Take one event; another thread draws it soon after."""
        with self._board_lock:
            if self._stop.is_set():
                return
            self._board.note(event, self._clock())
            if isinstance(event, RunStarted):
                self._started = self._clock()
            elif isinstance(event, UnitDone):
                status = event.report.status
                self._above.append(
                    Text.assemble((SYMBOLS[status], STATUS_STYLES[status]), " ", done_line(event.report))
                )
            elif isinstance(event, Notice):
                self._above.append(Text(f"! {notice_line(event)}", style="bold"))
            if self._drawer is None:
                self._drawer = threading.Thread(target=self._draw_on, name="report", daemon=True)
                self._drawer.start()

    def draw(self) -> None:
        """Update the terminal now; nothing is written if nothing visible changed."""
        with self._terminal_lock:
            if self._pauses:
                return
            width, height = self._console.size
            with self._board_lock:
                above, self._above = self._above, []
                rows = frame(self._board, self._clock(), self._started, width=width, height=height)
            self._put(above, rows, width, height)

    def close(self) -> None:
        """Write the pending lines and erase the view."""
        with self._board_lock:
            self._stop.set()
            drawer, self._drawer = self._drawer, None
        if drawer is not None:
            drawer.join()
        self._leave()

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Free the terminal, such as for a question. Events are still received."""
        with self._terminal_lock:
            self._leave()
            self._pauses += 1
        try:
            yield
        finally:
            with self._terminal_lock:
                self._pauses -= 1

    def _draw_on(self) -> None:
        while not self._stop.wait(self._interval):
            self.draw()

    def _leave(self) -> None:
        """Write the lines of finished units and erase the view."""
        with self._terminal_lock:
            if self._pauses:
                return
            width, height = self._console.size
            with self._board_lock:
                above, self._above = self._above, []
            self._put(above, [], width, height)

    def _put(self, above: Sequence[Text], rows: Sequence[Text], width: int, height: int) -> None:
        view = "\n".join(self._ansi(row) for row in rows)
        if self._broken or (not above and view == self._last):
            return
        lines = "".join(self._ansi(line) + "\n" for line in above)
        try:
            self._console.file.write(
                encodable(_BEGIN + self._erase(width, height) + lines + view + _END, self._console.encoding)
            )
            self._console.file.flush()
        except (OSError, ValueError):  # the terminal is gone: the run continues without a view
            self._broken = True
        self._last = view
        self._drawn = [row.cell_len for row in rows]

    def _erase(self, width: int, height: int) -> str:
        """Return the codes that move the cursor to the start of the view and erase from there.

        A terminal that became narrower has wrapped the lines of the view, so they are counted at the present width.
        """
        rows = sum(max(1, -(-length // max(1, width))) for length in self._drawn)
        up = min(rows, height) - 1
        return "\r" + (f"\x1b[{up}A" if up > 0 else "") + "\x1b[J"

    def _ansi(self, text: Text) -> str:
        """Return a text with codes for this terminal. Rich renders it into memory, never to the terminal."""
        paper = io.StringIO()
        self._painter.file = paper
        self._painter.print(text, end="", soft_wrap=True)
        return paper.getvalue()


def _painter(console: Console) -> Console:
    return Console(
        file=io.StringIO(),
        force_terminal=True,
        color_system=console.color_system,  # type: ignore[arg-type]  # rich declares a Literal
        no_color=console.no_color,
        highlight=False,
        markup=False,
        emoji=False,
    )


def frame(board: Board, now: float, started: float, *, width: int, height: int) -> list[Text]:
    """Return the lines of the view: each narrower than the terminal, together at most two thirds of its height.

    Args:
        board: the state of the run.
        now: seconds, by the clock of the board.
        started: when the run started, by that clock.
        width: columns of the terminal.
        height: lines of the terminal.
    """
    if not board.upstreams:
        return []
    room = max(1, min(height - 1, max(3, height * 2 // 3)))
    waiting = board.waiting()
    rows: list[Text] = []
    if room > 1:
        rows += _running(list(board.running.values()), now, room - 1 - bool(waiting))
        rows += _waiting(waiting, min(_WAITING_ROWS, room - 1 - len(rows)))
    rows.append(_footer(board, now - started))
    for row in rows:
        row.truncate(max(1, width - 1), overflow="ellipsis")
    return rows


def _running(units: list[Running], now: float, room: int) -> list[Text]:
    """Return a line for each running unit, the oldest first."""
    shown, more = _cut(units, room)
    names = max((len(r.unit) for r in shown), default=0)
    phases = max((len(r.phase) for r in shown), default=0)
    rows = [
        Text.assemble(
            ("● ", "cyan"),
            (clean(running.unit).ljust(names), "bold"),
            f"  {running.phase.ljust(phases)}  {duration(now - running.since):>6}  ",
            (clean(running.line or running.detail), "dim"),
        )
        for running in shown
    ]
    return rows + ([Text(f"  … and {more} more running", style="dim")] if more else [])


def _waiting(units: list[tuple[str, str]], room: int) -> list[Text]:
    """Return a line for each waiting unit, the next to start first."""
    shown, more = _cut(units, room)
    names = max((len(unit) for unit, _ in shown), default=0)
    rows = [Text(f"○ {clean(unit).ljust(names)}  waiting {clean(reason)}", style="dim") for unit, reason in shown]
    return rows + ([Text(f"  … and {more} more waiting", style="dim")] if more else [])


def _cut(items: list[_T], room: int) -> tuple[list[_T], int]:
    """Return what fits into ``room`` lines, one of which counts the rest; and the number of the rest."""
    if len(items) <= room:
        return items, 0
    shown = items[: max(0, room - 1)]
    return shown, len(items) - len(shown) if room > 0 else 0


def _footer(board: Board, seconds: float) -> Text:
    counts = board.counts()
    text = Text.assemble((f"{counts.done}/{counts.total} done", "bold"))
    for number, word, style in (
        (counts.failed, "failed", "bold red"),
        (counts.blocked, "blocked", "bold red"),
        (counts.skipped, "skipped", "yellow"),
        (counts.running, "running", "cyan"),
        (counts.planned, "planned", "cyan"),
        (counts.waiting, "waiting", ""),
    ):
        if number:
            text.append(" · ").append(f"{number} {word}", style)
    return text.append(f" · {duration(seconds)}")
