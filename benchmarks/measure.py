"""Times two things in turns, so that both meet the same machine, and gives their ratio."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Pair:
    """Seconds of ours and of theirs, round by round."""

    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def ratio(self) -> float:
        """Median of the rounds' ratios: a round in which the machine was slow was slow for both."""
        return statistics.median(a / b for a, b in zip(self.ours, self.theirs, strict=True))

    def shown(self) -> str:
        """Medians in seconds, and the ratio."""
        ours, theirs = statistics.median(self.ours), statistics.median(self.theirs)
        return f"{ours:.2f} s · {theirs:.2f} s · {self.ratio:.2f}"


def timed(function: Callable[[], object]) -> float:
    """Wall time of a call, in seconds; less what the call returns as a number, which is to be reported apart."""
    started = time.perf_counter()
    apart = function()
    return time.perf_counter() - started - (apart if isinstance(apart, float) else 0.0)


def side_by_side(
    ours: Callable[[], object],
    theirs: Callable[[], object],
    *,
    rounds: int = ROUNDS,
    before: Callable[[], object] = lambda: None,
) -> Pair:
    """Time both in each round, the first of them in turns.

    Args:
        ours: what we do.
        theirs: the same work without us.
        rounds: how often.
        before: brings back the beginning before each of both, not timed.
    """
    mine: list[float] = []
    other: list[float] = []
    for number in range(rounds):
        order = ((ours, mine), (theirs, other)) if number % 2 == 0 else ((theirs, other), (ours, mine))
        for function, into in order:
            before()
            into.append(timed(function))
    return Pair(tuple(mine), tuple(other))
