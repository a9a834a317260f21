"""How long ``orch --help`` takes, as a whole process."""

from __future__ import annotations

import sys
from collections.abc import Iterable

from benchmarks.figures import Compared, Measured, Row, Unit
from benchmarks.projects import REPOSITORY, clean_environment
from benchmarks.tree import usage_of
from benchmarks.turns import Effort, in_turns, wall

HELP = Row("help", "`orch --help`, a whole process", Unit.SECONDS, Compared.VALUE, bar=0.25)
ROWS = (HELP,)

_TIMES = 3
"""A process this short is measured so many times in each round."""


def measure(effort: Effort, _wanted: frozenset[str]) -> Iterable[Measured]:
    """Measure the row."""
    command = [sys.executable, "-m", "orchestrator", "--help"]
    env = clean_environment()
    found = in_turns({"orch --help": lambda: usage_of(command, cwd=REPOSITORY, env=env)}, rounds=_TIMES * effort.rounds)
    yield Measured(HELP.id, wall("orch --help", found["orch --help"]))
