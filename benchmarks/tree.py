"""What a command and all processes below it use: wall time, CPU time, memory. Linux only.

A process counts the CPU of a child only if it waits for it, and a provider may outlive the Terraform that started it.
So the command runs below this file as a small process of its own, a *subreaper*: the kernel gives it every descendant
whose parent has ended, and it waits for all of them. A daemon that was started before, such as the emulator, is no
descendant.
"""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import resource
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

SAMPLE_SECONDS = 0.25
LINGER_SECONDS = 10.0
"""How long a descendant may outlive the command. One that does is a failure: nothing that was measured may leak."""
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER of prctl(2)
_SHOWN = 40


class BenchError(Exception):
    """A measurement failed; its text is shown."""


@dataclass(frozen=True, slots=True)
class Usage:
    """What a command used.

    Attributes:
        seconds: wall time from its start to its own end.
        cpu: user and system seconds of it and all its descendants.
        peak: bytes of memory at the highest sample, shared pages divided among those that share them; 0: not sampled.
    """

    seconds: float
    cpu: float
    peak: int = 0


def usage_of(
    command: Sequence[str | Path], *, cwd: Path, env: Mapping[str, str], memory: bool = False, expect: int = 0
) -> Usage:
    """Run a command and return what it and its descendants used.

    Args:
        command: the command line.
        cwd: its working directory.
        env: its environment.
        memory: sample the memory of the whole tree, some times a second.
        expect: its exit code.

    Raises:
        BenchError: it ended otherwise, or left processes behind.
    """
    with tempfile.TemporaryDirectory(prefix="orch-bench-") as name, tempfile.TemporaryFile() as output:
        report = Path(name) / "usage.json"
        wrapper = [sys.executable, "-I", "-S", __file__, str(report), str(int(memory))]
        with subprocess.Popen(
            [*wrapper, *map(str, command)], cwd=cwd, env=dict(env), stdout=output, stderr=output
        ) as process:
            try:
                process.wait()
            except BaseException:  # Ctrl-C too: what was started ends first
                process.terminate()
                process.wait()
                raise
        output.seek(0)
        printed = output.read().decode(errors="replace")
        if not report.exists():
            raise BenchError(_failure(command, "was not measured", printed))
        found = json.loads(report.read_text())
    if found["left"]:
        raise BenchError(_failure(command, f"left processes behind: {', '.join(found['left'])}", printed))
    if found["code"] != expect:
        raise BenchError(_failure(command, f"ended with {found['code']}, not {expect}", printed))
    return Usage(found["seconds"], found["cpu"], found["peak"])


def _failure(command: Sequence[str | Path], what: str, printed: str) -> str:
    line = " ".join(map(str, command))
    return "\n".join([f"{line[:300]} {what}", *printed.splitlines()[-_SHOWN:]])


def descendants(pid: int) -> list[int]:
    """Return the ids of all processes below a process."""
    children: dict[int, list[int]] = {}
    for each, parent in _parents():
        children.setdefault(parent, []).append(each)
    found: list[int] = []
    todo = [pid]
    while todo:
        below = children.get(todo.pop(), [])
        found += below
        todo += below
    return found


def _parents() -> Iterator[tuple[int, int]]:
    """Yield the id of each process and of its parent."""
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                stat = (entry / "stat").read_text()
            except OSError:  # it has ended
                continue
            yield int(entry.name), int(stat.rpartition(")")[2].split()[1])


def memory_of(pids: Sequence[int]) -> int:
    """Return the memory of processes in bytes: their proportional set size (PSS)."""
    return sum(_pss(pid) for pid in pids)


def _pss(pid: int) -> int:
    try:
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
    except OSError:  # it has ended
        return 0
    return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Pss:"))


class _Sampler(threading.Thread):
    """Looks at the memory of everything below this process, until it is stopped."""

    def __init__(self) -> None:
        super().__init__(daemon=True)
        self.peak = 0
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(SAMPLE_SECONDS):
            self.peak = max(self.peak, memory_of(descendants(os.getpid())))

    def stop(self) -> None:
        self._over.set()
        self.join()


def _wrap(report: Path, memory: bool, command: list[str]) -> None:
    """Run a command as a subreaper, wait for all that it started, and write what they used."""
    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")
    sampler = _Sampler()
    if memory:
        sampler.start()
    started = time.perf_counter()
    pid = os.posix_spawnp(command[0], command, os.environ, setsigdef=[signal.SIGINT, signal.SIGALRM])
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the command; this waits until it has ended
    signal.signal(signal.SIGTERM, lambda *_: os.kill(pid, signal.SIGTERM))
    code = _wait_for(pid)
    seconds = time.perf_counter() - started
    left = _wait_for_others()
    if memory:
        sampler.stop()
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    found = {"code": code, "seconds": seconds, "cpu": used.ru_utime + used.ru_stime, "peak": sampler.peak, "left": left}
    report.write_text(json.dumps(found))


def _wait_for(pid: int) -> int:
    """Wait for the command, and meanwhile for whatever else ends."""
    while True:
        ended, status = os.wait()
        if ended == pid:
            return os.waitstatus_to_exitcode(status)


def _wait_for_others() -> list[str]:
    """Wait for all other descendants. Those that do not end in time are killed, and their command lines returned."""
    until = time.monotonic() + LINGER_SECONDS
    while time.monotonic() < until:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.01)
        except ChildProcessError:
            return []
    names = []
    for pid in descendants(os.getpid()):
        with contextlib.suppress(OSError):  # it ends just now
            names.append(Path(f"/proc/{pid}/cmdline").read_text().replace("\0", " ")[:120])
            os.kill(pid, signal.SIGKILL)
    with contextlib.suppress(ChildProcessError):
        while True:
            os.wait()
    return names


if __name__ == "__main__":
    _wrap(Path(sys.argv[1]), sys.argv[2] == "1", sys.argv[3:])
