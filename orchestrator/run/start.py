"""What the beginning of a run records, and what it tells of runs before it that did not come to their end."""

from __future__ import annotations

import getpass
import os
import platform
from collections.abc import Iterator
from pathlib import Path

from orchestrator import __version__
from orchestrator.run.context import RunContext
from orchestrator.run.history.runs import DONE, RunOutcome, continued, past_runs
from orchestrator.run.history.unsaved_state import unsaved_states


def record_start(context: RunContext, *, command: str, continues: str | None = None) -> None:
    """Write the first record of a run: what was asked for, on which units, by whom, and where.

    Args:
        context: the run.
        command: the command that runs.
        continues: id of the run that this one resumes.

    Raises:
        SetupError: the journal cannot be written.
    """
    options = context.run.options
    context.run.journal.write(
        "run-started",
        verb=command,
        targets=list(options.targets),
        units=list(context.run.graph.order),
        continues=continues,
        slots=options.parallelism,
        timeout=options.timeout,
        lock_timeout=options.terraform_lock_timeout,
        fail_fast=options.fail_fast,
        replace=list(options.replace),
        orch=__version__,
        user=user_name(),
        host=platform.node(),
        pid=os.getpid(),
    )


def user_name() -> str:
    """Who runs orch on this machine, for records that people read; empty when the system does not know."""
    try:
        return getpass.getuser()
    except (OSError, KeyError):  # a container with a user id that has no name
        return ""


def earlier_runs(root: Path) -> Iterator[str]:
    """Sentences about what earlier runs on this machine left: applies that were cut off, states that were not saved.

    Args:
        root: the folder that contains ``live/``.
    """
    runs = root / ".orch" / "runs"
    past = list(past_runs(runs))
    gone_on = continued(past)
    since: set[str] = set()  # units that a newer run brought to an end
    for each in past:
        flying = {unit: at for unit, at in each.in_flight.items() if unit not in since}
        if each.outcome is RunOutcome.CUT_OFF and flying and each.run not in gone_on:
            yield _cut_off(each.run, flying)
        if each.applies:
            since |= {unit for unit, status in each.ends().items() if status in DONE}
    for state in unsaved_states(runs):
        yield (
            f"Run {state.run} left a state that was not saved: {state.told(root)}. "
            f"`orch apply --resume {state.run}` saves it; until then its unit is neither planned nor applied."
        )


def _cut_off(run: str, units: dict[str, str]) -> str:
    since = ", ".join(f"{unit} (since {time})" for unit, time in units.items())
    return (
        f"Run {run} was cut off while it applied {since}. Terraform may have finished without it: `orch apply --resume "
        f"{run}` looks at what is left and goes on; the log is in .orch/runs/{run}/logs."
    )
