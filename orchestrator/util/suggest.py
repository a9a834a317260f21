"""The near miss: what somebody most likely meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


def near_miss(word: str, known: Iterable[str]) -> str | None:
    """``did you mean "identity"?``, or None when nothing known is close.

    Args:
        word: as written.
        known: what would have been right.
    """
    found = difflib.get_close_matches(word, sorted(known), n=1)
    return f'did you mean "{found[0]}"?' if found else None
