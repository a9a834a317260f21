"""Compares a text with a golden file: the one way that this suite does it."""

from __future__ import annotations

import difflib
from pathlib import Path


def compare(path: Path, text: str, *, renew: bool) -> None:
    """The text must be the file's, byte for byte.

    Args:
        path: the golden file.
        text: what was made now.
        renew: write the file instead.

    Raises:
        AssertionError: they differ, or there is no file; with the difference and the command that renews it.
    """
    if renew:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8", newline="")
        return
    wanted = path.read_bytes().decode() if path.is_file() else None
    if wanted == text:
        return
    place = f"{path.parent.name}/{path.name}"
    if wanted is None:
        raise AssertionError(f"there is no golden file {place}; pytest --renew-golden writes it")
    lines = difflib.unified_diff(
        wanted.splitlines(keepends=True), text.splitlines(keepends=True), f"golden {place}", "made now"
    )
    raise AssertionError("".join(lines) + "\nif this is right: pytest --renew-golden, then review the change")
