"""Updates the ledger and publishes outputs after every apply, destroy, move and adoption, failed ones included."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress

from orchestrator.config.catalogue import Unit, declared_outputs
from orchestrator.errors import OrchError
from orchestrator.report.model import Notice
from orchestrator.run.context import RunContext, read_across_accounts


def publish_state(context: RunContext, unit: Unit, *, evaluated: Collection[str] = ()) -> None:
    """Write a unit's ledger entry and publish its outputs, after its state changed.

    Everything that changes a state calls this function. Calling it twice does no harm. A unit without a state, for
    example one that was moved away, gets an empty entry if it had one.

    Args:
        context: the run.
        unit: the unit.
        evaluated: names of the outputs that Terraform evaluated for this state: they are null if it lacks them.

    Raises:
        OrchError: it failed; a notice reports it. The applied changes stay, and the next run tries again.
    """
    with _reporting_failure(context, unit):
        context.aws.ledger.record(unit)
        context.aws.states.publish(unit, evaluated=evaluated)


def record_in_ledger(context: RunContext, unit: Unit) -> None:
    """Write a unit's ledger entry after a step that failed or was interrupted, which may have changed its state.

    Without it, the ledger would not know a resource that a failed apply created, and would take what a failed destroy
    deleted for something that was removed from the state outside orch. Outputs are not published: other accounts must
    not go on with those of a failed apply.

    Never fails: a notice reports it, and the failure of the step matters more.
    """
    with suppress(OrchError), _reporting_failure(context, unit):
        context.aws.ledger.record(unit)


def repair_published(context: RunContext, unit: Unit) -> None:
    """Publish again for a unit without changes, if an earlier run did not get that far.

    Raises:
        OrchError: like `publish_state`.
    """
    evaluated = declared_outputs(context.catalogue, unit)
    if unit.id in context.guard.blocked.stale:
        publish_state(context, unit, evaluated=evaluated)
    elif unit.id in read_across_accounts(context.catalogue) or _lacks(context, unit, evaluated):
        with _reporting_failure(context, unit):
            context.aws.states.publish(unit, evaluated=evaluated)


def _lacks(context: RunContext, unit: Unit, outputs: Collection[str]) -> bool:
    state = context.aws.states.read(unit)
    return state is not None and not state.outputs.keys() >= set(outputs)


@contextmanager
def _reporting_failure(context: RunContext, unit: Unit) -> Iterator[None]:
    try:
        yield
    except OrchError as error:
        hint = f"its outputs or its ledger entry are out of date: orch apply {unit.id} tries again"
        context.run.sink(Notice(text=f"{error}; {hint}", unit=unit.id))
        raise
