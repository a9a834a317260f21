"""Where the files of a step are, relative to the repository: the same paths on every machine."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.guard.receipt.freeze import WRITTEN_BY_APPLY
from orchestrator.run.executor.records import StepKind
from orchestrator.run.history.paths import RunPaths


def output_file(folders: RunPaths, unit: Unit) -> Path:
    """Return the file with the report of a step, as JSON."""
    return folders.of_run / "work" / f"{unit.folder}.json"


def run_file(folders: RunPaths) -> Path:
    """Return the file with what is the same for every unit of a run (`RunForm`), as JSON."""
    return folders.of_run / "work" / "run.json"


def planned_paths(folders: RunPaths, unit: Unit) -> list[Path]:
    """Return what planning a unit writes: roots, plans with their JSON, receipt and log."""
    plans = [folders.plan(unit), folders.preview_plan(unit), folders.plan(unit).with_suffix(".drift")]
    return [
        folders.unit(unit),
        folders.preview(unit),
        *plans,
        *(each.with_suffix(".json") for each in plans[:2]),
        plans[2].with_suffix(".drift.json"),
        folders.receipt(unit),
        folders.log(unit),
    ]


def written_paths(folders: RunPaths, unit: Unit, step: StepKind, *, planned_in: RunPaths) -> list[Path]:
    """Return what a step writes.

    Args:
        folders: the folders of the run.
        unit: the unit.
        step: what was done.
        planned_in: the folders of the run that planned it; another run when that one is resumed.
    """
    report = output_file(folders, unit)
    if step is not StepKind.APPLY:
        return [report, *planned_paths(folders, unit)]
    root = planned_in.unit(unit)
    left = [each for pattern in WRITTEN_BY_APPLY for each in root.glob(pattern)]
    again = folders.plan(unit).with_suffix(".again.json")
    return [report, *left, again, planned_in.receipt(unit), folders.log(unit), folders.copies_of(unit)]


def allowed_below(root: Path, unit: Unit, runs: Iterable[str]) -> list[str]:
    """Return the relative paths that an archive of a unit may write to: its own, in these runs."""
    found: list[Path] = []
    for run in runs:
        folders = RunPaths(root=root, run=run)
        more = [output_file(folders, unit), folders.copies_of(unit), folders.plan(unit).with_suffix(".again.json")]
        found += [*planned_paths(folders, unit), *more]
    return [path.relative_to(root).as_posix() for path in found]
