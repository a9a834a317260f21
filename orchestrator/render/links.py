"""Which links and folders of a repository may be followed when files are copied into a unit's root or an archive."""

from __future__ import annotations

from pathlib import Path

_PRIVATE = frozenset({".git", ".orch"})
"""Folders with credentials: the remote's in ``.git/config``, AWS's and saved plans in ``.orch``."""


def private_part(path: Path, root: Path) -> str:
    """Return what is private about a path, links followed; empty if its content may be copied.

    Args:
        path: a file, folder or link.
        root: the repository.
    """
    target, base = path.resolve(), root.resolve()
    if target == base:
        return "the repository itself"
    if not target.is_relative_to(base):
        return "outside the repository"
    hidden = [
        part for part in target.relative_to(base).parts if part.lower() in _PRIVATE
    ]  # Some file systems ignore case.
    return f"in {hidden[0]}" if hidden else ""
