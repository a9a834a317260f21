"""Where the events of a run go. A sink may be called from several threads at once."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, ExitStack, contextmanager
from typing import Protocol, TextIO, runtime_checkable

from orchestrator.report.live.plain import PlainLines
from orchestrator.report.model import Event
from orchestrator.report.style import is_terminal


class Sink(Protocol):
    """Takes the events of a run."""

    def __call__(self, event: Event) -> None:
        """Take one event; must not raise for a reader that went away, and must return soon."""

    def close(self) -> None:
        """Show what is left, stop threads, leave the terminal as it was. Events after it are dropped."""


@runtime_checkable
class Pausable(Protocol):
    """A sink that can leave the terminal to somebody else for a while, such as a question."""

    def paused(self) -> AbstractContextManager[None]:
        """While inside, nothing is written; events are taken in all the same."""


class Tee:
    """Passes every event to several sinks, in their order."""

    def __init__(self, sinks: Sequence[Sink]) -> None:
        self._sinks = tuple(sinks)

    def __call__(self, event: Event) -> None:
        """Pass one event on."""
        for sink in self._sinks:
            sink(event)

    def close(self) -> None:
        """Close every sink, also when one of them fails to."""
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
    """Drops every event: ``--quiet``, ``--json``."""

    def __call__(self, event: Event) -> None:
        """Drop it."""

    def close(self) -> None:
        """Nothing to do."""


def console_sink(stream: TextIO, env: Mapping[str, str], *, no_color: bool = False, quiet: bool = False) -> Sink:
    """The sink for a stream: a live view for a terminal, plain lines for a pipe, a file, CI and ``TERM=dumb``.

    Args:
        stream: usually ``sys.stderr``.
        env: the environment, for ``TERM``, ``CI`` and ``NO_COLOR``.
        no_color: the option ``--no-color``.
        quiet: the option ``--quiet``: nothing but the final report.
    """
    if quiet:
        return Silent()
    if not is_terminal(stream) or env.get("TERM") == "dumb" or env.get("CI"):
        return PlainLines(stream)
    from orchestrator.report.live.view import LiveView  # noqa: PLC0415 - rich takes 90 ms, and a pipe needs none of it

    return LiveView.on(stream, env, no_color=no_color)
