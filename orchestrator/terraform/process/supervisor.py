"""Supervised child processes: each has its own session, a time limit, a log and a way to stop it.

A child writes directly to its log file, and orch follows that file. With a pipe, killing orch would break the pipe, and
Terraform's next line of output would end it in the middle of an apply: the state would stay locked and lack the objects
being created. For the same reason there is no parent-death signal (``PR_SET_PDEATHSIG``): an apply whose orch has died
runs to its end, writes its state and releases its lock.

Because a child has its own session, the terminal's Ctrl-C reaches only orch, which decides what it means.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from orchestrator.terraform.process.child import Child, ExitWatch, Follower, LineCallback, Task, TaskKind
from orchestrator.terraform.process.log import FollowedLog
from orchestrator.util.files import PRIVATE

__all__ = ["LineCallback", "ProcessResult", "Processes", "TaskKind"]

REFUSED = 130
"""Exit code of a process that was not started because the run was interrupted."""

FOLLOW_SECONDS = 0.1
WARN_AHEAD = 60.0

GRACE: Mapping[TaskKind, float] = {TaskKind.PLAN: 10.0, TaskKind.APPLY: 120.0}
"""Seconds between the request to stop and the kill, for Terraform to write its state and release its lock."""


@dataclass(frozen=True, slots=True)
class ProcessResult:
    """How a process ended.

    Attributes:
        code: exit code; negative: killed by that signal; 130 without lines: never started.
        lines: its last lines of output (at most 4000), without colors.
        seconds: how long it ran.
        timed_out: whether it reached its time limit.
        stopped: whether it was asked to stop: Ctrl-C, SIGTERM.
    """

    code: int
    lines: tuple[str, ...]
    seconds: float
    timed_out: bool = False
    stopped: bool = False


class Processes:
    """The child processes of one run; thread-safe.

    Args:
        grace: seconds between the request to stop and the kill, per kind.
    """

    def __init__(self, *, grace: Mapping[TaskKind, float] = GRACE) -> None:
        self._grace = dict(grace)
        self._lock = threading.Lock()
        self._children: list[Child] = []
        self._closed = False

    def run(
        self,
        argv: Sequence[str],
        *,
        unit: str,
        cwd: Path,
        env: Mapping[str, str],
        log: Path,
        kind: TaskKind,
        timeout: float | None,
        on_line: LineCallback | None = None,
        on_warning: LineCallback | None = None,
        stdout: Path | None = None,
        handles: Sequence[int] = (),
    ) -> ProcessResult:
        """Run a process until it exits, and follow its output.

        Args:
            argv: program and arguments; never a shell.
            unit: id of the unit that it runs for.
            cwd: its working directory.
            env: its whole environment.
            log: file that its output is appended to, mode 0600.
            kind: whether it can be stopped at any time.
            timeout: seconds until it is asked to stop; None: no limit.
            on_line: called with each line, without colors; its exception is raised again after the process exits.
            on_warning: called with a sentence when the time limit is near, when it is reached, and before the kill.
            stdout: file for the standard output, mode 0600; then only the standard error goes to the log.
            handles: file descriptors that it inherits under the same numbers.

        Raises:
            UnitError: the log cannot be written or the program cannot be started.
        """
        with ExitStack() as stack:
            output = stack.enter_context(FollowedLog.open(log, argv))
            target = _private(stdout, stack) if stdout else output.handle
            task = Task(tuple(argv), unit, cwd, env, kind, timeout, tuple(handles))
            child = self._start(task, stdout=target, stderr=output.handle)
            if child is None:
                return ProcessResult(REFUSED, (), 0.0, stopped=True)
            follower = Follower(output, on_line, on_warning)
            try:
                self._supervise(child, follower)
            finally:
                code = self._end(child)
                follower.finish()
            seconds = time.monotonic() - child.started
            follower.reraise()
            return ProcessResult(code, tuple(follower.lines), seconds, child.timed_out, child.stopped)

    def interrupt_plans(self) -> tuple[str, ...]:
        """Stop every plan; applies continue. Nothing new starts: ``run`` returns a stopped result immediately.

        Returns:
            The units whose plan was stopped, sorted.
        """
        with self._lock:
            self._closed = True
            plans = [child for child in self._children if child.task.kind is TaskKind.PLAN]
            for child in plans:
                child.stopped = True
                child.interrupt()
                child.grace_from(time.monotonic(), self._grace[TaskKind.PLAN])
            return tuple(sorted({child.task.unit for child in plans}))

    def ask_stop(self) -> tuple[str, ...]:
        """Ask Terraform to stop, once per process: it cancels its calls, writes its state and exits.

        Returns:
            The units that were asked, sorted.
        """
        with self._lock:
            self._closed = True
            for child in self._children:
                child.stopped = True
                child.interrupt()
            return tuple(sorted({child.task.unit for child in self._children}))

    def kill(self) -> tuple[str, ...]:
        """Kill every process and its providers now: state locks stay, and calls in flight are missing from the state.

        Returns:
            The units whose process was killed, sorted.
        """
        with self._lock:
            self._closed = True
            for child in self._children:
                child.stopped = True
                child.kill()
            return tuple(sorted({child.task.unit for child in self._children}))

    def in_flight(self) -> Mapping[str, str]:
        """Return what runs now: unit -> ``plan`` or ``apply``."""
        with self._lock:
            return {child.task.unit: child.task.kind.value for child in self._children}

    def _start(self, task: Task, *, stdout: int, stderr: int) -> Child | None:
        """Start and register in one step, so that no interrupt can fall between the two."""
        with self._lock:
            if self._closed:
                return None
            child = Child(task.start(stdout=stdout, stderr=stderr), task)
            self._children.append(child)
            return child

    def _supervise(self, child: Child, follower: Follower) -> None:
        with ExitWatch(child.process) as exit_watch:
            while not exit_watch.wait(FOLLOW_SECONDS):
                follower.pump()
                for warning in self._watch_clock(child, time.monotonic()):
                    follower.warn(warning)

    def _watch_clock(self, child: Child, now: float) -> list[str]:
        """Apply the time limit; return the warnings to pass on."""
        warnings: list[str] = []
        kind, limit = child.task.kind, child.task.timeout
        with self._lock:
            if limit is not None and not child.interrupted:
                left = child.started + limit - now
                if left <= 0:
                    child.timed_out = True
                    child.interrupt()
                    child.grace_from(now, self._grace[kind])
                    warnings.append(
                        f"this {kind} reached its time limit of {limit:g} s: Terraform is asked to stop, "
                        f"and killed after another {self._grace[kind]:g} s"
                    )
                elif not child.warned and left <= min(WARN_AHEAD, limit / 4):
                    child.warned = True
                    warnings.append(f"this {kind} has {left:.0f} s remaining of its time limit of {limit:g} s")
            if child.kill_at is not None and now >= child.kill_at and not child.killed:
                child.kill()
                warnings.append(f"this {kind} did not stop in time and was killed: the state may still be locked")
        return warnings

    def _end(self, child: Child) -> int:
        """Kill what the process left behind, unregister it and reap it; until then its group id cannot be reused."""
        with self._lock:
            child.kill()
            self._children.remove(child)
        return child.process.wait()


def _private(path: Path, stack: ExitStack) -> int:
    """Open a new file that only its owner can read."""
    handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, PRIVATE)
    stack.callback(os.close, handle)
    os.fchmod(handle, PRIVATE)
    return handle
