"""Saves the result of a rehearsal beside the report of its run, as ``rehearsal.json``, and reads it back."""

from __future__ import annotations

import json
from pathlib import Path

from orchestrator.errors import SetupError, UsageError
from orchestrator.report.rehearsal.json_form import parse_rehearsal, rehearsal_form
from orchestrator.report.rehearsal.model import Rehearsal
from orchestrator.report.tables import dump
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.history.reports import run_folder
from orchestrator.util.files import write_atomic

_NAME = "rehearsal.json"


def save_rehearsal(folders: RunPaths, rehearsal: Rehearsal) -> None:
    """Save a rehearsal atomically, mode 0600.

    Raises:
        SetupError: it cannot be written.
    """
    try:
        write_atomic(folders.of_run / _NAME, (dump(rehearsal_form(rehearsal)) + "\n").encode())
    except OSError as error:
        message = f"cannot save the result of the rehearsal {folders.run}: {error.strerror}"
        raise SetupError(message, hint="free some disk space") from error


def saved_rehearsal(root: Path, run: str) -> Rehearsal | None:
    """Return the rehearsal of a past run; None if the run is another command.

    Args:
        root: the folder that contains ``live/``.
        run: the run's id.

    Raises:
        UsageError: there is no such run, or its record cannot be read.
    """
    file = run_folder(root, run).of_run / _NAME
    try:
        form = json.loads(file.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError, RecursionError) as error:
        message = f"the result of the rehearsal {run} cannot be read: {error}"
        raise UsageError(message, hint="rehearse again") from error
    return parse_rehearsal(form, source=f".orch/runs/{run}/{_NAME}")
