"""The memory for a large plan: both the report's reader and the guard's read it as a stream."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.large_plan import ADDRESS, write_large_plan

ROOT = Path(__file__).parents[3]

# In a process of its own, because the peak of a process never falls again.
_JUDGE = """
import resource, sys
from pathlib import Path
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.judge import Judge
from orchestrator.guard.policies.load import Policies
from orchestrator.report.values.changes import change_lines
from orchestrator.terraform.plan.reader import read_plan
from tests.support.plans import a_unit

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

judge = Judge(Checks(Policies.load(Path.cwd())))
judge.load_checks()
before = peak()
record = read_plan(Path("plan"), Path(sys.argv[1]))
verdict = judge.judge(a_unit(), record)
lines = change_lines(record)
print(before, peak(), len(lines), *[finding.address for finding in verdict.findings])
"""


def judged(file: Path) -> tuple[int, int, int, list[str]]:
    """Memory before and at its peak in MB, how many changes there are, and the addresses of the findings."""
    argv = [sys.executable, "-c", _JUDGE, str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    before, peak, changes, *found = done.stdout.split()
    return int(before), int(peak), int(changes), found


def test_memory_does_not_grow_with_what_stays(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    tables = write_large_plan(file, megabytes=27, changed_every=1_000, lost=777)
    before, peak, changes, found = judged(file)
    assert found == [f'{ADDRESS}["000777"]']
    assert changes == len(range(0, tables, 1_000)) + 1
    size = file.stat().st_size // 1_000_000
    assert size >= 27
    assert peak - before < 15, f"{peak - before} MB for a plan of {size} MB of which 0.1 % changes"


@pytest.mark.full
def test_a_plan_of_200_mb_takes_less_than_500_mb(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    tables = write_large_plan(file, megabytes=201, lost=777)
    assert file.stat().st_size > 200_000_000
    _, peak, changes, found = judged(file)
    assert found == [f'{ADDRESS}["000777"]']
    assert changes >= tables // 20
    assert peak < 500, f"{peak} MB"
