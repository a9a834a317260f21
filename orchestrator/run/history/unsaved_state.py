"""``errored.tfstate``: what Terraform leaves in a root when it could not save the state after an apply.

It is the only record of what that apply made. orch never drops it: it stays in the run's folder, the run stays too, and
the unit is neither planned nor applied, until ``orch apply --resume RUN`` has saved it or a person has moved it away.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.errors import UnitError

ERRORED_STATE = "errored.tfstate"


@dataclass(frozen=True, slots=True)
class UnsavedState:
    """A state that was not saved. ``folder``: the unit's folder below any folder of units, ``prod/api/eu-west-1``."""

    run: str
    folder: str
    file: Path

    def told(self, root: Path) -> str:
        """Where it is, for people: relative to the repository."""
        return self.file.relative_to(root).as_posix() if self.file.is_relative_to(root) else str(self.file)


def unsaved_in(run: Path) -> Iterator[UnsavedState]:
    """Every state in a run's folder that was not saved.

    Args:
        run: the run's folder.
    """
    units = run / "units"
    for file in sorted(units.glob(f"*/*/*/{ERRORED_STATE}")):
        yield UnsavedState(run.name, file.parent.relative_to(units).as_posix(), file)


def unsaved_states(runs: Path) -> Iterator[UnsavedState]:
    """Every state of any run on this machine that was not saved, the newest run first.

    Args:
        runs: the folder that holds the folders of all runs.
    """
    for file in sorted(runs.glob(f"*/units/*/*/*/{ERRORED_STATE}"), reverse=True):
        folder = file.parent
        run = file.parents[4]
        yield UnsavedState(run.name, folder.relative_to(run / "units").as_posix(), file)


def refuse_unsaved(root: Path, unit: Unit) -> None:
    """Refuse a unit one of whose applies could not save its state: a plan would not see what it made.

    Args:
        root: the folder that contains ``live/``.
        unit: the unit that is about to be planned or applied.

    Raises:
        UnitError: there is such a state.
    """
    for file in sorted((root / ".orch" / "runs").glob(f"*/units/{unit.folder}/{ERRORED_STATE}"), reverse=True):
        run = file.parents[4].name
        shown = file.relative_to(root).as_posix()
        message = f"run {run} left a state of {unit.id} that was not saved: {shown}"
        hint = f"`orch apply --resume {run}` saves it; to go on without it, move that file out of .orch"
        raise UnitError(message, hint=hint)
