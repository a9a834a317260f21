"""Objects that a run and its workers exchange through a state bucket, and the claims that begin an apply.

``work/RUN/…`` holds inputs, plans, logs and receipts: the plan role writes and removes them. ``claims/RUN/…`` is
written by the role that applies. The bucket encrypts both, and its lifecycle rule removes what a killed run leaves.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.aws.causes import AwsFailure, code_of
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.locks import TAKEN
from orchestrator.config.catalogue import Account
from orchestrator.errors import DeniedError, UnitError
from orchestrator.util.files import atomic_file

WORK_PREFIX = "work/"
CLAIMS_PREFIX = "claims/"
_CHUNK = 1 << 20
_SMALL = 8 << 20
"""Bytes that are held in memory."""


@dataclass(frozen=True, slots=True)
class StoredObject:
    """An object in a state bucket, bound by its hash. ``size``: bytes."""

    key: str
    sha256: str
    size: int


class WorkStore:
    """Reads and writes such objects. Thread-safe.

    Args:
        identities: provides the clients.
    """

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    def put(self, account: Account, role: Role, key: str, file: Path, *, allowed_by: str = "workers") -> StoredObject:
        """Store a file.

        Args:
            account: the account whose state bucket takes it.
            role: the role that writes it.
            key: its key.
            file: the file.
            allowed_by: the input of the account's baseline that allows it, for the hint.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be written.
        """
        with file.open("rb") as stream:
            digest = hashlib.file_digest(stream, "sha256").hexdigest()

        def put() -> None:
            with file.open("rb") as stream:
                # A stream waits for "100 Continue" before it is sent: a round trip that bytes do not need.
                body = stream.read() if file.stat().st_size <= _SMALL else stream
                self._client(account, role).put_object(**_where(account, key), Body=body)

        try:
            self._identities.call(account, f"write {_shown(account, key)}", put)
        except DeniedError as error:
            error.hint = (
                f"the baseline of {account.name} must allow it: set `{allowed_by}: true` in its inputs, "
                f"then `orch apply {account.name}/baseline`"
            )
            raise
        return StoredObject(key, digest, file.stat().st_size)

    def get(self, account: Account, role: Role, stored: StoredObject, to: Path) -> None:
        """Write an object to a private file, which appears only when its hash is the expected one.

        Raises:
            UnitError: the object is another one.
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be read.
        """

        def get() -> str:
            digest = hashlib.sha256()
            answer = self._client(account, role).get_object(**_where(account, stored.key))
            with closing(answer["Body"]) as body, atomic_file(to) as file:
                for chunk in body.iter_chunks(_CHUNK):
                    digest.update(chunk)
                    file.write(chunk)
                if digest.hexdigest() != stored.sha256:
                    message = f"{_shown(account, stored.key)} is not the object that was announced"
                    raise UnitError(message, hint="somebody else wrote to the state bucket: run it again")
            return digest.hexdigest()

        self._identities.call(account, f"read {_shown(account, stored.key)}", get)

    def claim(self, account: Account, role: Role, key: str, form: Mapping[str, str]) -> Mapping[str, Any]:
        """Create a claim if it does not exist, and return the one that exists then: this one, or an earlier one.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be written or read.
        """

        def put() -> None:
            try:
                self._client(account, role).put_object(
                    **_where(account, key),
                    Body=json.dumps(dict(form)).encode(),
                    ContentType="application/json",
                    IfNoneMatch="*",
                )
            except AwsFailure as error:
                if code_of(error) not in TAKEN:
                    raise

        def get() -> Mapping[str, Any]:
            # Read it back: the write also succeeded if its answer was lost and the retry found the claim taken.
            with self._client(account, role).get_object(**_where(account, key))["Body"] as body:
                found: Mapping[str, Any] = json.loads(body.read())
                return found

        self._identities.call(account, f"write {_shown(account, key)}", put)
        return self._identities.call(account, f"read {_shown(account, key)}", get)

    def remove(self, account: Account, role: Role, prefix: str) -> None:
        """Remove every object with a key prefix. The lifecycle rule of the bucket removes their old versions.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: they cannot be listed or removed.
        """

        def remove() -> None:
            client = self._client(account, role)
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=account.state_bucket, Prefix=prefix, ExpectedBucketOwner=account.id
            )
            for page in pages:
                keys = [{"Key": each["Key"]} for each in page.get("Contents", ())]
                if keys:
                    client.delete_objects(
                        Bucket=account.state_bucket,
                        Delete={"Objects": keys, "Quiet": True},
                        ExpectedBucketOwner=account.id,
                    )

        self._identities.call(account, f"remove {_shown(account, prefix)}", remove)

    def _client(self, account: Account, role: Role) -> Any:
        return self._identities.client("s3", account, role)


def _where(account: Account, key: str) -> dict[str, str]:
    return {"Bucket": account.state_bucket, "Key": key, "ExpectedBucketOwner": account.id}


def _shown(account: Account, key: str) -> str:
    return account.state_url(key)
