"""Runs checkov's own checks over the modules that units use, with the inputs of each unit: ``checks:`` in orch.yaml.

They are an opt-in of ``orch check``. They decide nothing about a plan. checkov runs in a process of its own, without
the environment of this one and without its platform: nothing is downloaded or sent.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import Location, SetupError
from orchestrator.guard.checkov.severities import SEVERITIES, severity_of, wanted

_SECONDS = 900
_DONE = (0, 1)
"""Exit codes: nothing failed, or something did."""


@dataclass(frozen=True, slots=True)
class ScannedRoot:
    """A root that was written to be scanned: the folder below the scanned one, and its unit."""

    folder: str
    unit: str


@dataclass(frozen=True, slots=True)
class FailedCheck:
    """One of checkov's own checks that failed.

    Attributes:
        check: its id; ``name``: what it checks.
        severity: as in ``severities.py``.
        resource: the address in the module.
        where: the resource in the repository.
        guideline: a page about it; empty if there is none.
        units: the units in which it fails, sorted.
    """

    check: str
    name: str
    severity: str
    resource: str
    where: Location
    guideline: str
    units: tuple[str, ...]


def run_own_checks(
    folder: Path, roots: Sequence[ScannedRoot], selected: tuple[str, ...], *, repository: Path
) -> tuple[FailedCheck, ...]:
    """Scan roots, and return the selected checks that fail, sorted by location.

    Args:
        folder: contains the roots, each with copies of its modules.
        roots: the roots.
        selected: ids and severities, as in ``checks:``.
        repository: the folder that contains ``live/``. What is in none of its files is reported in ``live/orch.yaml``.

    Raises:
        SetupError: checkov did not finish, or an id is none of its checks.
    """
    reports = _scan(folder, [] if any(each in SEVERITIES for each in selected) else selected)
    units = {root.folder: root.unit for root in roots}
    found: dict[tuple[str, str, Location], FailedCheck] = {}
    for record in _failed(reports):
        check = str(record["check_id"])
        place = _place(str(record["file_path"]).lstrip("/"), units)
        if place is None or not wanted(check, selected):
            continue
        unit, file = place
        known = (repository / file).is_file()
        where = Location(file, int(record["file_line_range"][0])) if known else Location("live/orch.yaml")
        resource = str(record["resource"]).removeprefix("module.this.")
        before = found.get((check, resource, where))
        found[check, resource, where] = FailedCheck(
            check=check,
            name=str(record["check_name"]),
            severity=severity_of(check),
            resource=resource,
            where=where,
            guideline=str(record.get("guideline") or ""),
            units=tuple(sorted({unit, *(before.units if before is not None else ())})),
        )
    return tuple(sorted(found.values(), key=lambda each: (each.where, each.check, each.resource)))


def _scan(folder: Path, ids: Sequence[str]) -> list[Mapping[str, Any]]:
    """Return checkov's reports."""
    argv = [sys.executable, "-m", "checkov.main", "--directory", str(folder), "--framework", "terraform"]
    argv += ["--output", "json", "--quiet", "--compact", "--skip-download", "--download-external-modules", "false"]
    argv += ["--check", ",".join(ids)] if ids else []
    kept = {name: os.environ[name] for name in ("LANG", "PYTHONPATH", "TMPDIR") if name in os.environ}
    env = {**kept, "PATH": os.defpath, "HOME": str(folder), "LOG_LEVEL": "ERROR"}
    try:
        done = subprocess.run(argv, capture_output=True, text=True, check=False, timeout=_SECONDS, cwd=folder, env=env)
        found = json.loads(done.stdout)
    except subprocess.TimeoutExpired as error:
        message = f"checkov did not finish within {_SECONDS} seconds"
        raise SetupError(message, hint="select fewer units, or fewer checks in live/orch.yaml") from error
    except (OSError, ValueError) as error:
        raise _failure(error.__class__.__name__) from error
    if done.returncode not in _DONE:
        raise _failure(f"exit code {done.returncode}")
    return found if isinstance(found, list) else [found]


def _failure(why: str) -> SetupError:
    return SetupError(f"checkov's own checks could not run: {why}", hint="remove `checks` from live/orch.yaml to go on")


def _failed(reports: Sequence[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    for report in reports:
        results = report.get("results")
        if isinstance(results, Mapping):
            yield from results.get("failed_checks", ())


def _place(path: str, units: Mapping[str, str]) -> tuple[str, str] | None:
    """Return the unit of a scanned file, and the path of the file in the repository."""
    for folder, unit in units.items():
        if path.startswith(f"{folder}/"):
            return unit, path.removeprefix(f"{folder}/")
    return None
