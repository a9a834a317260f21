"""Sinks: receivers of the events of a run. A sink can be called from several threads at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol, TextIO, runtime_checkable

from orchestrator.report.live.plain import PlainLines
from orchestrator.report.model import Event
from orchestrator.report.style import is_terminal


class Sink(Protocol):
    """Receives the events of a run."""

    def __call__(self, event: Event) -> None:
        """Take one event. Must return soon, and must not raise if its reader is gone."""

    def close(self) -> None:
        """Show what is pending, stop threads, restore the terminal. Later events are dropped."""


@runtime_checkable
class Pausable(Protocol):
    """A sink that can free the terminal for a while, such as for a question."""

    def paused(self) -> AbstractContextManager[None]:
        """Return a context in which nothing is written. Events are still received."""


class Tee:
    """Passes every event to several sinks, in order."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = tuple(sinks)

    def __call__(self, event: Event) -> None:
        """Pass one event on."""
        for sink in self._sinks:
            sink(event)

    def close(self) -> None:
        """Close every sink, even if closing one of them fails."""
        with ExitStack() as stack:
            for sink in reversed(self._sinks):
                stack.callback(sink.close)

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Pause every sink that can be paused."""
        with ExitStack() as stack:
            for sink in self._sinks:
                if isinstance(sink, Pausable):
                    stack.enter_context(sink.paused())
            yield


class Silent:
    """Drops every event, for ``--quiet``."""

    def __call__(self, event: Event) -> None:
        """Drop it."""

    def close(self) -> None:
        """Nothing to do."""


def console_sink(
    stream: TextIO,
    env: Mapping[str, str],
    *,
    no_color: bool = False,
    quiet: bool = False,
    verbose: bool = False,
) -> Sink:
    """Return the sink for a stream: a live view for a terminal; plain lines for a pipe, a file, CI and ``TERM=dumb``.

    Args:
        stream: usually ``sys.stderr``.
        env: the environment, for ``TERM``, ``CI`` and ``NO_COLOR``.
        no_color: the option ``--no-color``.
        quiet: the option ``--quiet``: show nothing while the run goes on.
        verbose: the option ``--verbose``: plain lines show also phases and the progress of Terraform.
    """
    if quiet:
        return Silent()
    if not is_terminal(stream) or env.get("TERM") == "dumb" or env.get("CI"):
        return PlainLines(stream, verbose=verbose)
    from orchestrator.report.live.view import LiveView  # noqa: PLC0415 - importing rich takes 90 ms

    return LiveView.on(stream, env, no_color=no_color)
