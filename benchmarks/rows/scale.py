"""Several machines: a plan on 1, 2 and 4 workers of a Dask cluster, and on threads, behind 100 ms of latency.

The workers are processes of this machine with TLS on loopback, so they share its cores: what grows with their number is
how much of AWS's latency is waited for at the same time.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.figures import Compared, Measured, Row, Side, Unit
from benchmarks.latency_proxy import delayed
from benchmarks.turns import Effort, say
from tests.support.cluster import DaskCluster
from tests.support.emulator import new_account_id, shared_emulator
from tests.support.project import Project

ROW = Row(
    "workers",
    "100 ms in front of the emulator, 32 units of `terraform_data` in 4 accounts, nothing changed: `orch plan` on "
    "4 workers of a Dask cluster with 2 slots each, on this one machine, against 1 worker",
    *(Unit.SECONDS, Compared.SPEEDUP),
    bar=1.3,
)
ROWS = (ROW,)

_ACCOUNTS = 4
_SECONDS = 0.1
_SLOTS = 2
_WORKERS = (1, 2, 4)


def measure(effort: Effort, _wanted: frozenset[str]) -> Iterable[Measured]:
    """Apply units without a provider, then plan them with nothing to change, on threads and on workers."""
    with tempfile.TemporaryDirectory(prefix="orch-scale-") as name:
        folder = Path(name)
        project = _project(folder, effort.size(32, 4))
        project.orch("apply", "*", "--yes", "-q", "-j", "4")
        env = project.environment(ORCH_CACHE=str(folder / "cache"))
        with DaskCluster(folder / "one", 1, env, threads=_SLOTS) as cluster:
            _plan(project, cluster)  # Terraform initializes each root once on a machine; that is not measured.
        taken: dict[int, list[float]] = {count: [] for count in (0, *_WORKERS)}
        with delayed(project.root, _SECONDS):
            for number in range(effort.rounds):
                taken[0].append(_plan(project, None))
                for count in _WORKERS:
                    with DaskCluster(folder / f"{number}-{count}", count, env, threads=_SLOTS) as cluster:
                        taken[count].append(_plan(project, cluster))
        sides = {
            count: Side(f"{count or 'threads, no'} worker{'s' * (count != 1)}", tuple(taken[count])) for count in taken
        }
        yield Measured(ROW.id, sides[4], sides[1], (sides[0], sides[2]))


def _project(folder: Path, units: int) -> Project:
    accounts = {f"account{number}": new_account_id() for number in range(_ACCOUNTS)}
    project = Project(folder / "repo", emulator=shared_emulator(folder), accounts=accounts)
    stacks = [f"s{number}" for number in range(units // _ACCOUNTS)]
    for number in range(_ACCOUNTS):
        listed = ", ".join(f"{stack}: " for stack in stacks)
        project.write(f"live/stages/stage{number}.yaml", f"account: account{number}\nstacks: {{{listed}}}\n")
    for stack in stacks:
        project.write(f"live/stacks/{stack}.yaml", "module: box\ninputs: {value: one}\n")
    return project.ready()


def _plan(project: Project, cluster: DaskCluster | None) -> float:
    """Return the seconds of a plan of all units, on a cluster or on threads."""
    began = time.perf_counter()
    if cluster is None:
        project.orch("plan", "*", "-q", "-j", str(_SLOTS))
    else:
        given = ("--executor", "dask", "--scheduler", cluster.address)
        project.orch("plan", "*", "-q", *given, code=0, stdin=None, **cluster.certificates)
    seconds = time.perf_counter() - began
    say(f"  {'threads' if cluster is None else 'workers'}: {seconds:.1f} s")
    return seconds
