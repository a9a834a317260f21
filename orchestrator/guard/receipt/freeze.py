"""Hashes the files that a verdict covers, so that an apply can require that none of them has changed.

Terraform reads local files again during the apply: an archive that was swapped after the plan would be uploaded without
being judged. So the saved plan, everything in the unit's root, and the modules that ``init`` downloaded are hashed.
"""

from __future__ import annotations

import hashlib
import os
import stat
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path

from orchestrator.errors import BlockedError

WRITTEN_BY_APPLY = ("errored.tfstate", "crash.log", "crash.*.log", ".terraform.tfstate.lock.info")
"""Files that Terraform writes to the top of the root when an apply fails; it reads none of them."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class FrozenFiles:
    """The files at the time when the plan was judged.

    Attributes:
        root: the unit's root.
        plan: the saved plan.
        extra: additional folders that the root reads from.
        files: name, starting with ``root/`` or ``extraN/`` -> hash, or the target of a link.
        plan_sha256: the hash of the saved plan.
    """

    root: Path
    plan: Path
    extra: tuple[Path, ...]
    files: Mapping[str, str]
    plan_sha256: str

    def path_of(self, name: str) -> str:
        """Return the path of a name in ``files``."""
        kind, _, rest = name.partition("/")
        if kind == "plan":
            return str(self.plan)
        folders = {"root": self.root, **{f"extra{number}": folder for number, folder in enumerate(self.extra)}}
        return str(folders[kind] / rest) if kind in folders else name


def freeze(root: Path, plan: Path, extra: Iterable[Path] = ()) -> FrozenFiles:
    """Hash the saved plan and every file that its apply can read.

    Args:
        root: the unit's root, where Terraform runs.
        plan: the saved plan.
        extra: additional folders, e.g. ``modules`` in Terraform's data folder. A folder that does not exist counts as
            empty.

    Raises:
        BlockedError: a file cannot be read, is not a file, folder or link, or a link leads out of the hashed folders.
    """
    folders = tuple(extra)
    files = _files(root, plan, folders)
    return FrozenFiles(
        root=root,
        plan=plan,
        extra=folders,
        files=files,
        plan_sha256=files["plan"].removeprefix("sha256:"),
    )


def hash_file(path: Path) -> str:
    """Return ``sha256:`` and the hash of a file. Links are not followed.

    Raises:
        BlockedError: it cannot be read.
    """
    digest = hashlib.sha256()
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
        with os.fdopen(descriptor, "rb") as file:
            while chunk := file.read(_CHUNK):
                digest.update(chunk)
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise BlockedError(message) from error
    return f"sha256:{digest.hexdigest()}"


def _files(root: Path, plan: Path, extra: tuple[Path, ...]) -> dict[str, str]:
    folders = {"root": root, **{f"extra{number}": folder for number, folder in enumerate(extra)}}
    allowed = tuple(folder.resolve() for folder in folders.values())
    files = {"plan": hash_file(plan)}
    if not root.is_dir():
        message = f"{root} is gone, but the plan depends on it"
        raise BlockedError(message, hint="plan again")
    for kind, folder in folders.items():
        if folder.is_symlink():
            files[kind] = _link(folder, allowed)
        elif folder.exists():
            skipped = WRITTEN_BY_APPLY if kind == "root" else ()
            for path in _walk(folder, skipped):
                files[f"{kind}/{path.relative_to(folder).as_posix()}"] = _value(path, allowed)
    return files


def _walk(folder: Path, skipped: tuple[str, ...]) -> Iterator[Path]:
    """Yield every file and link below a folder, in a fixed order. Links are not followed."""
    try:
        entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
    except OSError as error:
        message = f"{folder} cannot be read: {error.strerror}"
        raise BlockedError(message) from error
    for entry in entries:
        if any(fnmatch(entry.name, pattern) for pattern in skipped):
            continue
        if entry.is_dir(follow_symlinks=False):
            yield from _walk(Path(entry.path), ())
        else:
            yield Path(entry.path)


def _value(path: Path, allowed: tuple[Path, ...]) -> str:
    try:
        mode = path.lstat().st_mode
    except OSError as error:
        message = f"{path} cannot be read: {error.strerror}"
        raise BlockedError(message) from error
    if stat.S_ISLNK(mode):
        return _link(path, allowed)
    if not stat.S_ISREG(mode):
        message = f"{path} is neither a file nor a folder"
        raise BlockedError(message, hint="remove it from the module")
    executable = "x" if mode & stat.S_IXUSR else ""
    return hash_file(path) + executable


def _link(path: Path, allowed: tuple[Path, ...]) -> str:
    """Return the target of a link; it must be in a hashed folder."""
    target = path.resolve()
    if not any(target.is_relative_to(folder) for folder in allowed):
        message = f"{path} is a link to {target}, outside the folders that are judged"
        raise BlockedError(message, hint="copy the file into the module instead")
    return f"link:{path.readlink()} -> {target}"
