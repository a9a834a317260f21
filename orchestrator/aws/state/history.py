"""The history of a state bucket: every version of every state, and the receipts of the states that orch wrote.

State buckets are versioned, so every state that was ever written is still there, including those written without orch.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role, role_for
from orchestrator.aws.state.read_object import ReadObject, read_object
from orchestrator.config.catalogue import Account, Catalogue, Unit
from orchestrator.errors import UnitError
from orchestrator.terraform.state.header import HEAD_BYTES, StateHeader

STATE_SUFFIX = "/terraform.tfstate"
"""Suffix of the key of every state."""

RECEIPTS_PREFIX = "receipts/"
"""Prefix of the receipts in a state bucket: ``receipts/STAGE/STACK/REGION/SERIAL.json``."""


@dataclass(frozen=True, slots=True)
class StateVersion:
    """One version of an object in a bucket.

    Attributes:
        id: its S3 version ID.
        time: when S3 received it: aware, with a resolution of one second.
        size: bytes; 0 for a delete marker.
        owner: the owner according to S3, which in state buckets is the account.
        deleted: it is a delete marker.
    """

    key: str
    id: str
    time: datetime
    size: int = 0
    owner: str = ""
    deleted: bool = False


class History:
    """The histories of all state buckets. Thread-safe; lives as long as one run.

    Args:
        catalogue: the configuration, which locates each unit's state.
        identities: provides the clients.
        page: number of versions per listing; S3 returns at most 1,000.
    """

    def __init__(self, catalogue: Catalogue, identities: Identities, *, page: int = 1000) -> None:
        self._page = page
        self._catalogue = catalogue
        self._identities = identities

    def confirmed(self, unit: Unit, *, write: bool) -> str:
        """Return the ID of a unit's account, as STS reports it for the role that plans it or (``write``) applies it.

        Raises:
            SetupError, ThrottledError: as `Identities.confirm`.
        """
        return self._identities.confirm(unit.account, role_for(unit, write=write)).account

    def versions(self, account: Account, role: Role, prefix: str = "") -> Iterator[StateVersion]:
        """Yield every version of every object with a key prefix: sorted by key, newest first, one page at a time.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the bucket cannot be listed.
        """
        where = account.state_url(prefix)
        client = self._identities.client("s3", account, role)
        marker: dict[str, str] = {}
        while True:

            def page(after: Mapping[str, str] = marker) -> Any:
                return client.list_object_versions(
                    Bucket=account.state_bucket,
                    Prefix=prefix,
                    MaxKeys=self._page,
                    ExpectedBucketOwner=account.id,
                    **after,
                )

            answer = self._identities.call(account, f"list the versions in {where}", page)
            yield from _in_order(answer)
            if not answer.get("IsTruncated"):
                return
            marker = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}

    def header(self, account: Account, role: Role, version: StateVersion) -> StateHeader:
        """Return lineage and serial of one version of a state. Reads only the first bytes if Terraform wrote it.

        Raises:
            UnreadableStateError: it is not a state.
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be read.
        """
        head = self.content(account, role, version, first=HEAD_BYTES)
        return StateHeader.of(head) or StateHeader.read(self.content(account, role, version))

    def content(self, account: Account, role: Role, version: StateVersion, *, first: int | None = None) -> bytes:
        """Return one version of an object, or only its ``first`` bytes.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be read.
        """
        part = {"Range": f"bytes=0-{first - 1}"} if first is not None and version.size > first else {}

        def get() -> bytes:
            answer = self._identities.client("s3", account, role).get_object(
                Bucket=account.state_bucket,
                Key=version.key,
                VersionId=version.id,
                ExpectedBucketOwner=account.id,
                **part,
            )
            with answer["Body"] as body:
                return bytes(body.read())

        return self._identities.call(account, f"read a version of {account.state_url(version.key)}", get)

    def written(self, unit: Unit, before: StateHeader) -> tuple[str, Mapping[str, int]]:
        """Return the state versions of a unit that were written after ``before``.

        Terraform can write a state several times in one apply. The result has every version with the lineage of the
        current state and a serial higher than that of ``before``, back to the first one that does not match.

        Returns:
            the lineage, and version ID -> serial, newest first; empty if nothing was written.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the versions cannot be read.
        """
        account, role = self._catalogue.account_of(unit), role_for(unit, write=False)
        lineage, found = before.lineage, dict[str, int]()
        for version in self.versions(account, role, unit.state_key):
            if version.key != unit.state_key or version.deleted:
                break
            header = self.header(account, role, version)
            lineage = lineage or header.lineage
            if header.lineage != lineage or header.serial <= before.serial:
                break
            found[version.id] = header.serial
        return lineage, found

    def put_receipt(self, unit: Unit, serial: int, form: Mapping[str, Any]) -> str:
        """Store a receipt in the bucket of its state, under the role that applies.

        Returns:
            its address: ``s3://BUCKET/KEY``.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be written.
        """
        account = self._catalogue.account_of(unit)
        key = f"{receipts_of(unit.state_key)}{serial}.json"
        body = json.dumps(form, indent=2, sort_keys=True).encode()

        def put() -> None:
            self._identities.client("s3", account, role_for(unit, write=True)).put_object(
                Bucket=account.state_bucket,
                Key=key,
                Body=body,
                ContentType="application/json",
                ExpectedBucketOwner=account.id,
            )

        place = account.state_url(key)
        self._identities.call(account, f"write the receipt {place}", put)
        return place

    def receipt(self, unit: Unit, serial: int) -> Any:
        """Return the receipt of the apply that wrote a state, as its JSON document; None if there is none.

        Raises:
            DeniedError, ThrottledError, SetupError: it cannot be read.
            UnitError: it is no JSON.
        """
        account = self._catalogue.account_of(unit)
        key = f"{receipts_of(unit.state_key)}{serial}.json"

        def get() -> ReadObject | None:
            return read_object(self._identities.client("s3", account, role_for(unit, write=False)), account, key)

        place = account.state_url(key)
        found = self._identities.call(account, f"read the receipt {place}", get)
        try:
            return None if found is None else json.loads(found.data)
        except ValueError as error:
            raise UnitError(f"the receipt {place} is not JSON") from error


def receipts_of(state_key: str) -> str:
    """Return the key prefix of the receipts of a state."""
    return f"{RECEIPTS_PREFIX}{state_key.removesuffix(STATE_SUFFIX)}/"


def _in_order(answer: Mapping[str, Any]) -> list[StateVersion]:
    """Merge the versions and delete markers of a page: sorted by key, newest first, as S3 sorts each of the two."""
    found = [_version(each, deleted=False) for each in answer.get("Versions", ())]
    found += [_version(each, deleted=True) for each in answer.get("DeleteMarkers", ())]
    # Within one second the order of a delete marker is undefined; the stable sort keeps S3's order of versions.
    return sorted(found, key=lambda each: (each.key, -each.time.timestamp()))


def _version(entry: Mapping[str, Any], *, deleted: bool) -> StateVersion:
    return StateVersion(
        key=str(entry["Key"]),
        id=str(entry["VersionId"]),
        time=entry["LastModified"],
        size=int(entry.get("Size", 0)),
        owner=str((entry.get("Owner") or {}).get("DisplayName") or (entry.get("Owner") or {}).get("ID") or ""),
        deleted=deleted,
    )
