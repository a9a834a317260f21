"""Records the start of a run, and reports earlier runs that did not finish."""

from __future__ import annotations

import getpass
import json
import os
import platform
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from orchestrator import __version__
from orchestrator.config.nodes import PlainValue
from orchestrator.report.outcome import RunOutcome
from orchestrator.run.history.journal import Journal
from orchestrator.run.history.runs import FINISHED_STATUSES, continued, past_runs
from orchestrator.run.history.unsaved_state import unsaved_states
from orchestrator.run.request import REHEARSE, RunOptions


def record_start(
    journal: Journal,
    *,
    command: str,
    options: RunOptions,
    units: Sequence[str],
    continues: str | None = None,
    dry_run: bool = False,
    values: Mapping[str, PlainValue] | None = None,
) -> None:
    """Write the first journal record of a run: command, targets, units, options, user and host.

    Args:
        journal: the journal of the run.
        command: the command that runs.
        options: what the user asked for.
        units: ids of the units, in their order.
        continues: id of the run that this one resumes.
        dry_run: nothing is to be changed.
        values: the values of the run, by name.

    Raises:
        SetupError: the journal cannot be written.
    """
    journal.write(
        "run-started",
        verb=command,
        targets=list(options.targets),
        units=list(units),
        continues=continues,
        values=[f"{name}={json.dumps(value)}" for name, value in sorted((values or {}).items())],
        slots=options.parallelism,
        timeout=options.timeout,
        lock_timeout=options.terraform_lock_timeout,
        fail_fast=options.fail_fast,
        replace=list(options.replace),
        refresh=options.refresh,
        dry_run=dry_run,
        scheduler=options.scheduler,
        orch=__version__,
        user=user_name(),
        host=platform.node(),
        pid=os.getpid(),
    )


def user_name() -> str:
    """Return the name of the user who runs orch, for records that people read; empty when it is unknown."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # A container whose user id has no name.
        return ""


def earlier_runs(root: Path) -> Iterator[str]:
    """Yield lines about earlier runs on this machine: applies that were cut off, states that were not saved.

    Args:
        root: the folder that contains ``live/``.
    """
    runs = root / ".orch" / "runs"
    past = [each for each in past_runs(runs) if each.verb != REHEARSE]  # What it applied to is gone.
    continued_by = continued(past)
    ended_since: set[str] = set()  # Units that a newer run finished.
    for each in past:
        in_flight = {unit: at for unit, at in each.in_flight.items() if unit not in ended_since}
        if each.outcome is RunOutcome.CUT_OFF and in_flight and each.run not in continued_by:
            yield _cut_off(each.run, in_flight)
        if each.applies:
            ended_since |= {unit for unit, status in each.ends().items() if status in FINISHED_STATUSES}
    for state in unsaved_states(runs):
        yield (
            f"Run {state.run} could not save a state: {state.shown_path(root)}. "
            f"`orch apply --resume {state.run}` saves it; until then its unit cannot be planned or applied."
        )


def _cut_off(run: str, units: dict[str, str]) -> str:
    listed = ", ".join(f"{unit} (since {time})" for unit, time in units.items())
    return (
        f"Run {run} was cut off while it applied {listed}. Terraform may have finished without it: "
        f"`orch apply --resume {run}` checks the state and continues; the log is in .orch/runs/{run}/logs."
    )
