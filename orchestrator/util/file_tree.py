"""Lists the files of a folder, those behind links included, and says which links must not be followed."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

PRIVATE_FOLDERS = frozenset({".git", ".orch"})
"""Folders with credentials: the remote's in ``.git/config``, AWS's and saved plans in ``.orch``."""

_MOST_LINKS = 40
"""As many as Linux follows in one path (path_resolution(7))."""


_SUBMODULE_PATH = re.compile(r"^\s*path\s*=\s*(.+?)\s*$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class RefusedPath:
    """Something in a folder that cannot be taken along. ``path``: as it is reached from the folder."""

    path: Path
    what: str
    hint: str


@dataclass(frozen=True, slots=True)
class FileTree:
    """What is in a folder.

    Attributes:
        files: path relative to the folder, POSIX -> file; sorted. Includes the files of linked folders.
        links: every link that was followed.
        refused: what cannot be taken along; ``files`` lacks it.
    """

    files: Mapping[str, Path]
    links: tuple[Path, ...]
    refused: tuple[RefusedPath, ...]


def file_tree(folder: Path, root: Path, left_out: Callable[[str], bool]) -> FileTree:
    """List the files of a folder.

    Links are followed inside the repository. A link is refused if it leads nowhere, out of the repository, to a private
    folder, or to a folder that contains it. A submodule that is not checked out is refused: its files would be missing.

    Args:
        folder: a folder of the repository.
        root: the repository.
        left_out: whether a file or folder with this name is left out, wherever it is.
    """
    walk = _Walk(root, left_out, {}, [], [])
    walk.folder(folder, "", (folder.resolve(),))
    return FileTree(dict(sorted(walk.files.items())), tuple(walk.links), tuple(walk.refused))


@dataclass(frozen=True, slots=True)
class _Walk:
    root: Path
    left_out: Callable[[str], bool]
    files: dict[str, Path]
    links: list[Path]
    refused: list[RefusedPath]

    def folder(self, folder: Path, name: str, inside: tuple[Path, ...]) -> None:
        """Add what is in a folder.

        Args:
            folder: as it is reached.
            name: its name in the tree, with a slash at the end; empty for the top.
            inside: the folders that the walk is in, without links.
        """
        try:
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            self._refuse(folder, f"the folder cannot be read: {error.strerror}", "make it readable")
            return
        if not entries and is_submodule(inside[-1]):
            self._refuse(folder, "this git submodule is not checked out", "git submodule update --init")
        for entry in entries:
            path = Path(entry.path)
            if self.left_out(entry.name) or (entry.is_symlink() and not self._follows(path, inside)):
                continue
            if entry.is_dir():
                real = path.resolve() if entry.is_symlink() else inside[-1] / entry.name
                self.folder(path, f"{name}{entry.name}/", (*inside, real))
            elif entry.is_file():
                self.files[f"{name}{entry.name}"] = path
            else:
                self._refuse(path, "this is neither a file nor a folder", "remove it")

    def _follows(self, link: Path, inside: tuple[Path, ...]) -> bool:
        target = Path(os.path.realpath(link))
        if any(each.is_relative_to(target) for each in inside):
            self._refuse(link, "the link leads to a folder that contains it", "remove it")
        elif private := private_part(link, self.root):
            self._refuse(link, f"the link leads to {target}, which is {private}", "copy what it leads to in its place")
        elif not target.exists():
            self._refuse(link, f"the link leads to {target}, which does not exist", "remove the link, or correct it")
        else:
            self.links.append(link)
            return True
        return False

    def _refuse(self, path: Path, what: str, hint: str) -> None:
        self.refused.append(RefusedPath(path, what, hint))


def is_submodule(folder: Path) -> bool:
    """Return whether the nearest ``.gitmodules`` above a folder lists it. ``folder``: absolute, without links."""
    for parent in folder.parents:
        try:
            text = (parent / ".gitmodules").read_text(encoding="utf-8", errors="replace")
        except OSError:
            continue
        return folder.relative_to(parent).as_posix() in _SUBMODULE_PATH.findall(text)
    return False


def private_part(path: Path, root: Path) -> str:
    """Return what is private about a path, links followed; empty if its content may be copied.

    Args:
        path: a file, folder or link.
        root: the repository.
    """
    target, base = Path(os.path.realpath(path)), Path(os.path.realpath(root))
    if target == base:
        return "the repository itself"
    if not target.is_relative_to(base):
        return "outside the repository"
    hidden = [
        part for part in target.relative_to(base).parts if part.lower() in PRIVATE_FOLDERS
    ]  # Some file systems ignore case.
    return f"in {hidden[0]}" if hidden else ""


def steps_of(path: Path, root: Path) -> Iterator[Path]:
    """Yield every link on the way to a path, at any depth, and at the end where the way leads.

    Args:
        path: a path below ``root``.
        root: a folder without links in its own path.
    """
    here, followed = root, 0
    rest = list(reversed(path.relative_to(root).parts))
    while rest:
        part = rest.pop()
        if part == "..":
            here = here.parent
        elif followed < _MOST_LINKS and (here / part).is_symlink():
            followed += 1
            yield here / part
            target = (here / part).readlink()
            if target.is_absolute():
                here = Path(target.anchor)
            rest.extend(reversed(target.parts[1 if target.is_absolute() else 0 :]))
        else:
            here /= part
    yield here
