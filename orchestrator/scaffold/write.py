"""Writes new files into a folder: all of them or none, and never over an existing one."""

from __future__ import annotations

import stat
from collections.abc import Iterable, Iterator
from contextlib import suppress
from pathlib import Path

from orchestrator.errors import SetupError, UsageError
from orchestrator.scaffold.platform_files import NewFiles
from orchestrator.util.plural import agreeing

_SHOWN = 5


def refuse_existing(target: Path, names: Iterable[str]) -> None:
    """Raise an error when a file would be written over something, or through a link.

    Args:
        target: the folder; it need not exist.
        names: paths relative to it, with ``/``.

    Raises:
        UsageError: it names what exists.
    """
    found = sorted(set(_existing(target, names)))
    if found:
        more = f" and {len(found) - _SHOWN} more" if len(found) > _SHOWN else ""
        verb = agreeing(len(found), "exists", "exist")
        message = f"{', '.join(found[:_SHOWN])}{more} already {verb} in {target}; nothing was written"
        raise UsageError(message, hint="choose an empty folder, or move what exists out of the way")


def write_new(target: Path, files: NewFiles) -> None:
    """Write files into a folder, which is created if it does not exist.

    Args:
        target: the folder.
        files: content by path relative to it.

    Raises:
        UsageError: a file exists; nothing was written.
        SetupError: a file cannot be written; what was written before it is removed again.
    """
    refuse_existing(target, files)
    written: list[Path] = []
    folders: list[Path] = []
    try:
        for name, data in files.items():
            path = target / name
            _make_folder(path.parent, folders)
            with path.open("xb") as file:
                written.append(path)
                file.write(data)
    except BaseException as error:
        _remove(written, folders)
        if isinstance(error, OSError):
            message = f"{error.filename or target} cannot be written: {error.strerror}; nothing was kept"
            raise SetupError(message, hint="check the permissions of the folder and the free space") from error
        raise


def _existing(target: Path, names: Iterable[str]) -> Iterator[str]:
    if _kind(target.resolve()) not in {0, stat.S_IFDIR}:
        yield target.name
        return
    for name in names:
        parents = list(Path(name).parents)[-2::-1]  # from the outermost inwards, without the target itself
        # a link may lead elsewhere, and a file cannot hold another
        blocking = [each for each in parents if _kind(target / each) not in {0, stat.S_IFDIR}]
        if blocking:
            yield blocking[0].as_posix()
        elif _kind(target / name):
            yield name


def _kind(path: Path) -> int:
    """The type bits of what is at a path, without following a link; 0: nothing, or nothing that can be looked at."""
    try:
        return stat.S_IFMT(path.lstat().st_mode)
    except OSError:
        return 0  # writing fails there, with the reason


def _make_folder(folder: Path, made: list[Path]) -> None:
    missing = []
    while not folder.is_dir():
        missing.append(folder)
        folder = folder.parent
    for each in reversed(missing):
        each.mkdir()
        made.append(each)


def _remove(files: Iterable[Path], folders: list[Path]) -> None:
    for path in files:
        path.unlink(missing_ok=True)
    for folder in reversed(folders):
        with suppress(OSError):
            folder.rmdir()
