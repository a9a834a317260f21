"""How long ``orch --help`` takes, as a whole process."""

from __future__ import annotations

import statistics
import subprocess
import sys

from benchmarks.measure import timed

ROUNDS = 9


def measure() -> float:
    """Median seconds of ``orch --help``."""
    command = [sys.executable, "-m", "orchestrator", "--help"]
    return statistics.median(
        timed(lambda: subprocess.run(command, check=True, stdout=subprocess.DEVNULL)) for _ in range(ROUNDS)
    )
