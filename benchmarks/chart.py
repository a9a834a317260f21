"""``docs/speed.svg``: a bar for each contender of a row. Readable on a light and on a dark page."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape

from benchmarks.figures import Measured, Side, ratio

_WIDTH = 720
_LABEL, _BAR, _STEP, _TOP = 250, 330, 30, 44
_STYLE = """\
text { font: 14px system-ui, -apple-system, "Segoe UI", sans-serif; fill: #1f2328 }
.title { font-weight: 600 }
.theirs { fill: #8c959f }
.ours { fill: #1a7f37 }
@media (prefers-color-scheme: dark) {
  text { fill: #e6edf3 }
  .theirs { fill: #6e7681 }
  .ours { fill: #3fb950 }
}"""


def chart(measured: Measured, title: str) -> str:
    """Return the chart as SVG.

    Args:
        measured: a row in seconds with a contender to compare with; the slowest comes first.
        title: what is measured.
    """
    base = measured.theirs or measured.ours
    sides = sorted([base, *measured.beside], key=lambda side: -side.median)
    if measured.theirs:
        sides.append(measured.ours)
    height = _TOP + _STEP * len(sides) + 8
    longest = max(side.median for side in sides)
    told = "; ".join(f"{side.name} {_told(side, base)}" for side in sides)
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}"',
        f'  width="{_WIDTH}" height="{height}" role="img">',
        f"<title>{escape(title)}: {escape(told)}</title>",
        f"<style>\n{_STYLE}\n</style>",
        f'<text class="title" x="0" y="20">{escape(title)}</text>',
    ]
    for number, side in enumerate(sides):
        lines += _bar(side, base, longest, _TOP + _STEP * number, ours=side.name.startswith("orch"))
    return "\n".join([*lines, "</svg>", ""])


def _bar(side: Side, base: Side, longest: float, y: int, *, ours: bool) -> Iterator[str]:
    width = max(2.0, _BAR * side.median / longest)
    yield f'<text x="{_LABEL - 10}" y="{y + 15}" text-anchor="end">{escape(side.name)}</text>'
    yield f'<rect class="{"ours" if ours else "theirs"}" x="{_LABEL}" y="{y}" width="{width:.1f}" height="20" rx="3"/>'
    yield f'<text x="{_LABEL + width + 8:.1f}" y="{y + 15}">{_told(side, base)}</text>'


def _told(side: Side, base: Side) -> str:
    seconds = f"{side.median:.1f} s"
    return seconds if side is base else f"{seconds} ({ratio(side, base):.2f})"
