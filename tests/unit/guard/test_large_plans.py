"""The memory for a large plan: both the report's reader and the guard's read it as a stream."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
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
from tests.support.check_process import process_of, running
from tests.support.plans import a_unit

def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024

checks = Checks(Policies.load(Path.cwd()))
judge = Judge(checks)
judge.load_checks()
before = peak()
record = read_plan(Path("plan"), Path(sys.argv[1]))
verdict = judge.judge(a_unit(), record)
lines = change_lines(record)
of_checks = max(running(process_of(checks).pid).values(), default=0)
print(before, peak(), of_checks, len(lines), *[finding.address for finding in verdict.findings])
"""


@dataclass(frozen=True)
class Judged:
    """Memory in MB: of orch before and at its peak, and of the checks of one policy; what the plan changes; findings."""

    before: int
    peak: int
    of_checks: int
    changes: int
    found: list[str]


def judged(file: Path) -> Judged:
    argv = [sys.executable, "-c", _JUDGE, str(file)]
    done = subprocess.run(argv, capture_output=True, text=True, cwd=ROOT, check=False, timeout=900)
    assert done.returncode == 0, done.stderr
    before, peak, of_checks, changes, *found = done.stdout.split()
    return Judged(int(before), int(peak), int(of_checks), int(changes), found)


@pytest.mark.full
def test_memory_does_not_grow_with_what_stays(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    tables = write_large_plan(file, megabytes=27, changed_every=1_000, lost=777)
    large = judged(file)
    assert large.found == [f'{ADDRESS}["000777"]']
    assert large.changes == len(range(0, tables, 1_000)) + 1
    size = file.stat().st_size // 1_000_000
    assert size >= 27
    grown = large.peak - large.before
    assert grown < 15, f"{grown} MB for a plan of {size} MB of which 0.1 % changes"


@pytest.mark.full
@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_the_memory_of_the_checks_does_not_grow_with_what_changes(tmp_path: Path) -> None:
    """They get 500 resources at a time; a plan of 13 MB that changes all of its 2,000 tables takes 12 MB there."""
    peaks = []
    for megabytes in (3, 13):
        file = tmp_path / "plan.json"
        write_large_plan(file, megabytes=megabytes, changed_every=1, lost=77)
        peaks.append(judged(file).of_checks)
    few, many = peaks
    assert 0 < few < 100
    assert many - few < 10, f"{few} MB for 500 changes, {many} MB for 2,000"


@pytest.mark.full
def test_a_plan_of_200_mb_takes_less_than_500_mb(tmp_path: Path) -> None:
    file = tmp_path / "plan.json"
    tables = write_large_plan(file, megabytes=201, lost=777)
    assert file.stat().st_size > 200_000_000
    large = judged(file)
    assert large.found == [f'{ADDRESS}["000777"]']
    assert large.changes >= tables // 20
    assert large.peak < 500, f"{large.peak} MB"
