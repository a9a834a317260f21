"""The ledger of a state bucket: one object for each unit, so that no two applies contend, and a listing says which.

Who writes reads the state first and looks afterwards whether it moved on meanwhile: the last word is always about the
state that is there.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, TypeVar

from orchestrator.aws.causes import AwsFailure, Cause, cause_of
from orchestrator.aws.errors import translate
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
from orchestrator.config.catalogue import Account, Catalogue, Unit
from orchestrator.errors import UnitError
from orchestrator.terraform.model import StateRecord

_STATE = "/terraform.tfstate"
_TRIES = 5
"""How often a unit's entry is written again because its state moved on meanwhile."""

_T = TypeVar("_T")


class Ledger:
    """The ledgers of a catalogue's state buckets; thread-safe, for the length of one run.

    Args:
        catalogue: says where each unit's state is.
        identities: gives the clients.
        store: reads the states.
    """

    def __init__(self, catalogue: Catalogue, identities: Identities, store: StateStore) -> None:
        self._catalogue = catalogue
        self._identities = identities
        self._store = store

    def record(self, unit: Unit) -> LedgerEntry | None:
        """Write what the unit's state says into its entry; without a state an entry that there is becomes empty.

        Returns:
            what was written; None when there is neither a state nor an entry.

        Raises:
            DeniedError, ThrottledError, SetupError: AWS refused, or could not be reached.
            UnitError: the state cannot be read, or does not come to rest.
        """
        account = self._catalogue.account_of(unit)
        role = role_for(unit, write=False)
        found = self._store.latest(unit)
        for _ in range(_TRIES):
            if found is None and unit.folder not in self.entries(account, role, prefix=entry_key(unit.folder)):
                return None
            entry = make_entry(self._catalogue, unit, found[0] if found else None)
            self._put(unit, account, entry)
            written, found = found, self._store.latest(unit)
            if written == found:
                return entry
        hint = f"`orch apply {unit.id}` when nothing else runs on it"
        raise UnitError(f"the state of {unit.id} changes while its entry in the ledger is written", hint=hint)

    def entries(self, account: Account, role: Role, *, prefix: str = LEDGER_PREFIX) -> Mapping[str, datetime]:
        """Which units a bucket's ledger has: folder ``STAGE/STACK/REGION`` -> when its entry was last written.

        Args:
            account: whose state bucket.
            role: role to read with.
            prefix: only keys that begin so.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the bucket cannot be listed.
        """
        listed = self._listed(account, role, prefix)
        return {folder: time for key, time in listed if (folder := folder_of(key)) is not None}

    def states(self, account: Account, role: Role, stage: str) -> Mapping[str, datetime]:
        """The states of a stage (or of an account's own stacks): folder -> when it was last written.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the bucket cannot be listed.
        """
        listed = self._listed(account, role, f"{stage}/")
        return {key.removesuffix(_STATE): time for key, time in listed if key.endswith(_STATE) and key.count("/") == 3}

    def read(self, account: Account, role: Role, folder: str) -> LedgerEntry | None:
        """One entry; None when it is gone by now.

        Raises:
            UnitError: it is no entry, or of an unknown format.
            DeniedError, ThrottledError, SetupError: AWS refused, or could not be reached.
        """
        key = entry_key(folder)
        data = self._get(account, role, key)
        return None if data is None else parse_entry(data, f"s3://{account.state_bucket}/{key}")

    def state_at(self, account: Account, role: Role, key: str) -> StateRecord | None:
        """A state by its key, also of a unit that the catalogue does not have; None when there is none.

        Raises:
            UnitError: it is no state.
            DeniedError, ThrottledError, SetupError: AWS refused, or could not be reached.
        """
        data = self._get(account, role, key)
        return None if data is None else self._store.parse(data)

    def other_buckets(self, account: Account, role: Role) -> tuple[str, ...]:
        """Every bucket of an account but its state bucket, sorted.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the buckets cannot be listed.
        """

        def names() -> list[str]:
            answer = self._identities.client("s3", account, role).list_buckets()
            return [str(each["Name"]) for each in answer.get("Buckets", ())]

        found = self._call(account, f"list the buckets of {account.name}", names)
        return tuple(sorted(set(found) - {account.state_bucket}))

    def _listed(self, account: Account, role: Role, prefix: str) -> list[tuple[str, datetime]]:
        bucket = account.state_bucket

        def pages() -> list[tuple[str, datetime]]:
            client = self._identities.client("s3", account, role)
            return list(_objects(client, Bucket=bucket, Prefix=prefix, ExpectedBucketOwner=account.id))

        return self._call(account, f"list s3://{bucket}/{prefix}", pages)

    def _get(self, account: Account, role: Role, key: str) -> bytes | None:
        def get() -> bytes | None:
            try:
                client = self._identities.client("s3", account, role)
                answer = client.get_object(Bucket=account.state_bucket, Key=key, ExpectedBucketOwner=account.id)
            except AwsFailure as error:
                if cause_of(error) is Cause.NO_OBJECT:
                    return None
                raise
            with answer["Body"] as body:
                return bytes(body.read())

        return self._call(account, f"read s3://{account.state_bucket}/{key}", get)

    def _put(self, unit: Unit, account: Account, entry: LedgerEntry) -> None:
        def put() -> None:
            self._identities.client("s3", account, role_for(unit, write=True)).put_object(
                Bucket=account.state_bucket,
                Key=entry_key(unit.folder),
                Body=entry_bytes(entry),
                ContentType="application/json",
                ExpectedBucketOwner=account.id,
            )

        self._call(account, f"write the ledger's entry of {unit.id}", put)

    def _call(self, account: Account, doing: str, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except AwsFailure as error:
            raise translate(error, doing, self._identities.context(account)) from error


def _objects(client: Any, **arguments: str) -> Iterator[tuple[str, datetime]]:
    for page in client.get_paginator("list_objects_v2").paginate(**arguments):
        for each in page.get("Contents", ()):
            yield str(each["Key"]), each["LastModified"]
