"""The ledger of a state bucket lists its units: one object per unit, so that concurrent applies do not contend.

The state is read before an entry is written and again afterwards, so the entry always describes the current state.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role, role_for
from orchestrator.aws.state.ledger_entry import (
    LEDGER_PREFIX,
    LedgerEntry,
    entry_bytes,
    entry_key,
    folder_of,
    make_entry,
    parse_entry,
)
from orchestrator.aws.state.outputs import StateStore
from orchestrator.aws.state.read_object import ReadObject, read_object
from orchestrator.config.catalogue import Account, Catalogue, Unit
from orchestrator.errors import UnitError
from orchestrator.terraform.model import StateRecord
from orchestrator.terraform.state.lock import LOCK_SUFFIX
from orchestrator.terraform.state.reader import read_state

_STATE = "/terraform.tfstate"
_LOCK = _STATE + LOCK_SUFFIX
_NO_STAGES = frozenset({"claims", "copies", "ledger", "outputs", "plans", "receipts", "work"})
"""First folders of keys in a state bucket that belong to no stage: what orch itself keeps there."""
_TRIES = 5
"""How often a unit's entry is rewritten because its state changed in the meantime."""


@dataclass(frozen=True, slots=True)
class ListedStates:
    """The states of a stage as a listing of the bucket shows them. The folders are ``STAGE/STACK/REGION``.

    Attributes:
        written: folder -> when its state was last written.
        locked: the folders whose state is locked.
    """

    written: Mapping[str, datetime]
    locked: frozenset[str]


class Ledger:
    """The ledgers of all state buckets. Thread-safe; lives as long as one run.

    Args:
        catalogue: the configuration, which locates each unit's state.
        identities: provides the clients.
        store: reads the states.
    """

    def __init__(self, catalogue: Catalogue, identities: Identities, store: StateStore) -> None:
        self._catalogue = catalogue
        self._identities = identities
        self._store = store

    def record(self, unit: Unit, *, released: Collection[str] = ()) -> LedgerEntry | None:
        """Update a unit's entry from its state. Without a state, an existing entry becomes empty.

        Args:
            unit: the unit.
            released: addresses that the apply which begins now may delete.

        Returns:
            the written entry; None if there is neither a state nor an entry.

        Raises:
            DeniedError, ThrottledError, SetupError: AWS denied the request or could not be reached.
            UnitError: the state cannot be read, or keeps changing.
        """
        account = self._catalogue.account_of(unit)
        role = role_for(unit, write=False)
        found = self._store.latest(unit)
        for _ in range(_TRIES):
            if found is None and unit.folder not in self.entries(account, role, prefix=entry_key(unit.folder)):
                return None
            entry = make_entry(self._catalogue, unit, found[0] if found else None, released)
            self._put(unit, account, entry)
            written, found = found, self._store.latest(unit)
            if written == found:
                return entry
        hint = f"run `orch apply {unit.id}` when nothing else writes its state"
        raise UnitError(f"the state of {unit.id} keeps changing while its ledger entry is written", hint=hint)

    def entries(self, account: Account, role: Role, *, prefix: str = LEDGER_PREFIX) -> Mapping[str, datetime]:
        """Return the units in a bucket's ledger: folder ``STAGE/STACK/REGION`` -> when its entry was last written.

        Args:
            account: owner of the state bucket.
            role: role to read with.
            prefix: only keys with this prefix.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the bucket cannot be listed.
        """
        listed = self._listed(account, role, prefix)
        return {folder: time for key, time in listed if (folder := folder_of(key)) is not None}

    def stages(self, account: Account, role: Role) -> frozenset[str]:
        """Return the stages that have anything in a bucket, whether or not a ledger entry or ``live/`` knows them.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the bucket cannot be listed.
        """
        bucket = account.state_bucket

        def names() -> list[str]:
            pages = self._identities.client("s3", account, role).get_paginator("list_objects_v2")
            found = pages.paginate(Bucket=bucket, Delimiter="/", ExpectedBucketOwner=account.id)
            return [str(each["Prefix"]).rstrip("/") for page in found for each in page.get("CommonPrefixes", ())]

        return frozenset(self._identities.call(account, f"list {account.state_url()}", names)) - _NO_STAGES

    def states(self, account: Account, role: Role, stage: str) -> ListedStates:
        """Return the states of a stage (or of an account's own stacks), and which of them are locked.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the bucket cannot be listed.
        """
        listed = [(key, time) for key, time in self._listed(account, role, f"{stage}/") if key.count("/") == 3]
        return ListedStates(
            written={key.removesuffix(_STATE): time for key, time in listed if key.endswith(_STATE)},
            locked=frozenset(key.removesuffix(_LOCK) for key, _ in listed if key.endswith(_LOCK)),
        )

    def read(self, account: Account, role: Role, folder: str) -> LedgerEntry | None:
        """Return one entry; None if it does not exist.

        Raises:
            UnitError: the object is not an entry, or its format is unknown.
            DeniedError, ThrottledError, SetupError: AWS denied the request or could not be reached.
        """
        key = entry_key(folder)
        data = self._get(account, role, key)
        return None if data is None else parse_entry(data, account.state_url(key))

    def state_at(self, account: Account, role: Role, key: str, *, every: bool = False) -> StateRecord | None:
        """Return a state by its key, even of a unit that is not in the configuration; None if there is none.

        Args:
            account: owner of the state bucket.
            role: role to read with.
            key: the key of the state.
            every: identify every object in it, not only those of protected types.

        Raises:
            UnitError: the object is not a state.
            DeniedError, ThrottledError, SetupError: AWS denied the request or could not be reached.
        """
        data = self._get(account, role, key)
        try:
            if data is None:
                return None
            return read_state(data, identify=None) if every else self._store.parse(data)
        except UnitError as error:
            raise UnitError(f"{account.state_url(key)}: {error.what}", hint=error.hint) from error

    def other_buckets(self, account: Account, role: Role) -> tuple[str, ...]:
        """Return every bucket of an account except its state bucket, sorted.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the buckets cannot be listed.
        """

        def names() -> list[str]:
            answer = self._identities.client("s3", account, role).list_buckets()
            return [str(each["Name"]) for each in answer.get("Buckets", ())]

        found = self._identities.call(account, f"list the buckets of {account.name}", names)
        return tuple(sorted(set(found) - {account.state_bucket}))

    def _listed(self, account: Account, role: Role, prefix: str) -> list[tuple[str, datetime]]:
        bucket = account.state_bucket

        def pages() -> list[tuple[str, datetime]]:
            client = self._identities.client("s3", account, role)
            return list(_objects(client, Bucket=bucket, Prefix=prefix, ExpectedBucketOwner=account.id))

        return self._identities.call(account, f"list {account.state_url(prefix)}", pages)

    def _get(self, account: Account, role: Role, key: str) -> bytes | None:
        def get() -> ReadObject | None:
            return read_object(self._identities.client("s3", account, role), account, key)

        found = self._identities.call(account, f"read {account.state_url(key)}", get)
        return found.data if found is not None else None

    def _put(self, unit: Unit, account: Account, entry: LedgerEntry) -> None:
        def put() -> None:
            self._identities.client("s3", account, role_for(unit, write=True)).put_object(
                Bucket=account.state_bucket,
                Key=entry_key(unit.folder),
                Body=entry_bytes(entry),
                ContentType="application/json",
                ExpectedBucketOwner=account.id,
            )

        self._identities.call(account, f"write the ledger entry of {unit.id}", put)


def _objects(client: Any, **arguments: str) -> Iterator[tuple[str, datetime]]:
    for page in client.get_paginator("list_objects_v2").paginate(**arguments):
        for each in page.get("Contents", ()):
            yield str(each["Key"]), each["LastModified"]
