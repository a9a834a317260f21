"""Saves a state that an apply could not save: pushes ``errored.tfstate`` to the unit's state.

It is Terraform's own record of an apply that was judged and approved, so it is not judged again. It must follow the
state that the apply began with: the same lineage, and no newer serial in its place.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.errors import UnitError
from orchestrator.report.model import Notice, UnitReport
from orchestrator.run.context import RunContext
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.history.unsaved_state import ERRORED_STATE, UnsavedState
from orchestrator.run.unit.lock_holders import refuse_locked
from orchestrator.run.unit.publish import record_in_ledger
from orchestrator.terraform.model import StateRecord
from orchestrator.terraform.state.reader import read_state


def unit_of(context: RunContext, state: UnsavedState) -> Unit:
    """Return the unit that a state belongs to.

    Raises:
        UnitError: the unit is no longer in ``live/``.
    """
    for unit in context.catalogue.units.values():
        if unit.folder == state.folder:
            return unit
    message = f"{state.file} is the state of {state.folder}, which is no longer in live/"
    raise UnitError(message, hint="restore the unit in live/ until its state is saved")


def report_unsaved(context: RunContext, unit: Unit, run: str, failed: UnitReport) -> UnitReport:
    """After a failed apply, add to its report and to the journal that the state could not be saved, and where it is.

    Args:
        context: the run.
        unit: the unit.
        run: id of the run whose plan was applied.
        failed: the report of the failure.
    """
    file = RunPaths(root=context.run.folders.root, run=run).unit(unit) / ERRORED_STATE
    if not file.is_file():
        return failed
    shown = file.relative_to(context.run.folders.root).as_posix()
    context.run.journal.note("state-unsaved", unit=unit.id, file=shown)
    text = f"its state was not saved and is in {shown}: `orch apply --resume {context.run.folders.run}` saves it"
    return replace(failed, cause=f"{failed.cause}; {text}")


def push_unsaved(context: RunContext, unit: Unit, state: UnsavedState) -> None:
    """Push one unsaved state under the apply role, and move its file to the run's folder ``pushed/``.

    Args:
        context: the run.
        unit: the unit that the state belongs to.
        state: the unsaved state.

    Raises:
        UnitError: the file is not a complete state or does not follow the current state, or the state is locked.
        TerraformError: Terraform could not push it.
        DeniedError, ThrottledError, SetupError: AWS cannot be read.
    """
    try:
        unsaved = read_state(state.file.read_bytes(), unsaved=True)
    except OSError as error:
        raise UnitError(f"cannot read {state.file}: {error.strerror}") from error
    before = context.aws.states.refresh(unit)
    _check_follows(unit, state, unsaved, before)
    refuse_locked(context, unit)
    folders = RunPaths(root=context.run.folders.root, run=state.run)
    reading = replace(context.root(unit, preview=False), folder=state.file.parent)
    context.terraform.cli.init(reading, timeout=context.run.options.timeout or unit.timeouts.plan)
    writing = replace(reading, env=context.apply_environment(unit))
    context.run.journal.write("state-push-started", unit=unit.id, serial=unsaved.serial)
    context.terraform.cli.state_push(
        writing,
        state.file,
        timeout=context.run.options.timeout or unit.timeouts.apply,
        lock_timeout=context.run.options.terraform_lock_timeout,
    )
    saved = context.aws.states.refresh(unit)
    if saved is None or not _was_saved(before, unsaved, saved):
        message = f"the state of {unit.id} in the bucket is not the one that was pushed"
        raise UnitError(
            message, hint=f"the unsaved state is still in {state.file}; check the versions of the state object"
        )
    record_in_ledger(context, unit)
    _archive(state.file, folders.of_run / "pushed" / f"{unit.folder}.tfstate")
    context.run.journal.note("state-pushed", unit=unit.id, serial=saved.serial)
    context.run.sink(Notice(text=f"saved the state that run {state.run} could not save", unit=unit.id))


def _check_follows(unit: Unit, state: UnsavedState, unsaved: StateRecord, saved: StateRecord | None) -> None:
    """Refuse an unsaved state that does not follow the saved one. None means that the apply was the unit's first."""
    if saved is None:
        return
    hint = (
        f"{state.file} was not changed: compare it with AWS, restore the correct version of the state in its bucket, "
        "and move the file out of .orch"
    )
    if saved.lineage != unsaved.lineage:
        message = f"the state of {unit.id} has another lineage ({saved.lineage}, not {unsaved.lineage or 'a new one'})"
        raise UnitError(message, hint=hint)
    if saved.serial > unsaved.serial:
        message = f"the state of {unit.id} has serial {saved.serial}, newer than the unsaved serial {unsaved.serial}"
        raise UnitError(message, hint=hint)


def _was_saved(before: StateRecord | None, unsaved: StateRecord, saved: StateRecord) -> bool:
    """Return whether the pushed state arrived. Terraform gives a unit's first state a new lineage (1.11.4)."""
    same = (saved.addresses, saved.outputs) == (unsaved.addresses, unsaved.outputs)
    return same and (before is None or (saved.lineage == unsaved.lineage and saved.serial >= unsaved.serial))


def _archive(file: Path, to: Path) -> None:
    to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    file.replace(to)
