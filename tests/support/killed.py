"""Runs orch and kills it after so many effects that others can see, without any hook in orch.

An effect is a request that changes S3 (PUT, DELETE), and a file that appears in or disappears from ``live/`` or the
records of migrations. Python's audit events report them just before they happen, so orch is killed between two effects.
"""

from __future__ import annotations

import subprocess
import sys

from tests.support.project import REPOSITORY, Project, Result

KILLED = 9
"""The exit code of a run that was killed."""

_SCRIPT = """\
import os, sys

left = int(sys.argv[1])


def seen_by_others(event, args):
    if event == "http.client.send":
        return isinstance(args[1], bytes) and args[1].startswith((b"PUT ", b"DELETE "))
    if event not in {"os.rename", "os.remove"}:
        return False
    return any("/live/" in str(path) or "/.orch/transfers/" in str(path) for path in args[:2])


def hook(event, args):
    global left
    if seen_by_others(event, args):
        if left == 0:
            os._exit(9)  # As a kill: nothing is cleaned up, locks stay.
        left -= 1


sys.addaudithook(hook)
sys.argv[1:] = sys.argv[2:]
from orchestrator.cli.app import main

main()
"""


def orch_killed_after(project: Project, effects: int, *arguments: str) -> Result:
    """Run orch on a project, and kill it after a number of effects; it ends normally when it has no more than that."""
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(effects), "-C", str(project.root), *arguments],
        capture_output=True,
        text=True,
        check=False,
        cwd=REPOSITORY,
        env=project.environment(),
        timeout=300,
        stdin=subprocess.DEVNULL,
    )
    return Result(done.returncode, done.stdout, done.stderr)
