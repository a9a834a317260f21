"""Sections of a posted comment: what orch adds below the headline, and finds again to change it.

Each stands between two hidden lines. They follow the headline without anything in between, so nothing that a plan says
further down can pass for one.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from orchestrator.report.comment.fit import length

_START = re.compile(r"<!-- orch:section (?P<name>[a-z]+)(?: (?P<about>[\w.,@/:-]*))? -->")
_END = "<!-- orch:end -->"
_HIDDEN = "<!-- orch:"
ROOM = 8_000
"""Characters that a comment leaves for sections."""
_LONGEST = 1_300
_LONGEST_ABOUT = 1_000


class SectionName(StrEnum):
    """The sections, in the order in which they are shown."""

    APPLIED = "applied"
    STALE = "stale"
    OTHERS = "others"


@dataclass(frozen=True, slots=True)
class CommentSection:
    """A section.

    Attributes:
        text: its Markdown, made of inert parts.
        about: names of units, for programs.
    """

    text: str
    about: tuple[str, ...] = ()


def sections_of(body: str) -> dict[SectionName, CommentSection]:
    """Return the sections of a comment."""
    return _split(body)[1]


def with_sections(body: str, sections: Mapping[SectionName, CommentSection | None]) -> str:
    """Return a comment with sections in the place of those with the same names; None takes one away."""
    head, found, rest = _split(body)
    merged: dict[SectionName, CommentSection | None] = {**found, **sections}
    shown = [_text(name, section) for name in SectionName if (section := merged.get(name)) is not None]
    if not shown and not found:
        return body
    blocks = ["\n".join(head), *shown, "\n".join(rest).strip("\n")]
    return "\n\n".join(block for block in blocks if block) + "\n"


def quoted(kind: str, lines: Sequence[str]) -> str:
    """Return lines as an alert of Markdown that is not longer than a section may be.

    Args:
        kind: ``WARNING``, ``NOTE`` and so on.
        lines: Markdown. The last ones are counted only, if they are too long together.
    """
    shown: list[str] = []
    for line in lines:
        if shown and sum(map(length, shown)) + length(line) > _LONGEST:
            shown.append(f"… and {len(lines) - len(shown)} more")
            break
        shown.append(line)
    return "\n".join([f"> [!{kind}]", *(f"> {line}" for line in shown)])


def _text(name: SectionName, section: CommentSection) -> str:
    names = ",".join(section.about)
    if len(names) > _LONGEST_ABOUT:
        names = names[:_LONGEST_ABOUT].rpartition(",")[0]
    return f"<!-- orch:section {name}{f' {names}' if names else ''} -->\n\n{section.text.strip()}\n\n{_END}"


def _split(body: str) -> tuple[list[str], dict[SectionName, CommentSection], list[str]]:
    """Return the hidden lines with the headline, the sections, and the rest."""
    lines = body.split("\n")
    at = next((i for i, line in enumerate(lines) if not line.startswith(_HIDDEN)), len(lines) - 1) + 1
    head = lines[:at]
    found: dict[SectionName, CommentSection] = {}
    while True:
        while at < len(lines) and not lines[at].strip():
            at += 1
        start = _START.fullmatch(lines[at]) if at < len(lines) else None
        if start is None or _END not in lines[at:]:
            return head, found, lines[at:]
        end = lines.index(_END, at)
        if start["name"] in set(SectionName):
            about = tuple(each for each in (start["about"] or "").split(",") if each)
            found[SectionName(start["name"])] = CommentSection("\n".join(lines[at + 1 : end]).strip(), about)
        at = end + 1
