"""How safe a value is, so that two can be compared: a change must not make any amount of a level smaller."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Level:
    """How safe a value is, in amounts of which less is worse.

    Attributes:
        amounts: what counts -> how much of it: ``{"": 30.0}`` for days, ``{"eu-west-1": 1.0}`` for one of a set.
        absent: the amount of everything that ``amounts`` does not name.
        texts: what counts -> a phrase for findings, for keys that are none themselves.
    """

    amounts: Mapping[str, float] = field(default_factory=dict)
    absent: float = 0.0
    texts: Mapping[str, str] = field(default_factory=dict)

    def less_than(self, other: Level) -> Iterator[str]:
        """Yield the keys of which this level has less than another; ``""`` when that is true of what neither names."""
        for key in dict.fromkeys((*other.amounts, *self.amounts)):
            if self.amount(key) < other.amount(key):
                yield key
        if self.absent < other.absent and "" not in self.amounts.keys() | other.amounts.keys():
            yield ""

    def amount(self, key: str) -> float:
        """Return how much of a thing there is."""
        return self.amounts.get(key, self.absent)


BEST = Level(absent=math.inf)
"""Nothing is safer; also the level of something in which no danger was found."""

WORST = Level(absent=-math.inf)
"""Nothing is less safe; also the level of what nobody knows."""


def dangers(found: Iterable[tuple[str, float, str]]) -> Level:
    """Return the level of a value with dangers: key, amount (less is worse), phrase. The worst of each key counts."""
    amounts: dict[str, float] = {}
    texts: dict[str, str] = {}
    for key, amount, text in found:
        if amount < amounts.get(key, math.inf):
            amounts[key], texts[key] = amount, text
    return Level(amounts, math.inf, texts)
