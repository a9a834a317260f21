"""Asks the user for approval before anything is changed."""

from __future__ import annotations

import os
import select
import sys
import threading
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext

from orchestrator.cli.context import Common
from orchestrator.report.final.units import render_unit
from orchestrator.report.live.sink import Pausable, Sink
from orchestrator.report.model import Status, UnitReport
from orchestrator.report.style import use_color, width_of
from orchestrator.run.scheduler import Stop
from orchestrator.terraform.model import Action
from orchestrator.util.plural import plural
from orchestrator.util.streams import write_stderr

_POLL_SECONDS = 0.2


class Prompt:
    """Asks on the terminal, one question at a time, with the live view paused.

    Args:
        common: the options of every command.
        sink: the live view.
        stop: once set, nothing more is asked and every answer is no.
    """

    def __init__(self, common: Common, sink: Sink, stop: Stop) -> None:
        self._common = common
        self._sink = sink
        self._stop = stop
        self._lock = threading.Lock()

    def paused(self) -> AbstractContextManager[None]:
        """Return a context in which the live view is off the terminal."""
        return self._sink.paused() if isinstance(self._sink, Pausable) else nullcontext()

    def approve(self, shown: Sequence[UnitReport], *, words: Sequence[str], destroy: bool) -> bool:
        """Ask once for the approval of all plans and previews.

        Args:
            shown: the reports that the user has seen.
            words: stage names that the user must type; empty: ``yes``.
            destroy: the plans destroy.
        """
        going = [each for each in shown if each.status in {Status.PLANNED, Status.AFTER_UPSTREAMS}]
        action = "Destroy" if destroy else "Apply"
        return self.confirm(f"{action} {plural(len(going), 'unit')}{_losses(going)}?", words=words)

    def again(self, report: UnitReport) -> bool:
        """Ask for the approval of a unit that could not be shown before; called from a worker's thread."""
        with self._lock, self.paused():
            color = use_color(sys.stderr, os.environ, no_color=self._common.no_color)
            write_stderr(render_unit(report, color=color, width=width_of(sys.stderr)) + "\n")
            return self._typed(f"{report.unit} could not be shown before. Apply it?", "yes")

    def confirm(self, question: str, *, words: Sequence[str] = ()) -> bool:
        """Ask one question; the answer must be ``words``, or ``yes`` without any."""
        with self._lock, self.paused():
            return self._typed(question, " ".join(words) or "yes")

    def _typed(self, question: str, word: str) -> bool:
        _ask(question, word)
        # Ctrl-C only sets `stop`, and a blocking read would not notice it.
        while not self._stop.is_set():
            if os.name != "posix" or select.select([sys.stdin], [], [], _POLL_SECONDS)[0]:
                return sys.stdin.readline().strip() == word
        return False


def typed(question: str, word: str) -> bool:
    """Ask on the terminal outside of a run; return whether the answer is exactly ``word``."""
    _ask(question, word)
    return sys.stdin.readline().strip() == word


def _ask(question: str, word: str) -> None:
    write_stderr(f"{question} Only {word!r} will be accepted: ")


def _losses(going: Sequence[UnitReport]) -> str:
    parts = [
        f"{count} {text}"
        for action, text in ((Action.DELETE, "to delete"), (Action.REPLACE, "to replace"), (Action.FORGET, "to forget"))
        if (count := sum(each.count(action) for each in going))
    ]
    return f" ({', '.join(parts)})" if parts else ""
