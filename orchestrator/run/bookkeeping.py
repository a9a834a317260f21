"""After every apply, destroy, move and adoption: what others read of the unit is published, and the ledger is kept."""

from __future__ import annotations

from orchestrator.catalogue.records import Unit
from orchestrator.errors import OrchError
from orchestrator.report.records import Notice
from orchestrator.run.tools import Tools


def keep_books(tools: Tools, unit: Unit) -> None:
    """Publish a unit's outputs and write its entry in the ledger, after its state was changed.

    The one function that everything calls which changed a state. What is there already stays as it is; doing it again
    is right. A unit without a state (moved away) gets an empty entry if it had one.

    Raises:
        OrchError: it failed; a notice has told of it. What was applied stays applied, and the next run tries again.
    """
    try:
        tools.ledger.record(unit)
        tools.store.publish(unit)
    except OrchError as error:
        hint = f"its outputs are not published, or the ledger does not know of it: orch apply {unit.id} tries again"
        tools.sink(Notice(text=f"{error}; {hint}", unit=unit.id))
        raise
