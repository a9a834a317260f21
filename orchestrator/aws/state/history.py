"""The history of a state bucket: every version of every state, and the receipts of those that orch wrote.

The bucket keeps each version of an object (``orch bootstrap`` sees to it), so whatever was written is still there, also
what was written past orch.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from orchestrator.aws.causes import AwsFailure
from orchestrator.aws.errors import translate
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role, role_for
from orchestrator.config.catalogue import Account, Catalogue, Unit
from orchestrator.terraform.state.header import HEAD_BYTES, StateHeader

STATE_SUFFIX = "/terraform.tfstate"
"""How the key of every state ends."""

RECEIPTS_PREFIX = "receipts/"
"""Where receipts are in a state bucket: ``receipts/STAGE/STACK/REGION/SERIAL.json``."""

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class StateVersion:
    """One version of an object in a bucket.

    Attributes:
        id: S3's id of the version.
        time: when S3 got it, aware, to the second.
        size: bytes; 0 for a deletion.
        owner: whom S3 names as its owner: the account, because state buckets have no other owners.
        deleted: it is the mark of a deletion.
    """

    key: str
    id: str
    time: datetime
    size: int = 0
    owner: str = ""
    deleted: bool = False


class History:
    """The histories of a catalogue's state buckets; thread-safe, for the length of one run.

    Args:
        catalogue: says where each unit's state is.
        identities: gives the clients.
        page: how many versions one listing asks for; S3 gives at most 1,000.
    """

    def __init__(self, catalogue: Catalogue, identities: Identities, *, page: int = 1000) -> None:
        self._page = page
        self._catalogue = catalogue
        self._identities = identities

    def confirmed(self, unit: Unit) -> str:
        """The id of the account that a unit is applied in, as STS says it of the role that applies.

        Raises:
            SetupError, ThrottledError: as `Identities.confirm`.
        """
        return self._identities.confirm(unit.account, role_for(unit, write=True)).account

    def versions(self, account: Account, role: Role, prefix: str = "") -> Iterator[StateVersion]:
        """Every version of every object whose key begins so, by key, the newest first; in pages, as they are read.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the bucket cannot be listed.
        """
        where = f"s3://{account.state_bucket}/{prefix}"
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

            answer = self._call(account, f"list the versions in {where}", page)
            yield from _in_order(answer)
            if not answer.get("IsTruncated"):
                return
            marker = {"KeyMarker": answer["NextKeyMarker"], "VersionIdMarker": answer["NextVersionIdMarker"]}

    def header(self, account: Account, role: Role, version: StateVersion) -> StateHeader:
        """Lineage and serial of one version of a state; of one that Terraform wrote only the first bytes are read.

        Raises:
            UnreadableStateError: it is no state.
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be read.
        """
        head = self.content(account, role, version, first=HEAD_BYTES)
        return StateHeader.of(head) or StateHeader.read(self.content(account, role, version))

    def content(self, account: Account, role: Role, version: StateVersion, *, first: int | None = None) -> bytes:
        """One version of an object; ``first``: only so many bytes of it.

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

        return self._call(account, f"read a version of s3://{account.state_bucket}/{version.key}", get)

    def written(self, unit: Unit, before: StateHeader) -> tuple[str, Mapping[str, int]]:
        """What was written into a unit's state since it was as ``before``.

        Terraform may write a state several times in one apply. What is told is every version that follows on
        ``before``: of the state that is there now, with a higher serial, back to the first that is not.

        Returns:
            the lineage, and the version id of each -> its serial, the newest first; empty when nothing was written.

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
        """Keep a receipt beside the state that it is of, under the role that applies.

        Returns:
            where it is: ``s3://BUCKET/KEY``.

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

        place = f"s3://{account.state_bucket}/{key}"
        self._call(account, f"write the receipt {place}", put)
        return place

    def _call(self, account: Account, doing: str, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except AwsFailure as error:
            raise translate(error, doing, self._identities.context(account)) from error


def receipts_of(state_key: str) -> str:
    """Where the receipts of a state are: the beginning of their keys."""
    return f"{RECEIPTS_PREFIX}{state_key.removesuffix(STATE_SUFFIX)}/"


def _in_order(answer: Mapping[str, Any]) -> list[StateVersion]:
    """A page's versions and deletions, merged: by key, and of one key the newest first, as S3 has each of the two."""
    found = [_version(each, deleted=False) for each in answer.get("Versions", ())]
    found += [_version(each, deleted=True) for each in answer.get("DeleteMarkers", ())]
    # Within one second a deletion may stand on either side; sorting is stable, so the versions keep S3's own order.
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
