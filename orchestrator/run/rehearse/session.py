"""Applies the units of one revision on the emulator, as a user would who approves every plan that is not blocked."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from orchestrator.aws.backup.locate import locate_resource
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.state.objects import StateObjects
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import InterruptedRunError, OrchError
from orchestrator.report.model import UnitReport
from orchestrator.run.apply import apply_units
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.plan import plan_units
from orchestrator.run.rehearse.compare import BaseResource
from orchestrator.run.rehearse.contents import CONTENTS, fill_resource
from orchestrator.run.session import Session
from orchestrator.terraform.state.reader import StateInstance, read_instances


def apply_everything(session: Session) -> Mapping[str, UnitReport]:
    """Plan every unit and apply what the guard does not block; return how each ended.

    Raises:
        InterruptedRunError: Ctrl-C or SIGTERM.
    """
    planned = plan_units(session.context, executor=session.executor, preview_new=False, applies=True)
    _stop_if_interrupted(session)
    session.context.run.journal.write("approved", how="rehearsal", by="")
    reports = apply_units(session.context, planned, executor=session.executor, ask_again=_approve)
    _stop_if_interrupted(session)
    return reports


def resources_of(
    catalogue: Catalogue, identities: Identities, units: Iterable[Unit], protected: Iterable[str]
) -> tuple[BaseResource, ...]:
    """Return the resources of units that are protected or can be filled, and fill them.

    Args:
        catalogue: the configuration of base.
        identities: those of the emulator.
        units: the units that were applied.
        protected: the protected types.
    """
    types = frozenset(protected)
    found: list[BaseResource] = []
    for unit in units:
        for each in instances_of(catalogue, identities, [unit]).get(unit.id, ()):
            if each.type in CONTENTS:
                found.append(_filled(catalogue, identities, unit, each, protected=each.type in types))
            elif each.type in types:
                found.append(BaseResource(unit.id, each, protected=True))
    return tuple(found)


def instances_of(
    catalogue: Catalogue, identities: Identities, units: Iterable[Unit]
) -> Mapping[str, Sequence[StateInstance]]:
    """Return unit -> the objects of its state, of the units that have one."""
    objects = StateObjects(catalogue, identities)
    found: dict[str, Sequence[StateInstance]] = {}
    for unit in units:
        with suppress(OrchError):  # Its apply failed in a way that its report explains.
            state = objects.read(unit)
            if state is not None:
                found[unit.id] = read_instances(state.data)
    return found


def remove_applied(folders: RunPaths) -> None:
    """Remove what only an apply to the emulator could use: plans, roots, states that could not be saved, copies."""
    for name in ("plans", "units", "previews", "copies"):
        shutil.rmtree(folders.of_run / name, ignore_errors=True)
    folders.copies.unlink(missing_ok=True)


def keep_logs(base: Path, folder: Path) -> None:
    """Copy the logs of the runs in base, which is a temporary folder, to another one. Never fails.

    Args:
        base: the folder that contains ``live/`` of base.
        folder: where to copy them.
    """
    for logs in sorted((base / ".orch" / "runs").glob("*/logs")):
        with suppress(OSError, shutil.Error):
            shutil.copytree(logs, folder, dirs_exist_ok=True)


def _approve(report: UnitReport) -> bool:  # noqa: ARG001 - every plan that is not blocked is approved
    return True


def _stop_if_interrupted(session: Session) -> None:
    if session.interrupts.level:
        raise InterruptedRunError("the rehearsal was interrupted")


def _filled(
    catalogue: Catalogue, identities: Identities, unit: Unit, each: StateInstance, *, protected: bool
) -> BaseResource:
    place = locate_resource(catalogue, unit, each.type, each.attributes)
    noun = CONTENTS[each.type].noun
    if place is None:
        return BaseResource(unit.id, each, protected, noun=noun, note="could not be filled: its id is unknown")
    number, note = fill_resource(identities, place)
    return BaseResource(unit.id, each, protected, place, noun, number, note)
