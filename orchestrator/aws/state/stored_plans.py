"""Plans that wait for their approval in the state bucket: ``plans/STAGE/STACK/REGION/…``.

``plans/UNIT/DIGEST.json`` says which object has the plan of a unit whose configuration has that digest, and which run
made it; ``plans/UNIT/DIGEST/HASH.tar.gz`` is that object. The second is written first, so that a reader never finds
half of them, and a new plan of the same configuration takes the place of the old one. The plan role writes both, the
bucket encrypts them, and its lifecycle rule removes them.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.read_object import ReadObject, read_object
from orchestrator.aws.state.work import StoredObject, WorkStore
from orchestrator.config.catalogue import Account
from orchestrator.errors import BlockedError

PLANS_PREFIX = "plans/"
INDEX_FORMAT = 1
_ALLOWED_BY = "stored_plans"


@dataclass(frozen=True, slots=True)
class PlanIndex:
    """Which object has a stored plan.

    Attributes:
        archive: the object.
        run: the run that planned it.
        commit: git's commit that it was planned from; empty without git.
    """

    archive: StoredObject
    run: str
    commit: str


class PlanStore:
    """The stored plans of all state buckets. Thread-safe.

    Args:
        identities: provides the clients.
    """

    def __init__(self, identities: Identities) -> None:
        self._identities = identities
        self._work = WorkStore(identities)

    def put(
        self, account: Account, role: Role, unit: str, digest: str, archive: Path, *, sha256: str, run: str, commit: str
    ) -> None:
        """Store the plan of a unit.

        Args:
            account: the account of the unit.
            role: the role that writes.
            unit: the unit's folder: ``STAGE/STACK/REGION``.
            digest: the digest of its configuration.
            archive: the plan and what belongs to it.
            sha256: hash of the archive.
            run: the run that planned it.
            commit: git's commit.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be written.
        """
        key = f"{PLANS_PREFIX}{unit}/{digest}/{sha256[:16]}.tar.gz"
        stored = self._work.put(account, role, key, archive, allowed_by=_ALLOWED_BY)
        form = {
            "format": INDEX_FORMAT,
            "key": stored.key,
            "sha256": stored.sha256,
            "size": stored.size,
            "run": run,
            "commit": commit,
        }

        def put() -> None:
            self._client(account, role).put_object(
                Bucket=account.state_bucket,
                Key=_index(unit, digest),
                Body=json.dumps(form, indent=2, sort_keys=True).encode(),
                ContentType="application/json",
                ExpectedBucketOwner=account.id,
            )

        self._identities.call(account, f"write {account.state_url(_index(unit, digest))}", put)

    def find(self, account: Account, role: Role, unit: str, digest: str) -> PlanIndex | None:
        """Return which object has the plan of a unit with this configuration; None if none was stored.

        Raises:
            BlockedError: the index is damaged, or of an unknown format.
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be read.
        """
        key = _index(unit, digest)

        def get() -> ReadObject | None:
            return read_object(self._client(account, role), account, key)

        index = self._identities.call(account, f"read {account.state_url(key)}", get)
        prefix = f"{PLANS_PREFIX}{unit}/{digest}/"
        return _parsed(index.data, account.state_url(key), prefix) if index is not None else None

    def get(self, account: Account, role: Role, found: PlanIndex, to: Path) -> None:
        """Write a stored plan to a private file.

        Raises:
            UnitError: the object is not the one that its index names.
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be read.
        """
        self._work.get(account, role, found.archive, to)

    def others(self, account: Account, role: Role, unit: str) -> tuple[str, ...]:
        """Return the digests of all configurations of a unit for which a plan is stored, the newest plan first.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the bucket cannot be listed.
        """
        prefix = f"{PLANS_PREFIX}{unit}/"

        def names() -> list[tuple[Any, str]]:
            pages = (
                self._client(account, role)
                .get_paginator("list_objects_v2")
                .paginate(Bucket=account.state_bucket, Prefix=prefix, Delimiter="/", ExpectedBucketOwner=account.id)
            )
            return [(each["LastModified"], str(each["Key"])) for page in pages for each in page.get("Contents", ())]

        found = self._identities.call(account, f"list {account.state_url(prefix)}", names)
        keys = [key for _, key in sorted(found, reverse=True) if key.endswith(".json")]
        return tuple(key.removeprefix(prefix).removesuffix(".json") for key in keys)

    def _client(self, account: Account, role: Role) -> Any:
        return self._identities.client("s3", account, role)


def _index(unit: str, digest: str) -> str:
    return f"{PLANS_PREFIX}{unit}/{digest}.json"


def _parsed(data: bytes, place: str, below: str) -> PlanIndex:
    """Return an index. It can name an object of its own unit and configuration only."""
    hint = "plan again"
    try:
        form: Mapping[str, Any] = json.loads(data)
        if form["format"] != INDEX_FORMAT:
            message = f"{place} has format {form['format']!r}; this version of orch reads {INDEX_FORMAT}"
            raise BlockedError(message, hint="use the version of orch that wrote it, or plan again")
        archive = StoredObject(str(form["key"]), str(form["sha256"]), int(form["size"]))
        found = PlanIndex(archive, str(form["run"]), str(form["commit"]))
    except (ValueError, KeyError, TypeError, RecursionError) as error:
        raise BlockedError(f"{place} is not the index of a stored plan", hint=hint) from error
    if not archive.key.startswith(below):
        raise BlockedError(f"{place} names {archive.key}, the plan of something else", hint=hint)
    return found
