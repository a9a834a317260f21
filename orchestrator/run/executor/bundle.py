"""Archives that travel through a state bucket: the repository as a run uses it, and what a step reads or writes."""

from __future__ import annotations

import os
import tarfile
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from orchestrator.config.catalogue import Catalogue
from orchestrator.errors import UnitError
from orchestrator.util.files import PRIVATE, atomic_file

_LEFT_OUT = frozenset({".git", ".orch", ".terraform", "__pycache__"})
_LEVEL = 1
"""Of gzip: a plan of 300 resources takes 8 ms instead of 40 ms at level 6, and is a fifth larger."""


def pack(to: Path, root: Path, paths: Iterable[Path]) -> None:
    """Write a private archive of files below ``root``, with their paths relative to it. Folders are packed whole.

    Links are followed: what an archive holds is content.

    Args:
        to: the archive.
        root: the folder that the paths are in.
        paths: files and folders; what does not exist is left out.

    Raises:
        UnitError: a file cannot be read, or the archive cannot be written.
    """
    try:
        with atomic_file(to) as file, tarfile.open(fileobj=file, mode="w:gz", compresslevel=_LEVEL) as archive:
            for path in sorted({each for given in paths for each in _files(given)}):
                info = tarfile.TarInfo(path.relative_to(root).as_posix())
                info.size = path.stat().st_size
                info.mode = PRIVATE | (path.stat().st_mode & 0o100)
                with path.open("rb") as content:
                    archive.addfile(info, content)
    except OSError as error:
        message = f"cannot pack {to.name}: {error.strerror}"
        raise UnitError(message, hint="free disk space, or make the file readable") from error


def unpack(archive: Path, root: Path, *, below: Iterable[str]) -> None:
    """Write the files of an archive below ``root``, private to the user.

    Args:
        archive: the archive.
        root: the folder to write to.
        below: relative paths of the only files and folders that may be written; ``.`` allows all.

    Raises:
        UnitError: the archive is damaged, has a path outside of those, or the disk does not take it.
    """
    allowed = [PurePosixPath(each) for each in below]
    try:
        with tarfile.open(archive, mode="r:gz") as packed:
            for member in packed:
                name = PurePosixPath(member.name)
                content = packed.extractfile(member) if member.isreg() else None
                if content is None or not _may_write(name, allowed):
                    message = f"{archive.name} has the unexpected entry {member.name!r}"
                    raise UnitError(message, hint="the worker runs another version of orch, or is not one")
                with atomic_file(root / name, mode=PRIVATE | (member.mode & 0o100)) as file:
                    while chunk := content.read(1 << 20):
                        file.write(chunk)
    except (OSError, tarfile.TarError, EOFError) as error:
        message = f"cannot unpack {archive.name}: {error}"
        raise UnitError(message, hint="free disk space, then run again") from error


def repository_paths(catalogue: Catalogue) -> set[Path]:
    """Return the files and folders of a repository that its units are loaded, rendered and scanned from.

    These are ``live/``, the top folders that contain modules, and the folders that are zipped.
    """
    root = catalogue.root
    modules = {unit.module.path for unit in catalogue.units.values() if unit.module.path is not None}
    archives = {archive.folder for unit in catalogue.units.values() for archive in unit.archives}
    tops = {root / path.relative_to(root).parts[0] for path in modules}
    return {root / "live", *tops, *archives}


def _may_write(name: PurePosixPath, allowed: list[PurePosixPath]) -> bool:
    inside = not name.is_absolute() and ".." not in name.parts
    return inside and any(name == each or each in name.parents for each in allowed)


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
        return
    for folder, names, files in os.walk(path, followlinks=True):
        here = Path(folder)
        names[:] = [each for each in names if each not in _LEFT_OUT and not _leads_up(here / each)]
        yield from (here / each for each in files if (here / each).is_file())


def _leads_up(path: Path) -> bool:
    """Return whether a folder is a link to one that contains it, which would never end."""
    return path.is_symlink() and path.parent.resolve().is_relative_to(path.resolve())
