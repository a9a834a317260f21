"""What a person selects: stages, units, globs, accounts, modules, with upstreams or downstreams."""

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
    """The units that targets mean, in graph order.

    Args:
        catalogue: the loaded catalogue.
        graph: of all of its units.
        targets: STAGE, UNIT (without ``@REGION``: the one in the stage's own region), a glob over unit ids,
            ``account:NAME``, ``module:NAME``; ``+X`` with everything that X needs, ``X+`` with everything that needs X.
            Without any, ``changed`` must be given.
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
    if not chosen:
        message = "--exclude leaves nothing"
        raise UsageError(message, hint="exclude less, or select more")
    if changed is not None and not chosen & changed:
        message = "nothing that was selected has changed"
        raise UsageError(message, hint="`orch list` shows all units; without --changed they are all selected")
    chosen = chosen if changed is None else chosen & changed
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
    """The unit with an id. Its stage's own region may be said, although the id leaves it out."""
    short, at, region = target.rpartition("@")
    if at and short in units and units[short].region == region:
        return {short}
    return {target} & units.keys()


def _nothing(catalogue: Catalogue, target: str) -> UsageError:
    if not target:
        return UsageError("a target is empty", hint="+X is X with everything that it needs, X+ with what needs it")
    if target in catalogue.accounts:
        message = f"{target!r} is an account, not a stage"
        own = _own_unit(catalogue, target)
        either = f"account:{target} for everything in it" + (f", or {own} for its own unit" if own else "")
        return UsageError(message, hint=f"write {either}")
    for kind, names in (("stage", catalogue.stages), ("account", catalogue.accounts)):
        name = target.removeprefix("account:") if kind == "account" else target
        if name in names:
            return UsageError(f"the {kind} {name!r} has no units", hint=f"add stacks to live/{kind}s/{name}.yaml")
    stage, slash, stack = target.partition("/")
    regional = sorted(id_ for id_ in catalogue.units if id_.startswith(f"{target}@")) if slash else []
    if regional:
        return UsageError(f"{stage} has {stack} in other regions only", hint="write " + " or ".join(regional))
    known = [*catalogue.stages, *catalogue.units, *(f"account:{name}" for name in catalogue.accounts)]
    known += {f"module:{unit.module.address.removeprefix('modules/')}" for unit in catalogue.units.values()}
    stages = ", ".join(sorted(catalogue.stages)) or "none yet"
    return UsageError(f"{target!r} means no unit", hint=near_miss(target, known) or f"stages: {stages}")


def _own_unit(catalogue: Catalogue, account: str) -> str | None:
    """One of an account's own units: its baseline if it has one."""
    own = [unit for unit in catalogue.units.values() if unit.of_account and unit.stage == account]
    return min(own, key=lambda unit: (not unit.baseline, unit.id)).id if own else None


def target_names(root: Path) -> list[str]:
    """Stages, units, ``account:NAME`` and ``module:NAME``: those that mean at least one unit.

    Files that are wrong are left out; the others complete.

    Args:
        root: the folder that contains ``live/``.

    Raises:
        CatalogueError: ``live/orch.yaml`` is wrong.
    """
    outline = read_outline(root)
    stages = {draft.scope.name for draft in outline.drafts if not draft.scope.of_account}
    accounts = {f"account:{draft.scope.account.name}" for draft in outline.drafts}
    units = [draft.id for draft in outline.drafts]
    return [*sorted(stages), *units, *sorted(accounts), *_modules(outline, root)]


def unit_names(root: Path) -> list[str]:
    """Ids of all units, in the order of the catalogue.

    Args:
        root: the folder that contains ``live/``.

    Raises:
        CatalogueError: ``live/orch.yaml`` is wrong.
    """
    return [draft.id for draft in read_outline(root).drafts]


def account_names(root: Path) -> list[str]:
    """Names of all accounts, with units or without.

    Args:
        root: the folder that contains ``live/``.

    Raises:
        CatalogueError: ``live/orch.yaml`` is wrong.
    """
    return sorted(read_outline(root).accounts)


def _modules(outline: Outline, root: Path) -> list[str]:
    """``module:NAME`` of every module that there is; each is looked at once."""
    bodies = {(draft.body.get("module"), draft.body.get("version")): draft for draft in outline.drafts}
    found = (module_source(draft.body, draft.at, root, []) for draft in bodies.values())
    return sorted({f"module:{source.address.removeprefix('modules/')}" for source in found if source is not None})
