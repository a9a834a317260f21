"""Marks in a path for what its text does not say: the module's folder, the root, and parts that are not known."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path

UNKNOWN_PATH = "\0?"
"""Stands for a part of a path that only Terraform knows."""
ANY_NAME = "\0n"
"""Stands for a part that leads nowhere else: a number, a hash, a file that ``fileset`` found."""
MODULE_FOLDER = "\0m"
ROOT_FOLDER = "\0r"


def leaves_modules(path: str, folders: Mapping[Path, object] | Sequence[Path]) -> bool:
    """Return whether a path leads out of the modules and of the rendered root.

    Args:
        path: one of ``Paths.of``.
        folders: the modules' folders, all of which are copied into the root.
    """
    if path.startswith(MODULE_FOLDER):
        target = Path(os.path.normpath(path.removeprefix(MODULE_FOLDER).replace("\0", "")))
        return not any(target.is_relative_to(folder) for folder in folders)
    if path.startswith(ROOT_FOLDER):
        path = "." + path.removeprefix(ROOT_FOLDER)
    if path.startswith(UNKNOWN_PATH):
        return ".." in path.split("/")
    return len(path) > 1 and (path.startswith(("/", "~")) or os.path.normpath(path).split("/")[0] == "..")


def module_file(path: str) -> Path | None:
    """Return the file that a path names, if it is below ``path.module`` and fully known; else None."""
    if not path.startswith(MODULE_FOLDER) or "\0" in path[1:]:
        return None
    return Path(os.path.normpath(path.removeprefix(MODULE_FOLDER)))


def display_path(path: str) -> str:
    """Return a path for messages."""
    if path.startswith(MODULE_FOLDER):
        return "a path below path.module"
    return path.replace(ROOT_FOLDER, "${path.root}").replace(UNKNOWN_PATH, "…").replace(ANY_NAME, "…")
