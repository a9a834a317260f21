"""Which lines of Terraform's output are worth showing while it works."""

from __future__ import annotations

import re
from collections.abc import Callable

from orchestrator.report.live.sink import Sink
from orchestrator.report.model import Notice, UnitProgress

_WORTH = re.compile(
    r": (?:Creating\.\.\.|Modifying\.\.\.|Destroying\.\.\.|Importing\.\.\.|Still |"
    r"(?:Creation|Modifications|Destruction|Import) complete)"
)
"""Terraform's human output of 1.11: ``ADDRESS: Creation complete after 2s [id=…]``."""

_ID = re.compile(r" \[id=.*?\](?= |,|$)")


def progress_callback(sink: Sink, unit: str) -> Callable[[str], None]:
    """A callback for Terraform's lines that passes on those about a resource's change, without ids."""

    def on_line(line: str) -> None:
        if _WORTH.search(line):
            sink(UnitProgress(unit, _ID.sub("", line).removeprefix("module.this.")))

    return on_line


class ChangeDetector:
    """Passes lines on, and notes whether Terraform began to change anything.

    Args:
        on_line: takes every line.
    """

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self.began = False

    def __call__(self, line: str) -> None:
        """Take one line."""
        self.began = self.began or bool(_WORTH.search(line))
        self._on_line(line)


def warning_callback(sink: Sink, unit: str) -> Callable[[str], None]:
    """A callback for what the supervision of a process has to say: time limits, kills."""

    def on_warning(text: str) -> None:
        sink(Notice(text=text, unit=unit))

    return on_warning
