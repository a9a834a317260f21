"""``make bench``: measure everything, write ``benchmarks/RESULTS.md``, say what is over its limit."""

from __future__ import annotations

import platform
import sys
from datetime import UTC, datetime
from pathlib import Path

from benchmarks import catalogue, overhead, provider, start
from benchmarks.measure import ROUNDS

RESULTS = Path(__file__).with_name("RESULTS.md")
OVERHEAD, UNCHANGED, FIRST, HELP_SECONDS = 1.15, 0.75, 0.70, 0.25


def main() -> int:
    """Measure; exit code 1 when a limit is not met."""
    rows: list[tuple[str, str, str, bool]] = []

    def row(what: str, figure: str, limit: str, *, right: bool) -> None:
        rows.append((what, figure, limit, right))
        sys.stderr.write(f"{what}: {figure} (limit {limit}){'' if right else '  OVER'}\n")

    help_seconds = start.measure()
    row("`orch --help`", f"{help_seconds:.2f} s", "0.25 s", right=help_seconds < HELP_SECONDS)
    loaded = catalogue.run()
    figure = f"{loaded['seconds']:.2f} s, {loaded['megabytes']:.0f} MB"
    row("load, resolve and order 10,000 units in 100 accounts", figure, "3 s, 400 MB", right=bool(loaded["passed"]))
    bare = overhead.measure()
    for name, pair in (("unchanged", bare.unchanged), ("changed", bare.changed)):
        what = f"60 units without a provider, {name}: `orch plan -j2` / plan and show under `xargs -P2`"
        row(what, pair.shown(), f"{OVERHEAD}", right=pair.ratio <= OVERHEAD)
    real = provider.measure()
    what = "12 AWS units, unchanged: `orch plan` / a loop of plan and show"
    row(what, real["unchanged"].shown(), f"{UNCHANGED}", right=real["unchanged"].ratio <= UNCHANGED)
    what = "12 AWS units, first `orch apply` / a loop of init, plan, show and apply"
    row(what, real["first"].shown(), f"{FIRST}", right=real["first"].ratio <= FIRST)
    RESULTS.write_text(_page(rows), encoding="utf-8")
    return 0 if all(right for *_, right in rows) else 1


def _page(rows: list[tuple[str, str, str, bool]]) -> str:
    lines = [
        "# Speed",
        "",
        f"Written by `make bench` on {datetime.now(UTC):%Y-%m-%d} with Python {platform.python_version()}. Pairs are",
        f"ours · theirs · ratio: medians of {ROUNDS} rounds, taken in turns in one run.",
        "Ratios are what counts: seconds belong to the machine.",
        "",
        "| what | figure | limit | |",
        "|---|---|---|---|",
        *(f"| {what} | {figure} | {limit} | {'met' if right else '**over**'} |" for what, figure, limit, right in rows),
        "",
        "Unchanged units are not shown with `show -json`: an empty plan is Terraform's own word (docs/adr/0004).",
        "",
    ]
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
