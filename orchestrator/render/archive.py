"""Reproducible zip files: the same folder gives the same bytes on every machine."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

from orchestrator.errors import Location, SetupError
from orchestrator.util.file_tree import file_tree, private_part

_EPOCH = (1980, 1, 1, 0, 0, 0)
"""The earliest time that a zip can store: modification times must not matter."""

_LEFT_OUT = frozenset({"__pycache__", ".git", ".orch", ".ds_store", ".pytest_cache", ".mypy_cache", ".ruff_cache"})


def zip_folder(folder: Path, *, root: Path) -> bytes:
    """Return the zip of a folder: files sorted by name, one fixed time, only the executable bit, not compressed.

    Compressed data depends on the version of zlib, so a function would be uploaded again by each machine that has
    another one. Links are followed inside the repository.

    Raises:
        SetupError: the folder is missing, empty or private; a file cannot be read; or it contains what cannot be
            zipped: a link that leads nowhere, out of the repository, into ``.git`` or ``.orch``, or to a folder that
            contains it; a socket or pipe.
    """
    where = _place(folder, root)
    if not folder.is_dir():
        raise SetupError("the folder to zip does not exist", where=where, hint="create it, or correct `archives:`")
    if private := private_part(folder, root):
        raise SetupError(f"the folder to zip is {private}", where=where, hint="correct `archives:`")
    files = archive_files(folder, root)
    if not files:
        hint = "put the files there; if it is a git submodule: git submodule update --init"
        raise SetupError("the folder to zip is empty", where=where, hint=hint)
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name, path in files.items():
            try:
                archive.writestr(_entry(name, path), path.read_bytes())
            except OSError as error:
                message = f"the file cannot be read: {error.strerror}"
                raise SetupError(message, where=_place(path, root), hint="make it readable") from error
    return buffer.getvalue()


def archive_files(folder: Path, root: Path) -> Mapping[str, Path]:
    """Return the files of a folder that a zip contains: path relative to the folder -> file, sorted.

    Raises:
        SetupError: the folder contains what cannot be zipped; see `zip_folder`.
    """
    tree = file_tree(folder, root, _is_left_out)
    for refused in tree.refused:
        raise SetupError(refused.what, where=_place(refused.path, root), hint=refused.hint)
    return tree.files


def _is_left_out(name: str) -> bool:
    return name.lower() in _LEFT_OUT or name.endswith(".pyc")


def _entry(name: str, path: Path) -> zipfile.ZipInfo:
    entry = zipfile.ZipInfo(name, date_time=_EPOCH)
    executable = path.stat().st_mode & 0o100
    entry.external_attr = (0o100755 if executable else 0o100644) << 16
    entry.create_system = 3  # Unix, on every system
    entry.compress_type = zipfile.ZIP_STORED
    return entry


def _place(path: Path, root: Path) -> Location:
    return Location(path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name)
