"""``errored.tfstate``: the file that Terraform leaves in a root when it could not save the state after an apply.

It is the only record of what that apply created. orch never deletes it: it stays in the run's folder, the run's folder
is not removed, and the unit cannot be planned or applied until ``orch apply --resume RUN`` has saved the state or
somebody has moved the file away.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.errors import UnitError
from orchestrator.run.request import REHEARSE

ERRORED_STATE = "errored.tfstate"


@dataclass(frozen=True, slots=True)
class UnsavedState:
    """A state that was not saved. ``folder``: the unit's folder below any folder of units, ``prod/api/eu-west-1``."""

    run: str
    folder: str
    file: Path

    def shown_path(self, root: Path) -> str:
        """Return the path of its file for people, relative to the repository."""
        return self.file.relative_to(root).as_posix() if self.file.is_relative_to(root) else str(self.file)


def unsaved_in(run: Path) -> Iterator[UnsavedState]:
    """Yield every unsaved state in a run's folder.

    Args:
        run: the run's folder.
    """
    units = run / "units"
    for file in sorted(units.glob(f"*/*/*/{ERRORED_STATE}")):
        yield UnsavedState(run.name, file.parent.relative_to(units).as_posix(), file)


def unsaved_states(runs: Path) -> Iterator[UnsavedState]:
    """Yield every unsaved state of any run on this machine, newest run first.

    Args:
        runs: the folder that contains the folders of all runs.
    """
    for file in sorted(runs.glob(f"*/units/*/*/*/{ERRORED_STATE}"), reverse=True):
        folder = file.parent
        run = file.parents[4]
        if _rehearsed(run):
            continue
        yield UnsavedState(run.name, folder.relative_to(run / "units").as_posix(), file)


def refuse_unsaved(root: Path, unit: Unit) -> None:
    """Refuse a unit with an unsaved state, because a plan would not see what the failed apply created.

    Args:
        root: the folder that contains ``live/``.
        unit: the unit that is about to be planned or applied.

    Raises:
        UnitError: the unit has an unsaved state.
    """
    for file in sorted((root / ".orch" / "runs").glob(f"*/units/{unit.folder}/{ERRORED_STATE}"), reverse=True):
        if _rehearsed(file.parents[4]):
            continue
        run = file.parents[4].name
        shown = file.relative_to(root).as_posix()
        message = f"{unit.id} has a state that run {run} could not save: {shown}"
        hint = f"`orch apply --resume {run}` saves it; to continue without it, move that file out of .orch"
        raise UnitError(message, hint=hint)


def _rehearsed(run: Path) -> bool:
    """Return whether a run was a rehearsal that was killed: its emulator is gone, and its state is of no use."""
    try:
        with (run / "journal.jsonl").open(encoding="utf-8") as journal:
            return bool(json.loads(journal.readline()).get("verb") == REHEARSE)
    except (OSError, ValueError, AttributeError):
        return False
