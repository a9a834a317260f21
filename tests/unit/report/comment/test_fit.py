"""A comment fits by showing the least important in less detail first, whatever its pieces and the limit are."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.report.comment.fit import Piece, Rank, TextBlock, fit, length
from tests.support.markdown import render

ROOM = 800
"""More than the notes about what is left out take, so that a limit is never below what cannot be dropped."""


@dataclass(frozen=True, slots=True)
class Made:
    """Blocks whose pieces can be told apart in the text: ``p12-0`` is the fullest form of piece 12."""

    blocks: list[TextBlock]
    pieces: dict[int, Piece]

    def level(self, number: int, text: str) -> int:
        """Return which form of a piece a text has: as many as it has forms if none."""
        forms = self.pieces[number].forms
        return next((level for level in range(len(forms)) if f"p{number}-{level} " in text), len(forms) - 1)


@st.composite
def blocks(draw: st.DrawFn) -> Made:
    made: list[TextBlock] = []
    pieces: dict[int, Piece] = {}
    for number in range(draw(st.integers(1, 4))):
        own = []
        for _ in range(draw(st.integers(0, 8))):
            ranks = tuple(sorted(draw(st.lists(st.sampled_from(Rank), min_size=1, max_size=3, unique=True))))
            key = len(pieces)
            sizes = sorted((draw(st.integers(0, 900)) for _ in ranks), reverse=True)
            forms = (*(f"p{key}-{level} {'`' * (key % 5)}{'x' * size}" for level, size in enumerate(sizes)), "")
            pieces[key] = Piece(forms, ranks)
            own.append(pieces[key])
        language = draw(st.sampled_from(["", "diff"]))
        made.append(TextBlock(f"<details><summary>b{number}</summary>", tuple(own), "</details>", "thing", language))
    return Made(made, pieces)


@given(blocks(), st.integers(ROOM, 12_000))
def test_it_fits_and_every_fence_is_closed(made: Made, limit: int) -> None:
    fitted = fit(made.blocks, limit)
    assert length(fitted.text) <= limit
    shown = render(fitted.text)
    assert shown.tags.count("<details>") == shown.tags.count("</details>")
    diffs = [block for block in made.blocks if block.language]
    visible = [
        b for b in diffs if any(p.forms[made.level(n, fitted.text)] for n, p in made.pieces.items() if p in b.pieces)
    ]
    assert shown.fences == len(visible)


@given(blocks(), st.integers(ROOM, 12_000))
def test_what_matters_least_gives_way_first(made: Made, limit: int) -> None:
    """If a piece gave way at a rank, each piece has given way wherever it could at a lower one."""
    text = fit(made.blocks, limit).text
    taken = {n: piece.ranks[: made.level(n, text)] for n, piece in made.pieces.items()}
    highest = max((rank for ranks in taken.values() for rank in ranks), default=0)
    for number, piece in made.pieces.items():
        assert all(rank in taken[number] for rank in piece.ranks if rank < highest)


@given(blocks(), st.integers(ROOM, 12_000))
def test_what_is_left_out_is_counted(made: Made, limit: int) -> None:
    fitted = fit(made.blocks, limit)
    dropped = sum(1 for number, piece in made.pieces.items() if not piece.forms[made.level(number, fitted.text)])
    assert (f"Left out, because a comment has at most 65,536 characters: {dropped} thing" in fitted.text) == bool(
        dropped
    )
    losses = any(
        rank >= Rank.LOSS
        for number, piece in made.pieces.items()
        for rank in piece.ranks[: made.level(number, fitted.text)]
    )
    assert fitted.hides_losses == losses


@given(blocks())
def test_nothing_gives_way_without_need(made: Made) -> None:
    fitted = fit(made.blocks, 10**9)
    assert all(made.level(number, fitted.text) == 0 for number in made.pieces)
    assert not fitted.hides_losses


def test_what_cannot_be_dropped_and_is_too_long_is_an_error() -> None:
    with pytest.raises(ValueError, match="cannot be made shorter"):
        fit([TextBlock("x" * 100)], 50)
