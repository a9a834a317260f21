"""Selects units by targets: stages, units, globs, accounts and modules, with upstreams or downstreams."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.graph import Graph
from orchestrator.config.live.outline import Outline, read_outline
from orchestrator.config.live.sources import module_source
from orchestrator.errors import UsageError
from orchestrator.util.suggest import near_miss


def select(
    catalogue: Catalogue,
    graph: Graph,
    targets: Sequence[str],
    *,
    exclude: Sequence[str] = (),
    changed: frozenset[str] | None = None,
) -> tuple[str, ...]:
    """Return the units that targets match, in graph order.

    Args:
        catalogue: the loaded configuration.
        graph: the graph of all its units.
        targets: STAGE, UNIT (without ``@REGION``: the one in the region of its stage), a glob over unit ids,
            ``account:NAME``, ``module:NAME``; ``+X`` for X with its upstreams, ``X+`` for X with its downstreams.
            Without targets, ``changed`` is required.
        exclude: targets to leave out.
        changed: select only among these units. None of them may be selected: then nothing is, which is no error.

    Raises:
        UsageError: a target matches no unit, or ``exclude`` leaves none.
    """
    if not targets and changed is None:
        stages = ", ".join(sorted(catalogue.stages)) or "none yet"
        message = "no target given"
        raise UsageError(
            message, hint=f"name a stage ({stages}), a unit (STAGE/STACK), account:NAME, or * for everything"
        )
    chosen: set[str] = set()
    for target in targets or ["*"]:
        chosen |= _matching(catalogue, graph, target)
    for target in exclude:
        chosen -= _matching(catalogue, graph, target)
    if not chosen:
        message = "--exclude removes every selected unit"
        raise UsageError(message, hint="exclude less, or select more")
    chosen = chosen if changed is None else chosen & changed
    return tuple(unit for unit in graph.order if unit in chosen)


def why_selected(catalogue: Catalogue, graph: Graph, targets: Sequence[str]) -> dict[str, str]:
    """Return unit -> which target selects it, and how.

    Raises:
        UsageError: a target matches no unit.
    """
    found: dict[str, str] = {}
    for target in targets:
        bare = target.removeprefix("+").removesuffix("+")
        own = _bare(catalogue, bare)
        for unit in _matching(catalogue, graph, target):
            if unit in own:
                found[unit] = f"target {target}"
            else:
                found.setdefault(unit, f"{'upstream' if unit in graph.above(own) else 'downstream'} of {bare}")
    return found


def _matching(catalogue: Catalogue, graph: Graph, target: str) -> set[str]:
    up, down = target.startswith("+"), target.endswith("+")
    bare = target.removeprefix("+").removesuffix("+")
    found = _bare(catalogue, bare)
    if not found:
        raise _nothing(catalogue, bare)
    return found | (graph.above(found) if up else set()) | (graph.below(found) if down else set())


def _bare(catalogue: Catalogue, target: str) -> set[str]:
    units = catalogue.units
    kind, _, name = target.partition(":")
    if name and kind == "account":
        return {id_ for id_, unit in units.items() if unit.account == name}
    if name and kind == "module":
        wanted = {name, f"modules/{name}"}
        return {id_ for id_, unit in units.items() if unit.module.address in wanted}
    if target in catalogue.stages:
        return {id_ for id_, unit in units.items() if unit.stage == target and not unit.of_account}
    if any(sign in target for sign in "*?["):
        return {id_ for id_ in units if fnmatchcase(id_, target)}
    return _one(units, target)


def _one(units: Mapping[str, Unit], target: str) -> set[str]:
    """Return the unit with an id. The region of its stage can be written, although the id leaves it out."""
    short, at, region = target.rpartition("@")
    if at and short in units and units[short].region == region:
        return {short}
    return {target} & units.keys()


def _nothing(catalogue: Catalogue, target: str) -> UsageError:
    if not target:
        return UsageError("empty target", hint="write +X for X with its upstreams, X+ for X with its downstreams")
    if target in catalogue.accounts:
        message = f"{target!r} is an account, not a stage"
        own = _own_unit(catalogue, target)
        either = f"account:{target} for everything in it" + (f", or {own} for its own unit" if own else "")
        return UsageError(message, hint=f"write {either}")
    for kind, names in (("stage", catalogue.stages), ("account", catalogue.accounts)):
        name = target.removeprefix("account:") if kind == "account" else target
        if name in names:
            return UsageError(f"{kind} {name!r} has no units", hint=f"add stacks to live/{kind}s/{name}.yaml")
    stage, slash, stack = target.partition("/")
    regional = sorted(id_ for id_ in catalogue.units if id_.startswith(f"{target}@")) if slash else []
    if regional:
        return UsageError(f"{stage}/{stack} is only in other regions", hint="write " + " or ".join(regional))
    known = [*catalogue.stages, *catalogue.units, *(f"account:{name}" for name in catalogue.accounts)]
    known += {f"module:{unit.module.address.removeprefix('modules/')}" for unit in catalogue.units.values()}
    stages = ", ".join(sorted(catalogue.stages)) or "none yet"
    return UsageError(f"no unit matches {target!r}", hint=near_miss(target, known) or f"stages: {stages}")


def _own_unit(catalogue: Catalogue, account: str) -> str | None:
    """Return a unit of the account itself: its baseline if it has one."""
    own = [unit for unit in catalogue.units.values() if unit.of_account and unit.stage == account]
    return min(own, key=lambda unit: (not unit.baseline, unit.id)).id if own else None


def target_names(root: Path) -> list[str]:
    """Return the targets that match at least one unit: stages, units, ``account:NAME`` and ``module:NAME``.

    Shell completion calls it while files are being edited, so files that are not valid are ignored.

    Args:
        root: the folder that contains ``live/``.

    Raises:
        CatalogueError: ``live/orch.yaml`` is not valid.
    """
    outline = read_outline(root)
    stages = {draft.scope.name for draft in outline.drafts if not draft.scope.of_account}
    accounts = {f"account:{draft.scope.account.name}" for draft in outline.drafts}
    units = [draft.id for draft in outline.drafts]
    return [*sorted(stages), *units, *sorted(accounts), *_modules(outline, root)]


def unit_names(root: Path) -> list[str]:
    """Return the ids of all units, for shell completion.

    Args:
        root: the folder that contains ``live/``.

    Raises:
        CatalogueError: ``live/orch.yaml`` is not valid.
    """
    return [draft.id for draft in read_outline(root).drafts]


def account_names(root: Path) -> list[str]:
    """Return the names of all accounts, with or without units, for shell completion.

    Args:
        root: the folder that contains ``live/``.

    Raises:
        CatalogueError: ``live/orch.yaml`` is not valid.
    """
    return sorted(read_outline(root).accounts)


def stage_names(root: Path) -> list[str]:
    """Return the names of all stages, for shell completion.

    Args:
        root: the folder that contains ``live/``.

    Raises:
        CatalogueError: ``live/orch.yaml`` is not valid.
    """
    return sorted(read_outline(root).stages)


def _modules(outline: Outline, root: Path) -> list[str]:
    """Return ``module:NAME`` for every module in use."""
    bodies = {(draft.body.get("module"), draft.body.get("version")): draft for draft in outline.drafts}
    found = (module_source(draft.body, draft.at, root, []) for draft in bodies.values())
    return sorted({f"module:{source.address.removeprefix('modules/')}" for source in found if source is not None})
