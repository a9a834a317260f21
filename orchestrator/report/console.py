"""Chooses how a run is shown while it goes. Imports rich, so only verbs that run something import this."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from orchestrator.report.live import LiveView
from orchestrator.report.paint import is_terminal
from orchestrator.report.plain import PlainLines
from orchestrator.report.sink import Silent


def console_sink(
    stream: TextIO, env: Mapping[str, str], *, no_color: bool = False, quiet: bool = False
) -> LiveView | PlainLines | Silent:
    """The sink for a stream: a live view for a terminal, plain lines for a pipe, a file, CI and ``TERM=dumb``.

    Args:
        stream: usually ``sys.stderr`` or ``sys.stdout``.
        env: the environment, for ``TERM``, ``CI`` and ``NO_COLOR``.
        no_color: the option ``--no-color``.
        quiet: the option ``--quiet``: nothing but the final report.
    """
    if quiet:
        return Silent()
    if not is_terminal(stream) or env.get("TERM") == "dumb" or env.get("CI"):
        return PlainLines(stream)
    return LiveView.on(stream, env, no_color=no_color)
