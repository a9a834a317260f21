"""The README's two commands on a fresh clone of the last commit. Building the environment is timed apart."""

from __future__ import annotations

import contextlib
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from benchmarks.figures import Compared, Measured, Row, Unit
from benchmarks.projects import REPOSITORY, clean_environment
from benchmarks.tree import BenchError, Usage, usage_of
from benchmarks.turns import Effort, in_turns, say, wall

DEMO = Row("demo", "`make demo` on a fresh clone, its environment apart", Unit.SECONDS, Compared.VALUE, bar=120, aim=90)
TEST = Row(
    "test",
    "`make test` on a fresh clone, its environment apart",
    *(Unit.SECONDS, Compared.VALUE),
    bar=600,
    aim=420,
    default=False,
)
ROWS = (DEMO, TEST)

_QUICK_TEST = (".venv/bin/python", "-m", "pytest", "tests/unit/util")


def measure(effort: Effort, wanted: frozenset[str]) -> Iterable[Measured]:
    """Build one clone for both; the demo begins without anything of the demo before, the tests run once."""
    env = _environment()
    with _fresh_clone(env) as (clone, seconds):
        notes = (f"`make env` took {seconds:.0f} s.",)

        def demo() -> Usage:
            return usage_of(["make", "demo"], cwd=clone, env=env)

        def again() -> None:
            shutil.rmtree(clone / ".orch", ignore_errors=True)

        if DEMO.id in wanted:
            found = in_turns({"make demo": demo}, rounds=effort.rounds, before=again)
            yield Measured(DEMO.id, wall("make demo", found["make demo"]), notes=notes)
        if TEST.id in wanted:
            again()
            command = _QUICK_TEST if effort.quick else ("make", "test")
            usage = usage_of(command, cwd=clone, env=env)
            yield Measured(TEST.id, wall(" ".join(command), [usage]), notes=notes)


def _environment() -> dict[str, str]:
    """The environment of a person who has just cloned: no virtual environment, no path of this repository."""
    env = clean_environment()
    for name in ("PYTHONPATH", "VIRTUAL_ENV", "MAKEFLAGS", "MAKELEVEL", "MFLAGS"):
        env.pop(name, None)
    return env


@contextlib.contextmanager
def _fresh_clone(env: dict[str, str]) -> Iterator[tuple[Path, float]]:
    """Clone the last commit and build its environment.

    Yields:
        The clone, and the seconds that its environment took.

    Raises:
        BenchError: this is no git repository, or the environment cannot be built.
    """
    with tempfile.TemporaryDirectory(prefix="orch-bench-") as name:
        clone = Path(name) / "clone"
        _run(["git", "clone", "--quiet", str(REPOSITORY), str(clone)], Path(name), env)
        say("  make env in a fresh clone")
        began = time.monotonic()
        _run(["make", "env", f"PYTHON={sys.executable}"], clone, env)
        yield clone, time.monotonic() - began


def _run(command: list[str], cwd: Path, env: dict[str, str]) -> None:
    done = subprocess.run(command, cwd=cwd, env=env, capture_output=True, text=True, check=False)
    if done.returncode:
        message = f"{' '.join(command)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
        raise BenchError(message)
