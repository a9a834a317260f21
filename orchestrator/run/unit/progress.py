"""Selects the lines of Terraform's output to show while it works."""

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
    """Return a callback that passes on Terraform's lines about resource changes, without ids."""

    def on_line(line: str) -> None:
        if _WORTH.search(line):
            sink(UnitProgress(unit, _ID.sub("", line).removeprefix("module.this.")))

    return on_line


class ChangeDetector:
    """Passes lines on, and notices when Terraform begins to change anything.

    Args:
        on_line: receives every line.
    """

    def __init__(self, on_line: Callable[[str], None]) -> None:
        self._on_line = on_line
        self.began = False

    def __call__(self, line: str) -> None:
        """Receive one line."""
        self.began = self.began or bool(_WORTH.search(line))
        self._on_line(line)


def warning_callback(sink: Sink, unit: str) -> Callable[[str], None]:
    """Return a callback that shows warnings about Terraform's process: timeouts, kills."""

    def on_warning(text: str) -> None:
        sink(Notice(text=text, unit=unit))

    return on_warning
