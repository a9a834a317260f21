"""The catalogue: 10,000 units over 100 accounts, loaded, resolved and ordered in a fresh process.

``python -m benchmarks.catalogue`` writes the catalogue to a temporary folder and prints what it measured as JSON.
"""

from __future__ import annotations

import argparse
import json
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

ACCOUNTS = 100
STAGES = 10
STACKS = 10
MAX_SECONDS = 3.0
MAX_MEGABYTES = 400.0

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


def measure(root: Path) -> dict[str, float]:
    """Load, resolve and order a catalogue in this process.

    Returns:
        ``import``, ``load`` and ``order`` in seconds, ``total`` of the last two, ``megabytes`` at the peak, ``units``.
    """
    began = time.perf_counter()
    from orchestrator.config.graph import Graph  # noqa: PLC0415 - what the import costs is measured too
    from orchestrator.config.load import load  # noqa: PLC0415

    imported = time.perf_counter()
    catalogue = load(root)
    loaded = time.perf_counter()
    graph = Graph.of(catalogue.units)
    ordered = time.perf_counter()
    return {
        "units": len(graph.order),
        "edges": sum(len(graph.upstreams(unit)) for unit in graph.order),
        "import": round(imported - began, 3),
        "load": round(loaded - imported, 3),
        "order": round(ordered - loaded, 3),
        "total": round(ordered - imported, 3),
        "megabytes": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


def run(repeat: int = 3) -> Mapping[str, Any]:
    """Write the catalogue, measure it in fresh processes, and compare the median with the targets."""
    with tempfile.TemporaryDirectory(prefix="orch-bench-") as folder:
        root = Path(folder)
        units = write_catalogue(root)
        command = [sys.executable, "-m", "benchmarks.catalogue", "--measure", str(root)]
        runs = [
            json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            for _ in range(repeat)
        ]
    assert all(each["units"] == units for each in runs)
    seconds = statistics.median(each["total"] for each in runs)
    megabytes = statistics.median(each["megabytes"] for each in runs)
    return {
        "benchmark": "catalogue",
        "seconds": seconds,
        "max_seconds": MAX_SECONDS,
        "megabytes": megabytes,
        "max_megabytes": MAX_MEGABYTES,
        "passed": seconds < MAX_SECONDS and megabytes < MAX_MEGABYTES,
        "runs": runs,
    }


def main() -> int:
    """Print the measurement as JSON; 1 when it misses a target."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", type=Path, metavar="ROOT", help="measure this catalogue in this process")
    parser.add_argument("--repeat", type=int, default=3, help="processes of which the median is taken")
    arguments = parser.parse_args()
    if arguments.measure is not None:
        print(json.dumps(measure(arguments.measure)))
        return 0
    found = run(arguments.repeat)
    print(json.dumps(found, indent=2))
    return 0 if found["passed"] else 1


if __name__ == "__main__":
    sys.exit(main())
