"""Carries a transfer out: locks held, files, states, books; each step looks whether it is done already."""

from __future__ import annotations

from orchestrator.errors import UnitError
from orchestrator.report.model import Phase, UnitPhase
from orchestrator.run.context import RunContext
from orchestrator.run.migrate.journal import StateEdit, Transfer, make_edits
from orchestrator.run.unit.publish import publish_state
from orchestrator.run.unit.receipts import record_state_edit


def execute_transfer(context: RunContext, transfer: Transfer) -> None:
    """Do what is left of a transfer. The caller holds the locks of all its states.

    Args:
        context: the run.
        transfer: what was accepted.

    Raises:
        UsageError: a file of ``live/`` was changed meanwhile.
        UnitError: a state was changed meanwhile.
        DeniedError, ThrottledError, SetupError: AWS cannot be reached or refuses; the same command goes on.
    """
    make_edits(context.run.folders.root, transfer)
    for write in transfer.writes:
        unit = write.unit_in(context.catalogue)
        context.run.sink(UnitPhase(unit.id, Phase.APPLY))
        version = _write(context, transfer, write)
        verb = transfer.command.partition(" ")[0]
        record_state_edit(context, unit, verb, write.lineage, {version: write.serial})
    for write in transfer.writes:
        publish_state(context, write.unit_in(context.catalogue))
    transfer.finish()


def _write(context: RunContext, transfer: Transfer, write: StateEdit) -> str:
    """Write one state, unless it was written before; S3's id of the version that it is."""
    unit = write.unit_in(context.catalogue)
    present = context.aws.objects.read(unit)
    found = present.sha256 if present is not None else ""
    if present is not None and found == write.after:
        return present.version
    if found != write.before:
        message = f"the state of {unit.id} was changed after the move was accepted"
        hint = (
            f"look what has changed it (the versions of {unit.state_key} in the bucket); its version before was "
            f"{write.version or 'none'}; remove {transfer.folder} to give this move up"
        )
        raise UnitError(message, hint=hint)
    context.run.journal.write("state-moving", unit=unit.id, before=write.version, serial=write.serial)
    written = context.aws.objects.write(unit, transfer.content(write))
    context.run.journal.write("state-moved", unit=unit.id, version=written.version, serial=write.serial)
    context.aws.states.forget(unit.id)
    return written.version
