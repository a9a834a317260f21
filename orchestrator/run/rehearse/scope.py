"""Which units a rehearsal applies: the targets in base and head, and all that they read from."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.graph import Graph


@dataclass(frozen=True, slots=True)
class RehearsalScope:
    """The units of a rehearsal. An empty emulator has no outputs, so the upstreams of the targets are applied, too.

    Attributes:
        base: the units to apply as base has them, in graph order.
        head: the units to apply as head has them, in graph order.
        targets: what was asked for, in base or head.
        left_out: unit -> why it cannot be rehearsed.
    """

    base: tuple[str, ...]
    head: tuple[str, ...]
    targets: frozenset[str]
    left_out: Mapping[str, str]

    def units(self) -> tuple[str, ...]:
        """Return every unit of base and head, upstreams first, with those that are left out."""
        return tuple(dict.fromkeys([*self.head, *self.base, *self.left_out]))


def rehearsal_scope(
    base: tuple[Catalogue, Graph], head: tuple[Catalogue, Graph], *, in_base: Iterable[str], in_head: Iterable[str]
) -> RehearsalScope:
    """Return the units of a rehearsal.

    Args:
        base: configuration and graph of base.
        head: those of head.
        in_base: the units that the targets match in base.
        in_head: the same in head.
    """
    targets = frozenset(in_base) | frozenset(in_head)
    left_out: dict[str, str] = {}
    chosen = [_closed(graph, targets & catalogue.units.keys()) for catalogue, graph in (base, head)]
    for (catalogue, graph), ids in zip((base, head), chosen, strict=True):
        obstacles = {id_: why for id_ in ids if (why := _obstacle(catalogue, catalogue.units[id_]))}
        left_out |= with_downstreams(graph, ids, obstacles)
    of_base, of_head = (tuple(id_ for id_ in ids if id_ not in left_out) for ids in chosen)
    return RehearsalScope(of_base, of_head, targets, left_out)


def with_downstreams(graph: Graph, ids: Collection[str], causes: Mapping[str, str]) -> dict[str, str]:
    """Return unit -> why it is left out, for units with a cause and those that read from them.

    Args:
        graph: the graph of all units.
        ids: the units of the rehearsal, in graph order.
        causes: unit -> why it is left out.
    """
    found = dict(causes)
    for id_ in ids:
        above = next((each for each in graph.upstreams(id_) if each in found), None)
        if id_ not in found and above is not None:
            found[id_] = f"it reads from {above}, which is not rehearsed"
    return found


def _closed(graph: Graph, ids: Collection[str]) -> tuple[str, ...]:
    wanted = {*ids, *graph.above(ids)}
    return tuple(id_ for id_ in graph.order if id_ in wanted)


def _obstacle(catalogue: Catalogue, unit: Unit) -> str:
    """Return why a unit cannot be rehearsed; empty if it can."""
    missing = sorted(name for name in unit.accounts if not catalogue.accounts[name].created)
    if missing:
        return f"the account {missing[0]} has no id yet"
    if unit.unset:
        names = ", ".join(f"--set {each.key}=VALUE" for each in unit.unset)
        return f"a value of the run is missing: {names}"
    return ""
