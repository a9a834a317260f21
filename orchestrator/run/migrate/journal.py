"""The record of a migration, which makes it safe to kill: the same command continues it.

Plans on copies decide first what will be done; that writes nothing. Then a record with each state before and after goes
to disk, and from then on the migration only goes forward: each step first checks whether it is done. The record has the
version ids of the state objects before the migration, which the bucket keeps.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.edit.rename import FileEdit
from orchestrator.errors import SetupError, UnitError, UsageError
from orchestrator.util.files import sync_folder, write_atomic

MIGRATION_FORMAT = 1
_RECORD = "transfer.json"


@dataclass(frozen=True, slots=True)
class StateEdit:
    """One state object that gets other content.

    Attributes:
        unit, stage, stack: the unit whose state it is; it may no longer be in ``live/``.
        like: id of the unit in ``live/`` with the same account, region and module.
        before, after: hashes of the content; ``before`` is empty when there was no object.
        version: S3's version id before the edit, which can be restored; empty when there was no object.
        lineage, serial: of the state after the edit; ``resources``: its number of resources then.
    """

    unit: str
    stage: str
    stack: str
    like: str
    before: str
    after: str
    version: str
    lineage: str
    serial: int
    resources: int

    def unit_in(self, catalogue: Catalogue) -> Unit:
        """Return the unit as a record."""
        like = catalogue.units[self.like]
        return replace(like, id=self.unit, stage=self.stage, stack=self.stack)


@dataclass(frozen=True, slots=True)
class Transfer:
    """One accepted move or adoption.

    Attributes:
        folder: contains the record and the states after, mode 0600.
        command: the words after ``orch``, for example ``move prod live``; identifies the transfer.
        edits: changes to files of ``live/``, in order.
        writes: state edits in order; a target is written before its source is emptied.
        done: every step is done.
    """

    folder: Path
    command: str
    edits: tuple[FileEdit, ...]
    writes: tuple[StateEdit, ...]
    done: bool = False

    def content(self, write: StateEdit) -> bytes:
        """Return the content of a state after its edit.

        Raises:
            SetupError: the file is missing or is not what was accepted.
        """
        path = self.folder / f"{write.after}.tfstate"
        data = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(data).hexdigest() != write.after:
            message = f"{path} is not what was accepted"
            hint = f"remove {self.folder}, check the states, and run `orch {self.command}` again"
            raise SetupError(message, hint=hint)
        return data

    def save(self) -> None:
        """Write the record, and wait until it is on disk."""
        document = {"format": MIGRATION_FORMAT, **asdict(self), "folder": None}
        write_atomic(self.folder / _RECORD, (json.dumps(document, indent=2) + "\n").encode(), durable=True)

    def finish(self) -> None:
        """Remove the record and the copies of states, which are in the bucket now."""
        replace(self, done=True).save()
        shutil.rmtree(self.folder, ignore_errors=True)


def new_transfer(
    root: Path, run: str, command: str, edits: Sequence[FileEdit], writes: Sequence[tuple[StateEdit, bytes]]
) -> Transfer:
    """Write the record of an accepted migration to disk, before its first step.

    The folder is completed inside the run's folder and then renamed, so that a record never exists without its states.
    """
    staging = root / ".orch" / "runs" / run / "transfer"
    staging.mkdir(parents=True, mode=0o700)
    for write, data in writes:
        write_atomic(staging / f"{write.after}.tfstate", data, durable=True)
    transfer = Transfer(staging, command, tuple(edits), tuple(write for write, _ in writes))
    transfer.save()
    folder = root / ".orch" / "transfers" / run
    folder.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    staging.rename(folder)
    sync_folder(folder.parent)
    return replace(transfer, folder=folder)


def unfinished(root: Path) -> Iterator[Transfer]:
    """Yield the unfinished transfers of this repository, oldest first.

    Remove the folder of a finished one if it still exists because orch was killed: it contains copies of states.

    Raises:
        SetupError: a record has an unknown format.
    """
    for path in sorted((root / ".orch" / "transfers").glob(f"*/{_RECORD}")):
        try:
            document = json.loads(path.read_bytes())
        except ValueError:  # Cannot happen, because the record is renamed into place; nothing was begun then.
            continue
        if document.get("format") != MIGRATION_FORMAT:
            message = f"{path} has format {document.get('format')!r}; this version of orch reads {MIGRATION_FORMAT}"
            raise SetupError(message, hint="finish it with the version of orch that began it")
        transfer = _transfer(path.parent, document)
        if transfer.done:
            shutil.rmtree(path.parent, ignore_errors=True)
        else:
            yield transfer


def unfinished_of(root: Path, command: str) -> Transfer | None:
    """Return the unfinished transfer that a command began.

    Raises:
        UsageError: another transfer is unfinished and must be finished first, because both may change the same states.
    """
    found = list(unfinished(root))
    own = next((transfer for transfer in found if transfer.command == command), None)
    if own is None and found:
        message = f"`orch {found[0].command}` was cut off before it was finished"
        raise UsageError(message, hint=f"run it again to continue it: orch {found[0].command}")
    return own


def make_edits(root: Path, transfer: Transfer) -> tuple[str, ...]:
    """Change the files of ``live/`` that are not changed yet. Return the paths that were written.

    Raises:
        UsageError: a file was changed by somebody else.
    """
    written: list[str] = []
    for edit in transfer.edits:
        if _needs(root, edit):
            write_atomic(root / edit.to, edit.after.encode(), mode=0o644, durable=True)
            if edit.path and edit.path != edit.to:
                (root / edit.path).unlink(missing_ok=True)
            written.append(edit.to)
    return tuple(written)


def check_edits(root: Path, edits: Sequence[FileEdit]) -> None:
    """Check that the files are still as they were when they were read.

    Raises:
        UsageError: a file was changed.
    """
    for edit in edits:
        _needs(root, edit)


def _needs(root: Path, edit: FileEdit) -> bool:
    old, new = root / edit.path if edit.path else None, root / edit.to
    current = new.read_text(encoding="utf-8") if new.is_file() else None
    gone = old is None or old == new or not old.exists()
    if current == edit.after and gone:
        return False
    if current == edit.after or (old is not None and old.is_file() and old.read_text(encoding="utf-8") == edit.before):
        return True
    if old is None and current is None:
        return True
    message = f"{edit.path or edit.to} was changed before it could be renamed"
    raise UsageError(message, hint=f"make this change by hand, then run the command again:\n{edit.diff()}")


def _transfer(folder: Path, document: dict[str, Any]) -> Transfer:
    try:
        return Transfer(
            folder=folder,
            command=str(document["command"]),
            edits=tuple(FileEdit(**each) for each in document["edits"]),
            writes=tuple(StateEdit(**each) for each in document["writes"]),
            done=bool(document["done"]),
        )
    except (KeyError, TypeError) as error:
        message = f"{folder / _RECORD} is not a valid record of a move or adoption"
        raise UnitError(message, hint="check the states before you remove it") from error
