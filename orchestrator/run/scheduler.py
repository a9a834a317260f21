"""Runs a function over the units of a graph: a unit starts as soon as its upstreams are done.

Knows nothing of Terraform and AWS.
"""

from __future__ import annotations

import heapq
import queue
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from enum import StrEnum
from typing import Generic, TypeVar

from orchestrator.config.graph import Graph

_T = TypeVar("_T")


class UnitOutcome(StrEnum):
    """How one unit ended in the schedule."""

    DONE = "done"
    FAILED = "failed"
    """Its downstreams must not start."""
    SKIPPED = "skipped"
    """Never started: an upstream failed or was skipped."""
    NOT_STARTED = "not started"
    """Never started: the run was stopped first."""


@dataclass(frozen=True, slots=True)
class StepResult(Generic[_T]):
    """The result of one unit. ``unblocks_downstreams``: its downstreams may start."""

    result: _T
    unblocks_downstreams: bool = True


@dataclass(frozen=True, slots=True)
class UnitEnd(Generic[_T]):
    """The end of one unit. ``culprit``: for a skipped unit, the unit whose failure caused it."""

    unit: str
    outcome: UnitOutcome
    result: _T | None = None
    culprit: str | None = None


class Stop:
    """A flag that prevents new units from starting. A signal handler sets it, the scheduler reads it."""

    def __init__(self) -> None:
        self._event = threading.Event()

    def set(self) -> None:
        """Let nothing new start."""
        self._event.set()

    def is_set(self) -> bool:
        """Return whether it is set."""
        return self._event.is_set()

    def wait(self, seconds: float) -> bool:
        """Wait until it is set, at most for some seconds; return whether it is."""
        return self._event.wait(seconds)


def run_graph(
    graph: Graph,
    work: Callable[[str], StepResult[_T]],
    *,
    slots: int,
    stop: Stop,
    fail_fast: bool = False,
    on_end: Callable[[UnitEnd[_T]], None] | None = None,
) -> Mapping[str, UnitEnd[_T]]:
    """Run ``work`` over every unit of a graph: upstreams first, the longest remaining path first.

    Args:
        graph: the units and their order.
        work: called in a worker thread, once per unit, when its upstreams are done; must not raise for
            expected failures.
        slots: number of units that run at the same time, at least 1.
        stop: once set, running units finish and nothing new starts.
        fail_fast: treat the first failure like ``stop``.
        on_end: called in this thread when a unit ends, also when it is skipped.

    Returns:
        How each unit ended, in graph order.

    Raises:
        Exception: what ``work`` raised, after all running units have ended: a bug, not a failed unit.
    """
    schedule = _Schedule(graph, on_end or (lambda _: None))
    done: queue.Queue[tuple[str, Future[StepResult[_T]]]] = queue.Queue()
    error: BaseException | None = None
    running = 0
    with ThreadPoolExecutor(max_workers=max(1, slots), thread_name_prefix="unit") as pool:
        while True:
            halted = stop.is_set() or error is not None or (fail_fast and schedule.failed)
            while running < max(1, slots) and not halted and (unit := schedule.next_ready()) is not None:
                future = pool.submit(work, unit)
                future.add_done_callback(lambda f, unit=unit: done.put((unit, f)))  # type: ignore[misc]
                running += 1
            if running == 0:
                break
            unit, future = done.get()
            running -= 1
            if (raised := future.exception()) is not None:
                error = error or raised
                continue
            schedule.end(unit, future.result())
    if error is not None:
        raise error
    schedule.abandon()
    return {unit: schedule.ended[unit] for unit in graph.order}


class _Schedule(Generic[_T]):
    """The ready units, and how the others ended."""

    def __init__(self, graph: Graph, on_end: Callable[[UnitEnd[_T]], None]) -> None:
        self._graph = graph
        self._on_end = on_end
        self._position = {unit: number for number, unit in enumerate(graph.order)}
        self._missing = {unit: len(graph.upstreams(unit)) for unit in graph.order}
        self._ready: list[tuple[int, int, str]] = []
        self.ended: dict[str, UnitEnd[_T]] = {}
        self.failed = False
        for unit in graph.order:
            if not self._missing[unit]:
                self._push(unit)

    def _push(self, unit: str) -> None:
        heapq.heappush(self._ready, (-self._graph.height(unit), self._position[unit], unit))

    def next_ready(self) -> str | None:
        """Take the ready unit with the longest path of downstreams; None when no unit is ready."""
        return heapq.heappop(self._ready)[2] if self._ready else None

    def end(self, unit: str, step: StepResult[_T]) -> None:
        """Note the end of a unit; its downstreams become ready or are skipped."""
        if step.unblocks_downstreams:
            self._note(UnitEnd(unit, UnitOutcome.DONE, step.result))
            for below in self._graph.downstreams(unit):
                self._missing[below] -= 1
                if not self._missing[below] and below not in self.ended:
                    self._push(below)
            return
        self.failed = True
        self._note(UnitEnd(unit, UnitOutcome.FAILED, step.result))
        for below in self._graph.order:
            if below in self._graph.below([unit]) and below not in self.ended:
                self._note(UnitEnd(below, UnitOutcome.SKIPPED, culprit=unit))

    def abandon(self) -> None:
        """Note every unit that never started because the run was stopped."""
        for unit in self._graph.order:
            if unit not in self.ended:
                self._note(UnitEnd(unit, UnitOutcome.NOT_STARTED))

    def _note(self, ended: UnitEnd[_T]) -> None:
        self.ended[ended.unit] = ended
        self._on_end(ended)
