"""Spelling suggestions for unknown words."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near_miss(word: str, known: Iterable[str]) -> str | None:
    """Return ``did you mean "identity"?``, or None if no known word is close.

    Args:
        word: the word as written.
        known: the valid words.
    """
    found = difflib.get_close_matches(word, sorted(known), n=1)
    return f'did you mean "{found[0]}"?' if found else None
