"""Makes units from drafts: resolves values and checks them against the modules."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.config.catalogue import Unit
from orchestrator.config.live.scopes import UnitDraft
from orchestrator.config.live.settings import make_timeouts, text_of
from orchestrator.config.naming import name_collisions
from orchestrator.config.resolve.binding import ReferenceBinder
from orchestrator.config.resolve.context import ResolveContext
from orchestrator.config.resolve.extras import Extras, import_collisions
from orchestrator.config.resolve.inputs import Inputs, given_variables
from orchestrator.config.resolve.names import name_variables
from orchestrator.config.resolve.values import Resolver
from orchestrator.hcl.modules.interface import ModuleInterface


def make_units(drafts: Sequence[UnitDraft], context: ResolveContext) -> dict[str, Unit]:
    """Return all units by id. Problems are added to the context."""
    for draft in drafts:  # all modules first: references are checked against the outputs of other units
        context.read_interface(draft)
    inputs = Inputs(context)
    built = (_unit(draft, inputs, context) for draft in drafts)
    units = {unit.id: unit for unit in built if unit is not None}
    for problem in (*name_collisions(context.settings.name, units.values()), *import_collisions(drafts, units)):
        context.report(problem.where, problem.what, problem.hint)
    return units


def _unit(draft: UnitDraft, inputs: Inputs, context: ResolveContext) -> Unit | None:
    source = context.source(draft)
    if source is None:
        return None
    binder = ReferenceBinder(context, draft)
    resolver = Resolver(context.shared, _built_ins(draft, context), binder.bind)
    extras = Extras(context, draft, resolver, context.interfaces[draft.id])
    named = name_variables(draft, given_variables(draft), context)
    inputs.check_given(draft, named)
    values = inputs.of(draft, resolver)  # before the upstreams, because this binds the references
    return Unit(
        id=draft.id,
        stage=draft.scope.name,
        stack=draft.stack,
        account=draft.scope.account.name,
        region=draft.region,
        module=source,
        inputs=values,
        at=draft.at,
        upstreams=binder.upstreams(),
        secrets=tuple(extras.secrets()),
        archives=tuple(extras.archives()),
        providers=tuple(extras.providers()),
        imports=extras.imports(),
        moved=extras.moved(),
        named=text_of(draft.body, "named") or None,
        named_stage=draft.scope.named,
        name_variables=named,
        outputs=_outputs(context.interfaces[draft.id]),
        of_account=draft.scope.of_account,
        timeouts=make_timeouts(context.settings.timeouts, draft.body.get("timeouts")),
    )


def _outputs(interface: ModuleInterface | None) -> frozenset[str] | None:
    if interface is None:
        return None
    return frozenset(each.name for each in interface.outputs.values() if not each.ephemeral)


def _built_ins(draft: UnitDraft, context: ResolveContext) -> dict[str, str]:
    account = draft.scope.account
    return {
        "name": context.settings.name,
        "account": account.name,
        "account_id": account.id,
        "stage": draft.scope.name,
        "stack": draft.stack,
        "region": draft.region,
    }
