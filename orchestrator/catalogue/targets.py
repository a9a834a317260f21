"""What a person selects: stages, units, globs, accounts, modules, with upstreams or downstreams."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase

from orchestrator.catalogue.graph import Graph
from orchestrator.catalogue.near import near_miss
from orchestrator.catalogue.records import Catalogue
from orchestrator.errors import UsageError


def select(
    catalogue: Catalogue,
    graph: Graph,
    targets: Sequence[str],
    *,
    exclude: Sequence[str] = (),
    changed: frozenset[str] | None = None,
) -> tuple[str, ...]:
    """The units that targets mean, in graph order.

    Args:
        catalogue: the loaded catalogue.
        graph: of all of its units.
        targets: STAGE, UNIT, a glob over unit ids, ``account:NAME``, ``module:NAME``; ``+X`` with everything that X
            needs, ``X+`` with everything that needs X. Without any, ``changed`` must be given.
        exclude: targets that are left out.
        changed: only these units.

    Raises:
        UsageError: a target means nothing, or no unit is left.
    """
    if not targets and changed is None:
        stages = ", ".join(sorted(catalogue.stages)) or "none yet"
        message = "name what to act on"
        raise UsageError(message, hint=f"a stage ({stages}), a unit (STAGE/STACK), account:NAME, or * for everything")
    chosen: set[str] = set()
    for target in targets or ["*"]:
        chosen |= _matching(catalogue, graph, target)
    for target in exclude:
        chosen -= _matching(catalogue, graph, target)
    if changed is not None:
        chosen &= changed
    if not chosen:
        what = "nothing that was selected has changed" if changed is not None else "--exclude leaves nothing"
        raise UsageError(what, hint="`orch list` shows all units")
    return tuple(unit for unit in graph.order if unit in chosen)


def _matching(catalogue: Catalogue, graph: Graph, target: str) -> set[str]:
    up, down = target.startswith("+"), target.endswith("+")
    bare = target.removeprefix("+").removesuffix("+")
    found = _bare(catalogue, bare)
    if not found:
        raise _nothing(catalogue, bare)
    return found | (graph.above(found) if up else set()) | (graph.below(found) if down else set())


def _bare(catalogue: Catalogue, target: str) -> set[str]:
    units = catalogue.units
    kind, colon, name = target.partition(":")
    if colon and kind == "account":
        return {id_ for id_, unit in units.items() if unit.account == name}
    if colon and kind == "module":
        wanted = {name, f"modules/{name}"}
        return {id_ for id_, unit in units.items() if unit.module.address in wanted}
    if target in units:
        return {target}
    if target in catalogue.stages:
        return {id_ for id_, unit in units.items() if unit.stage == target and not unit.of_account}
    if any(sign in target for sign in "*?["):
        return {id_ for id_ in units if fnmatchcase(id_, target)}
    return set()


def _nothing(catalogue: Catalogue, target: str) -> UsageError:
    if target in catalogue.accounts:
        own = sorted(id_ for id_, unit in catalogue.units.items() if unit.of_account and unit.stage == target)
        either = f"account:{target} for everything in it" + (f", or {own[0]}" if own else "")
        message = f"{target!r} is an account, and stands one key from a stage"
        return UsageError(message, hint=f"write {either}")
    if target in catalogue.stages:
        return UsageError(f"the stage {target!r} has no units", hint=f"add stacks to live/stages/{target}.yaml")
    stage, slash, stack = target.partition("/")
    if slash and "@" not in stack:
        regional = sorted(id_ for id_ in catalogue.units if id_.startswith(f"{target}@"))
        if regional:
            return UsageError(f"{stage} has {stack} in other regions only", hint="write " + " or ".join(regional))
    known = [*catalogue.stages, *catalogue.units, *(f"account:{name}" for name in catalogue.accounts)]
    known += {f"module:{unit.module.address.removeprefix('modules/')}" for unit in catalogue.units.values()}
    stages = ", ".join(sorted(catalogue.stages)) or "none yet"
    return UsageError(f"{target!r} means no unit", hint=near_miss(target, known) or f"stages: {stages}")
