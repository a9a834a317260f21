"""Reproducible zip files: the same folder gives the same bytes on every machine."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

from orchestrator.errors import Location, SetupError
from orchestrator.render.links import private_part

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can store: modification times must not matter."""

_LEFT_OUT = {"__pycache__", ".git", ".orch", ".DS_Store", ".pytest_cache", ".mypy_cache", ".ruff_cache"}


def zip_folder(folder: Path, *, root: Path) -> bytes:
    """Return the zip of a folder: files sorted by name, one fixed time, only the executable bit, level 9.

    Raises:
        SetupError: the folder is missing, empty or private, or contains a link to something that is no part of it: out
            of the repository, into ``.git`` or ``.orch``, or to a folder.
    """
    where = Location(_shown(folder, root))
    if not folder.is_dir():
        raise SetupError("the folder to zip does not exist", where=where, hint="create it, or correct `archives:`")
    if private := private_part(folder, root):
        raise SetupError(f"the folder to zip is {private}", where=where, hint="correct `archives:`")
    files = sorted(folder_files(folder, root), key=lambda path: path.relative_to(folder).as_posix())
    if not files:
        raise SetupError("the folder to zip is empty", where=where)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as archive:
        for path in files:
            archive.writestr(_entry(path, folder), path.read_bytes(), compresslevel=9)
    return buffer.getvalue()


def _entry(path: Path, folder: Path) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), date_time=_EPOCH)
    executable = path.stat().st_mode & 0o100
    entry.external_attr = (0o100755 if executable else 0o100644) << 16
    entry.create_system = 3  # Unix, on every system
    entry.compress_type = zipfile.ZIP_DEFLATED
    return entry


def folder_files(folder: Path, root: Path) -> list[Path]:
    """Return the files of a folder that a zip contains.

    Raises:
        SetupError: one is a link to something that is no part of the folder.
    """
    found = []
    for path in folder.rglob("*"):
        if _LEFT_OUT & set(path.relative_to(folder).parts) or path.suffix == ".pyc" or not path.is_file():
            continue
        if private := private_part(path, root):
            raise SetupError(
                f"{_shown(path, root)} is a link that leads to {path.resolve()}, which is {private}",
                where=Location(_shown(folder, root)),
                hint="copy the file into the folder",
            )
        found.append(path)
    return found


def _shown(path: Path, root: Path) -> str:
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
