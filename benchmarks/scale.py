"""Several machines: a plan on 1, 2 and 4 workers of a Dask cluster, and on threads, behind 100 ms of latency.

The workers are processes of this machine with TLS on loopback, so they share its cores: what grows with their number is
how much of AWS's latency is waited for at the same time. ``python -m benchmarks.scale`` prints the figures.
"""

from __future__ import annotations

import asyncio
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from tests.support.cluster import DaskCluster
from tests.support.emulator import new_account_id, shared_emulator
from tests.support.project import Project

ACCOUNTS = 4
SECONDS = 0.1
"""How long each request takes to arrive."""
_CHUNK = 65536


@dataclass(frozen=True, slots=True)
class ScaleFigures:
    """What was measured.

    Attributes:
        units: number of units, in four accounts.
        threads: seconds of a plan on threads of one process, with as many slots as one worker has.
        workers: number of workers -> seconds of the same plan.
        fixed: seconds of a plan of one unit on one worker, without latency: connecting, fetching, building a context.
    """

    units: int
    threads: float
    workers: dict[int, float]
    fixed: float


def measure(units: int = 32, workers: Sequence[int] = (1, 2, 4), *, slots: int = 2) -> ScaleFigures:
    """Apply units without a provider, then plan them with nothing to change, on threads and on workers.

    Args:
        units: number of units, a multiple of four.
        workers: the sizes of the cluster.
        slots: units that one worker, and the run on threads, plans at a time.
    """
    with tempfile.TemporaryDirectory(prefix="orch-scale-") as name:
        folder = Path(name)
        project = _project(folder, units)
        project.orch("apply", "*", "--yes", "-q", "-j", "4")
        env = project.environment(ORCH_CACHE=str(folder / "cache"))
        timed: dict[int, float] = {}
        with DaskCluster(folder / "one", 1, env, threads=slots) as cluster:
            _seconds(project, cluster, "*")  # Terraform initializes each root once on a machine; that is not measured.
            fixed = _seconds(project, cluster, "stage0/s0")
        with delayed(project.root / ".orch" / "emulator" / "emulator.json"):
            began = time.perf_counter()
            project.orch("plan", "*", "-q", "-j", str(slots), "--detailed-exitcode")
            threads = time.perf_counter() - began
            for count in workers:
                with DaskCluster(folder / f"of-{count}", count, env, threads=slots) as cluster:
                    timed[count] = _seconds(project, cluster, "*")
        return ScaleFigures(units, threads, timed, fixed)


def _project(folder: Path, units: int) -> Project:
    accounts = {f"account{number}": new_account_id() for number in range(ACCOUNTS)}
    project = Project(folder / "repo", emulator=shared_emulator(folder), accounts=accounts)
    stacks = [f"s{number}" for number in range(units // ACCOUNTS)]
    for number in range(ACCOUNTS):
        listed = ", ".join(f"{stack}: " for stack in stacks)
        project.write(f"live/stages/stage{number}.yaml", f"account: account{number}\nstacks: {{{listed}}}\n")
    for stack in stacks:
        project.write(f"live/stacks/{stack}.yaml", "module: box\ninputs: {value: one}\n")
    return project.ready()


def _seconds(project: Project, cluster: DaskCluster, target: str) -> float:
    began = time.perf_counter()
    given = ("--executor", "dask", "--scheduler", cluster.address)
    project.orch("plan", target, "-q", *given, code=0, stdin=None, **cluster.certificates)
    return time.perf_counter() - began


@contextmanager
def delayed(info: Path) -> Iterator[None]:
    """Put latency in front of an emulator: whoever reads its file calls a proxy that passes requests on later.

    Args:
        info: the emulator's file; it names the emulator itself again at the end.
    """
    before = info.read_text(encoding="utf-8")
    content = json.loads(before)
    port = urlsplit(content["url"]).port or 0
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()

    async def serve() -> int:
        server = await asyncio.start_server(lambda reader, writer: _pass_on(reader, writer, port), "127.0.0.1", 0)
        own: int = server.sockets[0].getsockname()[1]
        return own

    own = asyncio.run_coroutine_threadsafe(serve(), loop).result(10)
    info.write_text(json.dumps({**content, "url": f"http://127.0.0.1:{own}"}), encoding="utf-8")
    try:
        yield
    finally:
        info.write_text(before, encoding="utf-8")
        loop.call_soon_threadsafe(loop.stop)
        thread.join(5)


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, port: int) -> None:
    there, to = await asyncio.open_connection("127.0.0.1", port)

    async def copy(source: asyncio.StreamReader, target: asyncio.StreamWriter, wait: float) -> None:
        while data := await source.read(_CHUNK):
            await asyncio.sleep(wait)
            target.write(data)
            await target.drain()
        target.close()

    await asyncio.gather(copy(reader, to, SECONDS), copy(there, writer, 0), return_exceptions=True)


def main() -> None:
    """Measure once, and print."""
    found = measure()
    sys.stdout.write(f"one unit on one worker, no latency: {found.fixed:.1f} s\n")
    sys.stdout.write(f"{found.units} units on threads: {found.threads:.1f} s\n")
    for count, seconds in found.workers.items():
        sys.stdout.write(f"{found.units} units on {count} workers: {seconds:.1f} s\n")


if __name__ == "__main__":
    main()
