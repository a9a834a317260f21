"""Runs contenders in turns, so that all meet the same machine."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from benchmarks.figures import Side
from benchmarks.tree import Usage

_ROUNDS = 3


@dataclass(frozen=True, slots=True)
class Effort:
    """How thoroughly to measure. ``quick`` checks the harness: small sizes, one round, figures that mean nothing."""

    quick: bool = False

    @property
    def rounds(self) -> int:
        """How often each contender runs."""
        return 1 if self.quick else _ROUNDS

    def size(self, full: int, quick: int) -> int:
        """Return the size to measure at."""
        return quick if self.quick else full


def in_turns(
    contenders: Mapping[str, Callable[[], Usage]],
    *,
    rounds: int,
    before: Callable[[], object] = lambda: None,
) -> dict[str, list[Usage]]:
    """Run each contender once in each round, in each round another one first.

    Args:
        contenders: name -> what to measure.
        rounds: how often.
        before: brings back the beginning before each of them; not measured.

    Returns:
        Name -> what each round took.
    """
    names = list(contenders)
    found: dict[str, list[Usage]] = {name: [] for name in names}
    for number in range(rounds):
        first = number % len(names)
        for name in names[first:] + names[:first]:
            before()
            usage = contenders[name]()
            say(f"  round {number + 1}: {name}: {usage.seconds:.2f} s, {usage.cpu:.1f} CPU s")
            found[name].append(usage)
    return found


def wall(name: str, usages: list[Usage]) -> Side:
    """Return wall time as a side, in seconds."""
    return Side(name, tuple(usage.seconds for usage in usages))


def cpu(name: str, usages: list[Usage]) -> Side:
    """Return CPU time as a side, in CPU seconds."""
    return Side(name, tuple(usage.cpu for usage in usages))


def memory(name: str, usages: list[Usage]) -> Side:
    """Return the memory at its highest as a side, in GB of 10^9 bytes."""
    return Side(name, tuple(usage.peak / 1e9 for usage in usages))


def say(text: str) -> None:
    """Say on standard error what happens."""
    sys.stderr.write(f"{time.strftime('%H:%M:%S')} {text}\n")
    sys.stderr.flush()
