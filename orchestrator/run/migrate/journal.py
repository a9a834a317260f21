"""Moves of states, step by step, so that a kill anywhere loses nothing: the same command again goes on.

What will be done is decided first, by plans on copies, and nothing is written for that. Then a record of it is put on
the disk, with each state before and after, and from there on it only goes forward: every step looks whether it is done
already. The record says which version of each state object was the one before, and the bucket keeps that version.
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
from orchestrator.config.rename import FileEdit
from orchestrator.errors import SetupError, UnitError, UsageError
from orchestrator.util.files import sync_folder, write_atomic

MIGRATION_FORMAT = 1
_RECORD = "transfer.json"


@dataclass(frozen=True, slots=True)
class StateEdit:
    """One state object that gets other content.

    Attributes:
        unit, stage, stack: the unit whose state it is; it may be in ``live/`` no more.
        like: id of the unit in ``live/`` that it is like in all else: account, region, module.
        before, after: hashes of its bytes; ``before`` is empty where there was none.
        version: S3's id of the version before, which can be brought back; empty where there was none.
        lineage, serial: of the state after; ``resources``: how many it has then.
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
        """The unit as a record."""
        like = catalogue.units[self.like]
        return replace(like, id=self.unit, stage=self.stage, stack=self.stack)


@dataclass(frozen=True, slots=True)
class Transfer:
    """One accepted move or adoption.

    Attributes:
        folder: where its record and the states after are, mode 0600.
        command: the words that it was asked for with, as in ``move prod live``: what finds it again.
        edits: files of ``live/`` that change, in order.
        writes: states that change, in order: where something goes to before where it leaves.
        done: everything is done.
    """

    folder: Path
    command: str
    edits: tuple[FileEdit, ...]
    writes: tuple[StateEdit, ...]
    done: bool = False

    def content(self, write: StateEdit) -> bytes:
        """The bytes of a state after.

        Raises:
            SetupError: they are not there, or not those that were accepted.
        """
        path = self.folder / f"{write.after}.tfstate"
        data = path.read_bytes() if path.is_file() else b""
        if hashlib.sha256(data).hexdigest() != write.after:
            message = f"{path} is not what was accepted"
            hint = f"remove {self.folder}, look which states have what, and run `orch {self.command}` again"
            raise SetupError(message, hint=hint)
        return data

    def save(self) -> None:
        """Put the record on the disk, and wait until the disk has it."""
        document = {"format": MIGRATION_FORMAT, **asdict(self), "folder": None}
        write_atomic(self.folder / _RECORD, (json.dumps(document, indent=2) + "\n").encode(), durable=True)

    def finish(self) -> None:
        """Remove the record and the copies of states: what they say is in the bucket by now."""
        replace(self, done=True).save()
        shutil.rmtree(self.folder, ignore_errors=True)


def new_transfer(
    root: Path, run: str, command: str, edits: Sequence[FileEdit], writes: Sequence[tuple[StateEdit, bytes]]
) -> Transfer:
    """Record what was accepted, durably, before the first step of it.

    The folder is completed below the run and then renamed, so that a record is never seen without its states.
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
    """Yield the accepted transfers of this repository that did not finish, the oldest first.

    A finished one whose folder was not removed, because orch was killed just then, is removed: it has copies of states.

    Raises:
        SetupError: a record is of an unknown format.
    """
    for path in sorted((root / ".orch" / "transfers").glob(f"*/{_RECORD}")):
        try:
            document = json.loads(path.read_bytes())
        except ValueError:  # never: it is renamed into its place; but then nothing of it was begun
            continue
        if document.get("format") != MIGRATION_FORMAT:
            message = f"{path} has the format {document.get('format')!r}; this orch knows {MIGRATION_FORMAT}"
            raise SetupError(message, hint="finish it with the orch that began it")
        transfer = _transfer(path.parent, document)
        if transfer.done:
            shutil.rmtree(path.parent, ignore_errors=True)
        else:
            yield transfer


def unfinished_of(root: Path, command: str) -> Transfer | None:
    """The unfinished transfer that a command began.

    Raises:
        UsageError: another one is unfinished: first that one, because both may be about the same states.
    """
    found = list(unfinished(root))
    mine = next((transfer for transfer in found if transfer.command == command), None)
    if mine is None and found:
        message = f"`orch {found[0].command}` was cut off before its end"
        raise UsageError(message, hint=f"run it again, it goes on: orch {found[0].command}")
    return mine


def make_edits(root: Path, transfer: Transfer) -> tuple[str, ...]:
    """Change the files of ``live/``; those already changed stay. Return the paths that were written.

    Raises:
        UsageError: somebody else changed one of them meanwhile.
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
    """Look whether the files are still as they were read.

    Raises:
        UsageError: somebody changed one of them.
    """
    for edit in edits:
        _needs(root, edit)


def _needs(root: Path, edit: FileEdit) -> bool:
    old, new = root / edit.path if edit.path else None, root / edit.to
    there = new.read_text(encoding="utf-8") if new.is_file() else None
    gone = old is None or old == new or not old.exists()
    if there == edit.after and gone:
        return False
    if there == edit.after or (old is not None and old.is_file() and old.read_text(encoding="utf-8") == edit.before):
        return True
    if old is None and there is None:
        return True
    message = f"{edit.path or edit.to} was changed while it was to be renamed"
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
        message = f"{folder / _RECORD} is no record of a transfer"
        raise UnitError(message, hint="look which states have what before you remove it") from error
