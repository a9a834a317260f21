"""Tries a command that changes nothing again after an error that passes on its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

from orchestrator.terraform.causes import passing_pattern
from orchestrator.terraform.failures import TerraformError

DELAYS = (5.0, 20.0)
"""Seconds before the second and the third try. Providers and the S3 backend retried for longer already."""

_T = TypeVar("_T")


def repeat_passing(
    action: Callable[[], _T],
    *,
    patterns: Sequence[str],
    wait: Callable[[float], bool],
    told: Callable[[str, str], None],
) -> _T:
    """Return the result of a command, which is tried again if it fails with an error that passes on its own.

    Args:
        action: runs the command. It must not change anything.
        patterns: errors that pass, as regular expressions, in addition to those that orch knows.
        wait: waits some seconds; returns whether the run was interrupted.
        told: called before each further try with the pattern and a sentence.

    Raises:
        TerraformError: it failed for another reason, or in each try, or the run was interrupted in between.
    """
    for number, delay in enumerate(DELAYS, start=2):
        try:
            return action()
        except TerraformError as error:
            pattern = passing_pattern(error.block, patterns)
            if not pattern or error.stopped or error.timed_out:
                raise
            told(pattern, f"an error that may pass ({pattern}); try {number} of {len(DELAYS) + 1} in {delay:g} s")
            if wait(delay):
                raise
    return action()
