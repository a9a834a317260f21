"""Asks a person before anything is changed."""

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

_LOOK_SECONDS = 0.2


class Prompt:
    """Asks on the terminal, one question at a time, with the live view out of the way.

    Args:
        common: the options of every verb.
        sink: the live view.
        stop: once set, nothing is asked any more, and the answer is no.
    """

    def __init__(self, common: Common, sink: Sink, stop: Stop) -> None:
        self._common = common
        self._sink = sink
        self._stop = stop
        self._lock = threading.Lock()

    def paused(self) -> AbstractContextManager[None]:
        """While inside, the live view is off the terminal."""
        return self._sink.paused() if isinstance(self._sink, Pausable) else nullcontext()

    def approve(self, shown: Sequence[UnitReport], *, words: Sequence[str], destroy: bool) -> bool:
        """Ask once over all plans and previews.

        Args:
            shown: what the person has seen.
            words: stage names to type; empty: yes or no.
            destroy: the plans destroy.
        """
        going = [each for each in shown if each.status in {Status.PLANNED, Status.AFTER_UPSTREAMS}]
        verb = "Destroy" if destroy else "Apply"
        question = f"{verb} {_counted(len(going), 'unit')}{_losses(going)}?"
        with self._lock, self.paused():
            return self._typed(question, " ".join(words) or "yes")

    def again(self, report: UnitReport) -> bool:
        """Ask for a unit that could not be shown before; called from a worker's thread."""
        with self._lock, self.paused():
            color = use_color(sys.stderr, os.environ, no_color=self._common.no_color)
            sys.stderr.write(render_unit(report, colour=color, width=width_of(sys.stderr)) + "\n")
            return self._typed(f"{report.unit} could not be shown before. Apply it?", "yes")

    def confirm(self, question: str, *, words: Sequence[str] = ()) -> bool:
        """Ask one question; ``words``: what must be typed, else yes."""
        with self._lock, self.paused():
            return self._typed(question, " ".join(words) or "yes")

    def _typed(self, question: str, word: str) -> bool:
        sys.stderr.write(f"{question} Only {word!r} is taken for yes: ")
        sys.stderr.flush()
        # A Ctrl-C is handled elsewhere and would leave us waiting for a line: so both are looked for in turns.
        while not self._stop.is_set():
            if os.name != "posix" or select.select([sys.stdin], [], [], _LOOK_SECONDS)[0]:
                return sys.stdin.readline().strip() == word
        return False


def typed(question: str, word: str) -> bool:
    """Ask on the terminal, outside of any run; whether exactly ``word`` was typed."""
    sys.stderr.write(f"{question} Only {word!r} is taken for yes: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == word


def _losses(going: Sequence[UnitReport]) -> str:
    parts = [
        f"{count} {text}"
        for action, text in ((Action.DELETE, "deleted"), (Action.REPLACE, "replaced"), (Action.FORGET, "forgotten"))
        if (count := sum(each.count(action) for each in going))
    ]
    return f" ({', '.join(parts)})" if parts else ""


def _counted(count: int, noun: str) -> str:
    return f"{count} {noun}{'' if count == 1 else 's'}"
