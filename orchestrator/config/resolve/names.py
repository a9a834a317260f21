"""Finds the module variables that orch sets to names in AWS: only those that the stack or the module asks for."""

from __future__ import annotations

from collections.abc import Collection, Iterator

from orchestrator.config.catalogue import NAME_VARIABLES, NameVariable
from orchestrator.config.live.scopes import UnitDraft
from orchestrator.config.naming import asks_for_names, takes_names
from orchestrator.config.resolve.context import ResolveContext
from orchestrator.hcl.modules.interface import ModuleInterface

_KEY = "names"


def name_variables(draft: UnitDraft, given: Collection[str], context: ResolveContext) -> tuple[NameVariable, ...]:
    """Return the variables of a unit's module that orch sets. Mistakes are added to the context.

    With ``names: true`` these are ``name`` and ``names``, with ``names: false`` none, otherwise the variable that is
    declared for it (`asks_for_names`). A variable that the stack sets itself is never among them.

    Args:
        draft: the unit.
        given: the variables that the stack sets.
        context: the load.
    """
    key = draft.body.get(_KEY)
    interface = context.interfaces[draft.id]
    if key is None:
        found = interface.variables.get(_KEY) if interface is not None else None
        asks = found is not None and found.name not in given and asks_for_names(found)
        return (NameVariable(found.name, found.at),) if found is not None and asks else ()
    if not key.value:
        return ()
    return tuple(_requested(draft, interface, given, context))


def _requested(
    draft: UnitDraft, interface: ModuleInterface | None, given: Collection[str], context: ResolveContext
) -> Iterator[NameVariable]:
    at = draft.body.where(_KEY)
    if interface is None:
        source = context.source(draft)
        if source is not None and source.path is None:
            what = f"`names: true` needs a module in this repository, and orch cannot read {source.address}"
            context.report(at, what, "remove it, and set the name under `inputs:`")
        return
    declared = [interface.variables[name] for name in NAME_VARIABLES if name in interface.variables]
    if not declared:
        what = f"module {interface.path.name} has neither a variable `name` nor `names`"
        context.report(at, what, "remove `names: true`")
    for variable in declared:
        if variable.name in given:
            continue
        if takes_names(variable):
            yield NameVariable(variable.name, at)
        else:
            what = f"orch cannot set variable {variable.name!r} of module {interface.path.name}: it is {variable.type}"
            context.report(
                at, what, f"set it under `inputs:`, or remove `names: true`; it is declared in {variable.at}"
            )
