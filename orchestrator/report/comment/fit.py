"""Makes a comment fit: what matters least is shown in less detail, then not at all, until the rest is short enough."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from orchestrator.report.comment.inert import fence
from orchestrator.util.plural import plural


class Rank(IntEnum):
    """What gives way first when a comment is too long: the lowest."""

    BEFORE_ATTRIBUTES = 1
    """Attributes of what differed before the change."""
    BEFORE = 2
    LONG_ATTRIBUTES = 3
    """All but the first attributes of a created or updated resource."""
    ATTRIBUTES = 4
    UNCHANGED = 5
    """The names of unchanged units."""
    CHANGE = 6
    """A created or updated resource."""
    WARNING = 7
    ROW = 8
    """The row of a unit that loses nothing."""
    ERROR = 9
    """All but the first lines of an error."""
    LOSS_ATTRIBUTES = 10
    """Attributes of a destroyed, replaced or forgotten resource."""
    FINDING_FACTS = 11
    """Everything about a finding except what it blocks or allows."""
    LOSS = 12
    """A destroyed, replaced or forgotten resource. From here on a comment hides what it exists to show."""
    FINDING = 13
    IMPORTANT_ROW = 14


_LARGEST_FIRST = frozenset({Rank.BEFORE_ATTRIBUTES, Rank.LONG_ATTRIBUTES, Rank.ATTRIBUTES, Rank.LOSS_ATTRIBUTES})
"""Where one long piece gives way before many short ones; elsewhere the last one is the least important."""
_ROOM = 400
"""Characters for the notes about what is left out."""


@dataclass(frozen=True, slots=True)
class Piece:
    """A part of a comment.

    Attributes:
        forms: its text, from the fullest to the shortest; an empty one: it is dropped.
        ranks: when each form but the last gives way to the next one, in ascending order.
    """

    forms: tuple[str, ...]
    ranks: tuple[Rank, ...] = ()


@dataclass(frozen=True, slots=True)
class TextBlock:
    """A block of Markdown.

    Attributes:
        head, tail: what is around the pieces; with pieces, both go when the last of them does.
        pieces: what can be shortened, one below the other.
        noun: what a piece is, for the number of those that are dropped. A block that has one is its pieces: without
            any, it is not shown.
        language: the pieces are lines of a code block in this language; empty: they are Markdown.
    """

    head: str = ""
    pieces: tuple[Piece, ...] = ()
    tail: str = ""
    noun: str = ""
    language: str = ""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A comment that fits.

    Attributes:
        text: the comment.
        hides_losses: not even what is destroyed or blocked fits; some of it is left out.
    """

    text: str
    hides_losses: bool = False


def length(text: str) -> int:
    """Return the length of a text in UTF-16 units, the largest number that a code host may count."""
    return len(text.encode("utf-16-le", "surrogatepass")) // 2


def fit(blocks: Sequence[TextBlock], limit: int) -> Fitted:
    """Return blocks as one text of at most ``limit`` UTF-16 units.

    Raises:
        ValueError: the blocks without pieces are longer than that.
    """
    levels = [[0] * len(block.pieces) for block in blocks]
    text = _text(blocks, levels)
    steps = iter(_steps(blocks))
    hides = False
    while (excess := length(text) - limit) > 0:
        saved = 0
        for rank, saving, block, piece, level in steps:
            levels[block][piece] = max(level, levels[block][piece])
            hides = hides or rank >= Rank.LOSS
            saved += saving
            if saved > excess + _ROOM:
                break
        if not saved:
            message = f"a comment of {length(text):,} characters cannot be made shorter"
            raise ValueError(message)
        text = _text(blocks, levels)
    return Fitted(text, hides)


def _steps(blocks: Sequence[TextBlock]) -> list[tuple[Rank, int, int, int, int]]:
    """Return rank, saved length, block, piece and new form of each step, in the order in which they are taken."""
    steps = [
        (rank, length(piece.forms[level]) - length(piece.forms[level + 1]), i, j, level + 1)
        for i, block in enumerate(blocks)
        for j, piece in enumerate(block.pieces)
        for level, rank in enumerate(piece.ranks)
    ]
    return sorted(steps, key=lambda each: (each[0], -each[1] if each[0] in _LARGEST_FIRST else 0, -each[2], -each[3]))


def _text(blocks: Sequence[TextBlock], levels: Sequence[Sequence[int]]) -> str:
    parts = [_block_text(block, chosen) for block, chosen in zip(blocks, levels, strict=True)]
    dropped: Counter[str] = Counter()
    for block, chosen in zip(blocks, levels, strict=True):
        dropped[block.noun] += _dropped(block, chosen)
    counts = ", ".join(plural(number, noun) for noun, number in dropped.items() if number)
    note = f"Left out, because a comment has at most 65,536 characters: {counts}." if counts else ""
    return "\n\n".join(part for part in (*parts, note) if part) + "\n"


def _block_text(block: TextBlock, levels: Sequence[int]) -> str:
    if not block.pieces:
        return "" if block.noun else block.head
    shown = [text for piece, level in zip(block.pieces, levels, strict=True) if (text := piece.forms[level])]
    if not shown:
        return ""
    body = "\n".join(shown).rstrip("\n")
    if block.language:
        body = fence(body.split("\n"), block.language)
    missing = _dropped(block, levels)
    more = f"… and {plural(missing, f'more {block.noun}')}" if missing else ""
    separator = "\n" if block.head.endswith("|") or block.head.startswith(">") else "\n\n"
    whole = separator.join(text for text in (block.head, body) if text)
    return "\n\n".join(text for text in (whole, more, block.tail) if text)


def _dropped(block: TextBlock, levels: Sequence[int]) -> int:
    return sum(1 for piece, level in zip(block.pieces, levels, strict=True) if not piece.forms[level])
