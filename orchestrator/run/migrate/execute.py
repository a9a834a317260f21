"""Executes an accepted migration: files, states, receipts, ledger. Each step checks whether it is already done."""

from __future__ import annotations

from orchestrator.config.catalogue import Unit
from orchestrator.errors import OrchError, UnitError
from orchestrator.report.model import Phase, UnitPhase
from orchestrator.run.context import RunContext
from orchestrator.run.migrate.journal import StateEdit, Transfer, make_edits
from orchestrator.run.unit.publish import publish_state, record_in_ledger
from orchestrator.run.unit.receipts import record_state_edit


def execute_transfer(context: RunContext, transfer: Transfer) -> None:
    """Execute the remaining steps of a transfer. The caller holds the locks of all its states.

    Args:
        context: the run.
        transfer: the accepted transfer.

    Raises:
        UsageError: a file of ``live/`` was changed in the meantime.
        UnitError: a state was changed in the meantime.
        DeniedError, ThrottledError, SetupError: AWS cannot be reached or refuses; the same command continues.
    """
    make_edits(context.run.folders.root, transfer)
    begun: list[Unit] = []
    try:
        for write in transfer.writes:
            unit = write.unit_in(context.catalogue)
            context.run.sink(UnitPhase(unit.id, Phase.APPLY))
            begun.append(unit)
            version = _write(context, transfer, write)
            verb = transfer.command.partition(" ")[0]
            record_state_edit(context, unit, verb, write.lineage, {version: write.serial})
    except OrchError:
        for unit in begun:  # Nobody may continue it, and the ledger must know where the resources are now.
            record_in_ledger(context, unit)
        raise
    for unit in begun:
        publish_state(context, unit)
    transfer.finish()


def _write(context: RunContext, transfer: Transfer, write: StateEdit) -> str:
    """Write one state, unless it is already written. Return S3's id of its version."""
    unit = write.unit_in(context.catalogue)
    present = context.aws.objects.read(unit)
    found = present.sha256 if present is not None else ""
    if present is not None and found == write.after:
        return present.version
    if found != write.before:
        message = f"the state of {unit.id} was changed after the move was accepted"
        hint = (
            f"find out what changed it (versions of {unit.state_key} in the bucket; the version before was "
            f"{write.version or 'none'}), or remove {transfer.folder} to abandon this move"
        )
        raise UnitError(message, hint=hint)
    context.run.journal.write("state-moving", unit=unit.id, before=write.version, serial=write.serial)
    written = context.aws.objects.write(unit, transfer.content(write))
    context.run.journal.write("state-moved", unit=unit.id, version=written.version, serial=write.serial)
    context.aws.states.forget(unit.id)
    return written.version
