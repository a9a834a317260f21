"""Where plans are kept until their approval: the state bucket of each account, or a folder of encrypted files."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from orchestrator.aws.data_keys import DataKeys, key_of
from orchestrator.aws.identity.roles import role_for
from orchestrator.aws.state.stored_plans import PlanStore
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import SetupError, UsageError
from orchestrator.run.approved.envelope import PlanSubject, open_sealed, seal
from orchestrator.run.approved.record import StoredRecord
from orchestrator.run.context import RunContext
from orchestrator.util.files import write_atomic

S3 = "s3"
_SUFFIX = ".plan"


class PlanPlace(Protocol):
    """Keeps the plans of a run. Safe to use from several threads."""

    @property
    def name(self) -> str:
        """``s3``, or the folder as given."""

    def put(self, context: RunContext, unit: Unit, record: StoredRecord, archive: Path) -> None:
        """Keep the plan of a unit; it takes the place of one of the same configuration.

        Raises:
            OrchError: it cannot be kept.
        """

    def get(self, context: RunContext, unit: Unit, digest: str, to: Path) -> bool:
        """Write the archive of the plan of a unit's configuration to a private file; False if there is none.

        Raises:
            BlockedError: it was changed, or is the plan of something else.
            OrchError: it cannot be read.
        """

    def others(self, context: RunContext, unit: Unit) -> Sequence[str]:
        """Return the digests of the unit's configurations that have a plan here, the newest first.

        Raises:
            OrchError: they cannot be listed.
        """


@dataclass(frozen=True, slots=True)
class BucketPlace:
    """Keeps each plan in the state bucket of its unit's account. See `PlanPlace`."""

    name: str = S3

    def put(self, context: RunContext, unit: Unit, record: StoredRecord, archive: Path) -> None:
        """Store the plan."""
        PlanStore(context.aws.identities).put(
            context.catalogue.account_of(unit),
            role_for(unit, write=False),
            unit.folder,
            record.digest,
            archive,
            sha256=hashlib.sha256(archive.read_bytes()).hexdigest(),
            run=record.run,
            commit=record.commit,
        )

    def get(self, context: RunContext, unit: Unit, digest: str, to: Path) -> bool:
        """Fetch the archive of a plan."""
        store, account = PlanStore(context.aws.identities), context.catalogue.account_of(unit)
        found = store.find(account, role_for(unit, write=False), unit.folder, digest)
        if found is not None:
            store.get(account, role_for(unit, write=False), found, to)
        return found is not None

    def others(self, context: RunContext, unit: Unit) -> Sequence[str]:
        """List the digests."""
        account = context.catalogue.account_of(unit)
        return PlanStore(context.aws.identities).others(account, role_for(unit, write=False), unit.folder)


@dataclass(frozen=True, slots=True)
class FolderPlace:
    """Keeps each plan as an encrypted file ``STAGE/STACK/REGION/DIGEST.plan`` of a folder. See `PlanPlace`.

    Attributes:
        name: the folder as given.
        folder: the folder.
    """

    name: str
    folder: Path

    def put(self, context: RunContext, unit: Unit, record: StoredRecord, archive: Path) -> None:
        """Encrypt the plan and write its file."""
        account, keys = context.catalogue.account_of(unit), DataKeys(context.aws.identities)
        subject = PlanSubject(unit.id, record.digest, account.id)
        role = role_for(unit, write=False)
        sealed = seal(subject, archive.read_bytes(), lambda bound: keys.make(account, role, bound))
        try:
            write_atomic(self._file(unit, record.digest), sealed)
        except OSError as error:
            message = f"cannot write the plan of {unit.id} to {self.name}: {error.strerror}"
            raise SetupError(message, hint="--out names a folder that this user may write to") from error

    def get(self, context: RunContext, unit: Unit, digest: str, to: Path) -> bool:
        """Decrypt the archive of a plan."""
        file = self._file(unit, digest)
        if not file.is_file():
            return False
        account, keys = context.catalogue.account_of(unit), DataKeys(context.aws.identities)
        role = role_for(unit, write=False)
        try:
            data = file.read_bytes()
        except OSError as error:
            raise SetupError(f"cannot read {file}: {error.strerror}", hint="make it readable") from error
        subject = PlanSubject(unit.id, digest, account.id)
        write_atomic(to, open_sealed(subject, data, lambda key, bound: keys.open(account, role, key, bound)))
        return True

    def others(self, context: RunContext, unit: Unit) -> Sequence[str]:  # noqa: ARG002 - the place of the bucket needs it
        """List the digests."""
        files = (self.folder / unit.folder).glob(f"*{_SUFFIX}")
        return [file.stem for file in sorted(files, key=lambda each: (each.stat().st_mtime, each.name), reverse=True)]

    def _file(self, unit: Unit, digest: str) -> Path:
        return self.folder / unit.folder / f"{digest}{_SUFFIX}"


def place_of(text: str, *, reads: bool) -> PlanPlace:
    """Return the place that an option names.

    Args:
        text: ``s3`` or a folder.
        reads: plans are read from it, so it must exist.

    Raises:
        UsageError: the folder does not exist, or is none.
    """
    if text == S3:
        return BucketPlace()
    folder = Path(text)
    if reads and not folder.is_dir():
        hint = "targets come before the option: `orch apply TARGET --approved`, or `--approved DIR` for a folder"
        raise UsageError(f"there is no folder {text!r} with approved plans", hint=hint)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{text!r} is not a folder", hint="name a new or an existing folder")
    return FolderPlace(text, folder)


def check_keys(catalogue: Catalogue, units: Sequence[Unit], place: PlanPlace) -> None:
    """Check, before anything is planned, that plans which leave AWS can be encrypted.

    Raises:
        SetupError: an account has no KMS key.
    """
    if isinstance(place, FolderPlace):
        for unit in units:
            key_of(catalogue.account_of(unit))
