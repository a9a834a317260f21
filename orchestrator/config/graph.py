"""The dependency graph of the units, made from their upstreams."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.config.catalogue import Unit, unit_references
from orchestrator.errors import CatalogueError, Location, Problem


@dataclass(frozen=True, slots=True)
class Graph:
    """A directed acyclic graph of units.

    Attributes:
        order: every unit, upstreams first. Where several units could come next, the first in the alphabet does.
    """

    order: tuple[str, ...]
    _up: Mapping[str, tuple[str, ...]]
    _down: Mapping[str, tuple[str, ...]]
    _height: Mapping[str, int]

    @classmethod
    def of(cls, units: Mapping[str, Unit]) -> Graph:
        """Return the graph of units. Upstreams that are not among them are ignored.

        Raises:
            CatalogueError: the units have a dependency cycle.
        """
        up = {id_: tuple(sorted(name for name in unit.upstreams if name in units)) for id_, unit in units.items()}
        order = _sorted(up)
        if len(order) < len(up):
            raise CatalogueError([_cycle(up, set(up) - set(order), units)])
        return cls._made(order, up)

    @classmethod
    def _made(cls, order: tuple[str, ...], up: Mapping[str, tuple[str, ...]]) -> Graph:
        down: dict[str, list[str]] = {id_: [] for id_ in order}
        for id_ in order:
            for above in up[id_]:
                down[above].append(id_)
        height: dict[str, int] = {}
        for id_ in reversed(order):
            height[id_] = max((height[below] + 1 for below in down[id_]), default=0)
        return cls(order, up, {id_: tuple(below) for id_, below in down.items()}, height)

    def upstreams(self, unit: str) -> tuple[str, ...]:
        """Return the direct upstreams of a unit, sorted."""
        return self._up[unit]

    def downstreams(self, unit: str) -> tuple[str, ...]:
        """Return the direct downstreams of a unit, in graph order."""
        return self._down[unit]

    def above(self, units: Iterable[str]) -> frozenset[str]:
        """Return the direct and indirect upstreams of units, without the units themselves."""
        return _reach(units, self._up)

    def below(self, units: Iterable[str]) -> frozenset[str]:
        """Return the direct and indirect downstreams of units, without the units themselves."""
        return _reach(units, self._down)

    def height(self, unit: str) -> int:
        """Return the length of the longest path down from a unit: 0 when it has no downstreams."""
        return self._height[unit]

    def subgraph(self, units: Iterable[str]) -> Graph:
        """Return the graph of these units only. Dependencies through units that are left out stay."""
        chosen = set(units)
        nearest: dict[str, frozenset[str]] = {}
        up: dict[str, tuple[str, ...]] = {}
        for id_ in self.order:
            direct = [{above} if above in chosen else nearest[above] for above in self._up[id_]]
            found = frozenset().union(*direct)
            if id_ in chosen:
                up[id_] = tuple(sorted(found))
            else:
                nearest[id_] = found
        return Graph._made(tuple(id_ for id_ in self.order if id_ in chosen), up)

    def reversed(self) -> Graph:
        """Return the same units with downstreams first."""
        return Graph._made(tuple(reversed(self.order)), {id_: tuple(sorted(b)) for id_, b in self._down.items()})


def _sorted(up: Mapping[str, tuple[str, ...]]) -> tuple[str, ...]:
    """Sort with Kahn's algorithm. Units on a cycle, or downstream of one, are missing from the result."""
    missing = {id_: len(above) for id_, above in up.items()}
    down: dict[str, list[str]] = {id_: [] for id_ in up}
    for id_, above in up.items():
        for name in above:
            down[name].append(id_)
    ready = [id_ for id_, count in missing.items() if not count]
    heapq.heapify(ready)
    order: list[str] = []
    while ready:
        id_ = heapq.heappop(ready)
        order.append(id_)
        for below in down[id_]:
            missing[below] -= 1
            if not missing[below]:
                heapq.heappush(ready, below)
    return tuple(order)


def _reach(units: Iterable[str], edges: Mapping[str, tuple[str, ...]]) -> frozenset[str]:
    start = frozenset(units)
    seen = set(start)
    todo = list(start)
    while todo:
        for name in edges[todo.pop()]:
            if name not in seen:
                seen.add(name)
                todo.append(name)
    return frozenset(seen - start)


def _cycle(up: Mapping[str, tuple[str, ...]], among: set[str], units: Mapping[str, Unit]) -> Problem:
    """Return one cycle among units that could not be sorted."""
    path: dict[str, None] = {}  # an ordered set
    current = min(among)
    while current not in path:
        path[current] = None
        # Every unsorted unit has an unsorted upstream, so the walk returns to a unit that it has seen.
        current = next(name for name in up[current] if name in among)
    walked = list(path)
    cycle = walked[walked.index(current) :]
    start = cycle.index(min(cycle))
    cycle = [*cycle[start:], *cycle[:start]]
    steps = [(name, _reads(units[name], above)) for name, above in zip(cycle, [*cycle[1:], cycle[0]], strict=True)]
    shown = "".join(f"{name} ({at}) -> " for name, at in steps) + cycle[0]
    hint = "remove one of these references or `depends_on` entries"
    return Problem(steps[0][1], f"dependency cycle: {shown}", hint)


def _reads(unit: Unit, above: str) -> Location:
    """Return where a unit reads another one, or where the unit is named when it reads none of its outputs."""
    return next((ref.at for _, ref in unit_references(unit) if ref.unit == above), unit.at)
