"""One picture of a run, as lines that fit the terminal: what runs, what waits, how far it is."""

from __future__ import annotations

from typing import TypeVar

from rich.text import Text

from orchestrator.report.live.progress import Board, Running
from orchestrator.report.text import clean, duration

_T = TypeVar("_T")

_WAITING_ROWS = 8


def frame(board: Board, now: float, started: float, *, width: int, height: int) -> list[Text]:
    """The lines of the view, each narrower than the terminal, all together at most two thirds of its height.

    Args:
        board: the state of the run.
        now: seconds of the clock that the board was filled by.
        started: when the run began, by that clock.
        width: columns of the terminal.
        height: its lines.
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
    """Units that run, the oldest first."""
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
    """Units that wait, the next to start first."""
    shown, more = _cut(units, room)
    names = max((len(unit) for unit, _ in shown), default=0)
    rows = [Text(f"○ {clean(unit).ljust(names)}  waiting {clean(reason)}", style="dim") for unit, reason in shown]
    return rows + ([Text(f"  … and {more} more waiting", style="dim")] if more else [])


def _cut(items: list[_T], room: int) -> tuple[list[_T], int]:
    """What fits into ``room`` lines, one of them kept to say how many do not; and that number."""
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
