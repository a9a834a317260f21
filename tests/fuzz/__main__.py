"""Compares the two readers of HCL for a while: ``python -m tests.fuzz --seconds 3600``.

Prints each difference, and ends with exit code 1 if there was one. A run starts from the number of seconds since 1970, or
from ``--seed``, which it prints; the same seed gives the same modules.
"""

from __future__ import annotations

import argparse
import shutil
import sys
import tempfile
import time
from pathlib import Path

from tests.fuzz.compare import Outcome, compare_modules, compare_texts
from tests.fuzz.generate import modules, texts

MODULES = 60
TEXTS = 400


def main() -> int:
    """Run until the time is over; return the exit code."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--seed", type=int, default=int(time.time()))
    options = parser.parse_args()
    terraform = Path(shutil.which("terraform") or sys.exit("terraform is not on PATH"))
    ends, seed, found = time.monotonic() + options.seconds, options.seed, 0
    totals = {"files": [0, 0], "modules": [0, 0]}
    print(f"seed {seed}", flush=True)
    while time.monotonic() < ends:
        for kind, outcome in (("files", _texts(terraform, seed)), ("modules", _modules(terraform, seed))):
            totals[kind][0] += outcome.tried
            totals[kind][1] += outcome.accepted
            found += len(outcome.differences)
            for each in outcome.differences:
                print(f"seed {seed}: {each}", flush=True)
        seed += 1
    told = ", ".join(f"{tried} {kind} ({accepted} accepted by Terraform)" for kind, (tried, accepted) in totals.items())
    print(f"{told}: {found} differences; last seed {seed - 1}")
    return 1 if found else 0


def _texts(terraform: Path, seed: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        return compare_texts(terraform, Path(folder), list(texts(seed, TEXTS)))


def _modules(terraform: Path, seed: int) -> Outcome:
    with tempfile.TemporaryDirectory() as folder:
        return compare_modules(terraform, Path(folder), list(modules(seed, MODULES)))


if __name__ == "__main__":
    sys.exit(main())
