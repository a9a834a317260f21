"""The catalogue: 10,000 units over 100 accounts, loaded, resolved and ordered in a fresh process.

``python -m benchmarks.rows.catalogue ROOT`` is that process: it prints what it measured as JSON.
"""

from __future__ import annotations

import json
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from benchmarks.figures import Compared, Measured, Row, Side, Unit
from benchmarks.projects import REPOSITORY
from benchmarks.tree import BenchError
from benchmarks.turns import Effort

_WORK = "load, resolve and order 10,000 units in 100 accounts"
LOAD = Row("load", _WORK, Unit.SECONDS, Compared.VALUE, bar=3.0)
LOAD_MEMORY = Row("load-memory", f"{_WORK}: memory", Unit.GIGABYTES, Compared.VALUE, bar=0.4)
ROWS = (LOAD, LOAD_MEMORY)

ACCOUNTS = 100
STAGES = 10
STACKS = 10

_ORCH = """\
format: 1
name: bench
orch: "~=0.1"
region: eu-west-1
providers:
  aws: "5.100.0"
state:
  bucket: ${{ name }}-${{ account_id }}-tfstate
tags:
  owner: platform
management: "999999999999"
"""
_MODULE = """\
variable "upstream" {
  description = "What the stack before it gives."
  type        = string
  default     = ""
}

variable "origin" {
  description = "Where it is reached."
  type        = string
}

variable "size" {
  description = "How large it is."
  type        = number
  default     = 1
}

variable "settings" {
  description = "What else there is to say."
  type = map(object({
    type = string
    max  = optional(number, 64)
  }))
  default = {}
}

variable "environment" {
  description = "For its programs."
  type        = map(string)
  default     = {}
}

output "arn" {
  description = "Its name in AWS."
  value       = "arn"
}

output "tables" {
  description = "What it holds."
  value       = { users = { name = "users" } }
}
"""


def write_catalogue(root: Path, *, accounts: int = ACCOUNTS, stages: int = STAGES, stacks: int = STACKS) -> int:
    """Write a catalogue of the shape that a platform has: every stage extends the first one of its account.

    Args:
        root: an empty folder.
        accounts: how many.
        stages: of each account.
        stacks: of each stage.

    Returns:
        How many units it has.
    """
    files = {"live/orch.yaml": _ORCH, "modules/part/main.tf": _MODULE}
    for number in range(stacks):
        files[f"live/stacks/s{number}.yaml"] = _stack(number)
    for account in range(accounts):
        files[f"live/accounts/a{account:03}.yaml"] = (
            f'id: "{100000000000 + account}"\nregions: [eu-west-1, us-east-1]\n'
        )
        for stage in range(stages):
            files[f"live/stages/a{account:03}-t{stage}.yaml"] = _stage(account, stage, accounts, stacks)
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return accounts * stages * stacks


def _stack(number: int) -> str:
    """A stack that reads the ones before it, the last one of another account, and has literals of every kind."""
    lines = [
        "module: part",
        "inputs:",
        "  origin: https://${{ stage }}.${{ stack }}.example.com",
        f"  size: {number}",
        "  settings:",
        "    company: {type: string, max: 64}",
        "    team: {type: string}",
    ]
    if number:
        lines += [
            f"  upstream: ${{{{ s{number - 1}.arn }}}}",
            "  environment:",
            f"    TABLE: ${{{{ s{number // 2}.tables.users.name }}}}",
            "    NEIGHBOUR: ${{ neighbour.arn }}",
            "    REGION: ${{ region }}",
        ]
    return "\n".join(lines) + "\n"


def _stage(account: int, stage: int, accounts: int, stacks: int) -> str:
    lines = [f"account: a{account:03}"] if stage == 0 else [f"extends: a{account:03}-t0"]
    lines += ["stacks:"]
    for number in range(stacks):
        if stage == 0:
            lines += [f"  s{number}:"]
        if number % 3 == 0:
            lines += [f"  s{number}:"] if stage else []
            lines += [
                "    inputs:",
                f"      size: {stage + number}",
                f"      settings: {{stage{stage}: {{type: number}}}}",
            ]
    lines += ["uses:", f"  neighbour: a{(account + 1) % accounts:03}-t{stage}/s0"]
    return "\n".join(lines) + "\n"


def load_here(root: Path) -> dict[str, float]:
    """Load, resolve and order a catalogue in this process.

    Returns:
        ``total`` seconds without imports, ``bytes`` of memory at the peak, and how many ``units`` there are.
    """
    from orchestrator.config.graph import Graph  # noqa: PLC0415 - the import is not measured, and only this process needs it
    from orchestrator.config.load import load  # noqa: PLC0415

    began = time.perf_counter()
    graph = Graph.of(load(root).units)
    return {
        "units": len(graph.order),
        "total": time.perf_counter() - began,
        "bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024,
    }


def measure(effort: Effort, _wanted: frozenset[str]) -> Iterable[Measured]:
    """Write the catalogue, and load it in a fresh process in each round."""
    accounts = effort.size(ACCOUNTS, 2)
    with tempfile.TemporaryDirectory(prefix="orch-bench-") as folder:
        root = Path(folder)
        units = write_catalogue(root, accounts=accounts)
        command = [sys.executable, "-m", "benchmarks.rows.catalogue", str(root)]
        runs = [
            json.loads(subprocess.run(command, check=True, capture_output=True, text=True, cwd=REPOSITORY).stdout)
            for _ in range(effort.rounds)
        ]
    if any(each["units"] != units for each in runs):
        message = f"{runs[0]['units']} units were loaded, not {units}"
        raise BenchError(message)
    yield Measured(LOAD.id, Side("orch", tuple(each["total"] for each in runs)))
    yield Measured(LOAD_MEMORY.id, Side("orch", tuple(each["bytes"] / 1e9 for each in runs)))


if __name__ == "__main__":
    sys.stdout.write(json.dumps(load_here(Path(sys.argv[1]))))
