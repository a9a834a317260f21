"""Color: the only module that writes ANSI codes into text that is printed once."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TextIO

from orchestrator.guard.model import Severity
from orchestrator.report.model import Status
from orchestrator.terraform.model import Action

_CODES = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "magenta": "35",
    "cyan": "36",
    "bold red": "1;31",
}

ACTION_STYLES: Mapping[Action, str] = {
    Action.CREATE: "green",
    Action.UPDATE: "yellow",
    Action.REPLACE: "bold red",
    Action.DELETE: "bold red",
    Action.FORGET: "bold red",
    Action.READ: "cyan",
    Action.NOOP: "dim",
}
STATUS_STYLES: Mapping[Status, str] = {
    Status.UNCHANGED: "dim",
    Status.PLANNED: "cyan",
    Status.DRIFTED: "yellow",
    Status.APPLIED: "green",
    Status.DESTROYED: "green",
    Status.MOVED: "green",
    Status.ADOPTED: "green",
    Status.AFTER_UPSTREAMS: "cyan",
    Status.FAILED: "bold red",
    Status.UNKNOWN: "bold red",
    Status.BLOCKED: "bold red",
    Status.SKIPPED: "yellow",
    Status.STALE: "bold red",
    Status.INTERRUPTED: "yellow",
    Status.DECLINED: "yellow",
}
SEVERITY_STYLES: Mapping[Severity, str] = {
    Severity.BLOCK: "bold red",
    Severity.WARN: "yellow",
    Severity.WAIVED: "magenta",
}


@dataclass(frozen=True, slots=True)
class Paint:
    """Applies styles to text; returns it unchanged if color is off."""

    color: bool

    def __call__(self, text: str, style: str) -> str:
        """Return the text in a style such as ``bold red``; an empty style leaves it unchanged.

        Raises:
            KeyError: the style is unknown.
        """
        if not self.color or not style or not text:
            return text
        return f"\x1b[{_CODES[style]}m{text}\x1b[0m"

    def action(self, action: Action, text: str) -> str:
        """Return the text in the color of an action."""
        return self(text, ACTION_STYLES[action])

    def status(self, status: Status, text: str) -> str:
        """Return the text in the color of a status."""
        return self(text, STATUS_STYLES[status])


def use_color(stream: TextIO, env: Mapping[str, str], *, no_color: bool = False) -> bool:
    """Return whether to color what is written to a stream.

    In this order: a ``NO_COLOR`` that is not empty and ``--no-color`` turn color off; ``FORCE_COLOR`` and
    ``CLICOLOR_FORCE`` turn it on; ``TERM=dumb`` turns it off; otherwise color is for terminals only.

    Args:
        stream: the stream to write to.
        env: the environment.
        no_color: the option ``--no-color``.
    """
    if env.get("NO_COLOR") or no_color:
        return False
    if any(env.get(name, "0") not in {"", "0"} for name in ("FORCE_COLOR", "CLICOLOR_FORCE")):
        return True
    return env.get("TERM") != "dumb" and is_terminal(stream)


def is_terminal(stream: TextIO) -> bool:
    """Return whether a stream is a terminal; a closed stream is none."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def width_of(stream: TextIO, default: int = 120) -> int:
    """Return the columns of the terminal that a stream writes to; ``default`` for anything else.

    Pipes and files get a fixed width, so the logs of CI do not depend on a window.
    """
    try:
        return os.get_terminal_size(stream.fileno()).columns or default
    except (OSError, ValueError):
        return default
