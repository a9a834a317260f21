"""Looks at the process that runs the checks, from outside."""

from __future__ import annotations

import re
from contextlib import suppress
from pathlib import Path

from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.checkov.process import CheckProcess


def running(group: int) -> dict[int, int]:
    """The processes of a group that have not ended, each with its peak memory in MB. Reads /proc."""
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            state, _, process_group = (folder / "stat").read_text().rpartition(")")[2].split()[:3]
            peak = re.search(r"VmHWM:\s*(\d+) kB", (folder / "status").read_text())
            if int(process_group) == group and state not in "ZX" and peak is not None:
                found[int(folder.name)] = int(peak[1]) // 1024
    return found


def process_of(checks: Checks) -> CheckProcess:
    """The process that runs the checks, which is started if it is not."""
    checks.start()
    assert isinstance(checks._backend, CheckProcess)
    return checks._backend
