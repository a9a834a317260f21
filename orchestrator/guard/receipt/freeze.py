"""The files that a judgement covers, frozen: apply goes on only if every byte is as it was when the plan was judged.

Terraform reads local files again at apply: an archive that was swapped after the plan would be uploaded unjudged. So
the saved plan, everything in the unit's root and the modules that ``init`` fetched are hashed together.
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
"""Files that Terraform itself leaves at the top of the root when an apply goes wrong; it reads none of them."""

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class FrozenFiles:
    """What was there when the plan was judged.

    Attributes:
        root: the unit's root.
        plan: the saved plan.
        extra: further folders that the root reads from.
        files: name -> what it was: a hash, or where a link leads. The name begins with the folder it is in.
        plan_sha256: hash of the saved plan alone.
        digest: one hash over all of it.
    """

    root: Path
    plan: Path
    extra: tuple[Path, ...]
    files: Mapping[str, str]
    plan_sha256: str
    digest: str

    def path_of(self, name: str) -> str:
        """A name of ``files`` as a path that a person can open."""
        kind, _, rest = name.partition("/")
        if kind == "plan":
            return str(self.plan)
        folders = {"root": self.root, **{f"extra{number}": folder for number, folder in enumerate(self.extra)}}
        return str(folders[kind] / rest) if kind in folders else name


def freeze(root: Path, plan: Path, extra: Iterable[Path] = ()) -> FrozenFiles:
    """Hash the saved plan and every file that applying it may read.

    Args:
        root: the unit's root, where Terraform runs.
        plan: the saved plan.
        extra: further folders, e.g. ``modules`` of Terraform's data folder; one that does not exist counts as empty,
            and must still not exist at apply.

    Raises:
        BlockedError: a file cannot be read, is neither file, folder nor link, or a link leads out of what is hashed.
    """
    folders = tuple(extra)
    files = _files(root, plan, folders)
    digest = hashlib.sha256("".join(f"{value}  {name}\n" for name, value in sorted(files.items())).encode())
    return FrozenFiles(
        root=root,
        plan=plan,
        extra=folders,
        files=files,
        plan_sha256=files["plan"].removeprefix("sha256:"),
        digest=digest.hexdigest(),
    )


def hash_file(path: Path) -> str:
    """``sha256:`` and the hash of a file; a link is not followed.

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
        message = f"{root} is gone, and it is what the plan was made from"
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
    """Every file and link below a folder, in a fixed order; links are told, never followed."""
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
        raise BlockedError(message, hint="take it out of the module")
    runs = "x" if mode & stat.S_IXUSR else ""
    return hash_file(path) + runs


def _link(path: Path, allowed: tuple[Path, ...]) -> str:
    """Where a link leads; only to what is hashed too."""
    target = path.resolve()
    if not any(target.is_relative_to(folder) for folder in allowed):
        message = f"{path} is a link that leads out of what is judged, to {target}"
        raise BlockedError(message, hint="copy the file into the module instead")
    return f"link:{path.readlink()} -> {target}"
