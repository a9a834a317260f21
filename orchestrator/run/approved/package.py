"""The archive of a stored plan: its record, the plan file, the receipt, and for a preview its JSON."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import BlockedError, OrchError
from orchestrator.guard.receipt.freeze import hash_file
from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.run.approved.record import StoredRecord
from orchestrator.run.executor.bundle import pack, unpack

RECORD = "record.json"
PLAN = "plan.tfplan"
JSON = "preview.json"
RECEIPT = "receipt.json"
_NAMES = (RECORD, PLAN, JSON, RECEIPT)


@dataclass(frozen=True, slots=True)
class StoredPlan:
    """A stored plan in a private folder.

    Attributes:
        record: what it is.
        folder: the folder with its files.
        receipt: the receipt of its run; None for previews, and for plans without changes.
    """

    record: StoredRecord
    folder: Path
    receipt: Receipt | None

    @property
    def plan(self) -> Path:
        """Terraform's plan file."""
        return self.folder / PLAN

    @property
    def json_file(self) -> Path:
        """A preview's plan as JSON."""
        return self.folder / JSON


@contextmanager
def packed(
    folder: Path, record: StoredRecord, *, plan: Path | None, json: Path | None, receipt: Path | None
) -> Iterator[Path]:
    """Write the archive of a plan, and remove it when the context ends.

    Args:
        folder: a private folder of this plan, which is removed as well.
        record: what is stored.
        plan: Terraform's plan file.
        json: a preview's JSON.
        receipt: the receipt's file.

    Raises:
        UnitError: a file cannot be read or written.
        OSError: the disk does not take it.
    """
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    archive = folder / "plan.tar.gz"
    try:
        (folder / RECORD).write_bytes(record.text())
        for name, file in ((PLAN, plan), (JSON, json), (RECEIPT, receipt)):
            if file is not None:
                shutil.copyfile(file, folder / name)
        pack(archive, folder, [folder / name for name in _NAMES])
        yield archive
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def unpacked(archive: Path, folder: Path, *, unit: str, digest: str) -> StoredPlan:
    """Return a stored plan from its archive, which must be one of this unit and configuration.

    Args:
        archive: the archive.
        folder: where to write its files.
        unit: the unit's id.
        digest: the digest of its configuration.

    Raises:
        BlockedError: it is damaged, or is the plan of something else.
    """
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
    again = f"plan again: orch plan {unit}"
    try:
        unpack(archive, folder, below=_NAMES)
        record = StoredRecord.parse((folder / RECORD).read_bytes(), unit=unit, digest=digest)
        receipt = Receipt.read(folder / RECEIPT) if (folder / RECEIPT).is_file() else None
        named = ((PLAN, record.plan_sha256), (JSON, record.json_sha256))
        whole = all(_is_named(folder / name, expected) for name, expected in named)
    except BlockedError:
        raise
    except (OrchError, OSError) as error:
        raise BlockedError(f"the stored plan of {unit} is damaged: {error}", hint=again) from error
    if not whole:
        raise BlockedError(f"the stored plan of {unit} is not the one that its record names", hint=again)
    return StoredPlan(record, folder, receipt)


def _is_named(file: Path, expected: str) -> bool:
    """Return whether a file is the one that a record names: with this hash, or missing if it names none."""
    return hash_file(file) == f"sha256:{expected}" if expected else not file.exists()
