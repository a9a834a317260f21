"""Tries a command that changes nothing again after an error that passes on its own.

Only ``init`` and ``plan`` are tried again. An apply never is: its request may have reached AWS although its answer was
lost, and a second one could create a second resource.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from orchestrator.config.catalogue import Unit
from orchestrator.report.model import Notice
from orchestrator.run.context import RunContext
from orchestrator.terraform.causes import passing_pattern
from orchestrator.terraform.failures import TerraformError

DELAYS = (5.0, 20.0)
"""Seconds before the second and the third try. Providers and the S3 backend retried for longer already."""

_T = TypeVar("_T")


def with_retries(context: RunContext, unit: Unit, command: str, action: Callable[[], _T]) -> _T:
    """Return the result of a command, which is tried again if it fails with an error that passes on its own.

    Args:
        context: the run; its configuration has further patterns.
        unit: the unit.
        command: what is tried, for people: ``init`` or ``plan``.
        action: runs the command. It must not change anything.

    Raises:
        TerraformError: it failed for another reason, or in each try, or the run was interrupted in between.
    """
    for number, delay in enumerate(DELAYS, start=2):
        try:
            return action()
        except TerraformError as error:
            pattern = passing_pattern(error.block, context.catalogue.settings.retry)
            if not pattern or error.stopped or error.timed_out or context.run.stop.is_set():
                raise
            context.run.journal.note("retried", unit=unit.id, command=command, pattern=pattern)
            text = f"{command} failed with an error that may pass ({pattern}); try {number} of {len(DELAYS) + 1}"
            context.run.sink(Notice(text=f"{text} in {delay:g} s", unit=unit.id))
            if context.run.stop.wait(delay):
                raise
    return action()
