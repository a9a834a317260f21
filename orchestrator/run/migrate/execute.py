"""Carries a transfer out: locks held, files, states, books; each step looks whether it is done already."""

from __future__ import annotations

from orchestrator.errors import UnitError
from orchestrator.report.model import Phase, UnitPhase
from orchestrator.run.context import Tools
from orchestrator.run.migrate.journal import OnStep, Transfer, Write, make_edits
from orchestrator.run.unit.publish import publish_state
from orchestrator.run.unit.receipts import note_written


def carry_out(tools: Tools, transfer: Transfer, on_step: OnStep) -> None:
    """Do what is left of a transfer. The caller holds the locks of all its states.

    Args:
        tools: of the run.
        transfer: what was accepted.
        on_step: called after each step.

    Raises:
        UsageError: a file of ``live/`` was changed meanwhile.
        UnitError: a state was changed meanwhile.
        DeniedError, ThrottledError, SetupError: AWS cannot be reached or refuses; the same command goes on.
    """
    make_edits(tools.folders.root, transfer, on_step)
    for write in transfer.writes:
        unit = write.unit_in(tools.catalogue)
        tools.sink(UnitPhase(unit.id, Phase.APPLY))
        version = _write(tools, transfer, write)
        on_step(f"wrote {unit.id}")
        verb = transfer.command.partition(" ")[0]
        note_written(tools, unit, verb, write.lineage, {version: write.serial})
        on_step(f"receipt of {unit.id}")
    for write in transfer.writes:
        publish_state(tools, write.unit_in(tools.catalogue))
        on_step(f"noted {write.unit}")
    transfer.finish()
    on_step("done")


def _write(tools: Tools, transfer: Transfer, write: Write) -> str:
    """Write one state, unless it was written before; S3's id of the version that it is."""
    unit = write.unit_in(tools.catalogue)
    present = tools.objects.read(unit)
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
    tools.journal.write("state-moving", unit=unit.id, before=write.version, serial=write.serial)
    written = tools.objects.write(unit, transfer.content(write))
    tools.journal.write("state-moved", unit=unit.id, version=written.version, serial=write.serial)
    tools.store.forget(unit.id)
    return written.version
