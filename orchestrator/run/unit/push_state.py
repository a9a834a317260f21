"""Saves a state that an apply could not save: ``errored.tfstate`` goes back to where the unit's state is.

It is Terraform's own record of an apply that was judged and approved, so it is not judged again. It may only follow on
the state that the apply began with: the same lineage, and nothing newer in its place.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.errors import UnitError
from orchestrator.report.model import Notice, UnitReport
from orchestrator.run.context import RunContext
from orchestrator.run.history.paths import Folders
from orchestrator.run.history.unsaved_state import ERRORED_STATE, UnsavedState
from orchestrator.run.unit.locking import refuse_locked
from orchestrator.terraform.model import StateRecord
from orchestrator.terraform.state.reader import read_state


def unit_of(context: RunContext, state: UnsavedState) -> Unit:
    """The unit that a state is of.

    Raises:
        UnitError: ``live/`` has it no more.
    """
    for unit in context.catalogue.units.values():
        if unit.folder == state.folder:
            return unit
    message = f"{state.file} is the state of {state.folder}, which live/ has no more"
    raise UnitError(message, hint="bring the unit back to live/ until its state is saved")


def report_unsaved(context: RunContext, unit: Unit, run: str, failed: UnitReport) -> UnitReport:
    """After a failed apply: say in its report, and in the journal, that its state could not be saved and where it is.

    Args:
        context: the run.
        unit: the unit.
        run: whose plan was applied.
        failed: the report of the failure.
    """
    file = Folders(root=context.run.folders.root, run=run).unit(unit) / ERRORED_STATE
    if not file.is_file():
        return failed
    shown = file.relative_to(context.run.folders.root).as_posix()
    context.run.journal.note("state-unsaved", unit=unit.id, file=shown)
    text = f"its state could not be saved and is in {shown}: `orch apply --resume {context.run.folders.run}` saves it"
    return replace(failed, cause=f"{failed.cause}; {text}")


def push_unsaved(context: RunContext, unit: Unit, state: UnsavedState) -> None:
    """Save one state under the apply role, and keep the file in its run's folder ``pushed/``.

    Args:
        context: the run.
        unit: the unit that it is of.
        state: what was left.

    Raises:
        UnitError: it is no whole state, or does not follow on the state that is there; or the state is locked.
        TerraformError: it could not be saved again.
        DeniedError, ThrottledError, SetupError: AWS cannot be asked.
    """
    try:
        left = read_state(state.file.read_bytes(), unsaved=True)
    except OSError as error:
        raise UnitError(f"{state.file} cannot be read: {error.strerror}") from error
    before = context.aws.states.refresh(unit)
    _check_follows(unit, state, left, before)
    refuse_locked(context, unit)
    folders = Folders(root=context.run.folders.root, run=state.run)
    reading = replace(context.root(unit, preview=False), folder=state.file.parent)
    context.terraform.cli.init(reading, timeout=context.run.options.timeout or unit.timeouts.plan)
    writing = replace(reading, env=context.apply_environment(unit))
    context.run.journal.write("state-push-started", unit=unit.id, serial=left.serial)
    context.terraform.cli.state_push(
        writing,
        state.file,
        timeout=context.run.options.timeout or unit.timeouts.apply,
        lock_timeout=context.run.options.terraform_lock_timeout,
    )
    there = context.aws.states.refresh(unit)
    if there is None or not _arrived(before, left, there):
        message = f"the state of {unit.id} that was saved is not what is there now"
        raise UnitError(message, hint=f"it is still in {state.file}; look at the versions of the state object")
    _put_away(state.file, folders.of_run / "pushed" / f"{unit.folder}.tfstate")
    context.run.journal.note("state-pushed", unit=unit.id, serial=there.serial)
    context.run.sink(Notice(text=f"the state that run {state.run} could not save is saved now", unit=unit.id))


def _check_follows(unit: Unit, state: UnsavedState, left: StateRecord, there: StateRecord | None) -> None:
    """Refuse what does not follow on the state that is there. None there: the apply was the unit's first."""
    if there is None:
        return
    hint = (
        f"{state.file} stays where it is: compare it with what is in AWS, then save what is right with the state "
        "bucket's versions, and move the file out of .orch"
    )
    if there.lineage != left.lineage:
        message = f"the state of {unit.id} is another one by now ({there.lineage}, not {left.lineage or 'a new one'})"
        raise UnitError(message, hint=hint)
    if there.serial > left.serial:
        message = (
            f"the state of {unit.id} has serial {there.serial} by now, newer than {left.serial} that was not saved"
        )
        raise UnitError(message, hint=hint)


def _arrived(before: StateRecord | None, left: StateRecord, there: StateRecord) -> bool:
    """Whether what is there now is what was saved. Terraform gives a unit's first state a new lineage (1.11.4)."""
    same = (there.addresses, there.outputs) == (left.addresses, left.outputs)
    return same and (before is None or (there.lineage == left.lineage and there.serial >= left.serial))


def _put_away(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.replace(to)
