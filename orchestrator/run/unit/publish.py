"""After every apply, destroy, move and adoption: the ledger is kept, and what others read of the unit is published."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.config.catalogue import Unit
from orchestrator.errors import OrchError
from orchestrator.report.model import Notice
from orchestrator.run.context import RunContext, read_across_accounts


def publish_state(context: RunContext, unit: Unit) -> None:
    """Write a unit's entry in the ledger and publish its outputs, after its state was changed.

    The one function that everything calls which changed a state. What is there already stays as it is; doing it again
    is right. A unit without a state (moved away) gets an empty entry if it had one.

    Raises:
        OrchError: it failed; a notice has told of it. What was applied stays applied, and the next run tries again.
    """
    with _loudly(context, unit):
        context.aws.ledger.record(unit)
        context.aws.states.publish(unit)


def repair_published(context: RunContext, unit: Unit) -> None:
    """The same for a unit that did not change, where the last run did not get so far.

    Raises:
        OrchError: as `publish_state`.
    """
    if unit.id in context.guard.blocked.stale:
        publish_state(context, unit)
    elif unit.id in read_across_accounts(context.catalogue):
        with _loudly(context, unit):
            context.aws.states.publish(unit)


@contextmanager
def _loudly(context: RunContext, unit: Unit) -> Iterator[None]:
    try:
        yield
    except OrchError as error:
        hint = f"its outputs are not published, or the ledger does not know of it: orch apply {unit.id} tries again"
        context.run.sink(Notice(text=f"{error}; {hint}", unit=unit.id))
        raise
