"""Records in the ledger which stages were disposable when they were created: ``ledger/disposable/STAGE.json``."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import Any

from orchestrator import __version__
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.ledger_entry import LEDGER_PREFIX
from orchestrator.config.catalogue import Account
from orchestrator.errors import UnitError

STAGE_RECORD_FORMAT = 1
_PREFIX = f"{LEDGER_PREFIX}disposable/"
_SUFFIX = ".json"


@dataclass(frozen=True, slots=True)
class StageRecord:
    """What the ledger knows about a stage that is, or was, disposable.

    Attributes:
        disposable: False: the stage was applied since as one that lasts.
        commit: git's commit of the repository; empty without git.
        run: the run that wrote the record.
        orch, time: version of orch that wrote the record, and when (UTC, ISO 8601).
    """

    stage: str
    account_id: str
    disposable: bool
    commit: str
    run: str
    time: str
    orch: str = __version__


class StageRecords:
    """The records of all state buckets. Thread-safe.

    Args:
        identities: provides the clients.
    """

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    def listed(self, account: Account) -> frozenset[str]:
        """Return the stages of an account that have a record.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the bucket cannot be listed.
        """

        def keys() -> list[str]:
            client = self._identities.client("s3", account, Role.PLAN)
            pages = client.get_paginator("list_objects_v2").paginate(
                Bucket=account.state_bucket, Prefix=_PREFIX, ExpectedBucketOwner=account.id
            )
            return [str(each["Key"]) for page in pages for each in page.get("Contents", ())]

        found = self._identities.call(account, f"list {_place(account, '')}", keys)
        names = (key.removeprefix(_PREFIX).removesuffix(_SUFFIX) for key in found if key.endswith(_SUFFIX))
        return frozenset(name for name in names if "/" not in name)  # A stage named disposable has entries of units.

    def read(self, account: Account, stage: str) -> StageRecord:
        """Return the record of a stage that has one.

        Raises:
            UnitError: it is damaged, or of an unknown format.
            DeniedError, ThrottledError, SetupError: it cannot be read.
        """

        def get() -> bytes:
            client = self._identities.client("s3", account, Role.PLAN)
            answer = client.get_object(Bucket=account.state_bucket, Key=_key(stage), ExpectedBucketOwner=account.id)
            with answer["Body"] as body:
                return bytes(body.read())

        data = self._identities.call(account, f"read {_place(account, stage)}", get)
        return _parsed(data, _place(account, stage))

    def write(self, account: Account, record: StageRecord) -> None:
        """Write the record of a stage.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be written.
        """

        def put() -> None:
            self._identities.client("s3", account, Role.APPLY).put_object(
                Bucket=account.state_bucket,
                Key=_key(record.stage),
                Body=json.dumps({"format": STAGE_RECORD_FORMAT, **asdict(record)}, indent=2, sort_keys=True).encode(),
                ContentType="application/json",
                ExpectedBucketOwner=account.id,
            )

        self._identities.call(account, f"write {_place(account, record.stage)}", put)


def _parsed(data: bytes, place: str) -> StageRecord:
    hint = "restore the last intact version of the object in the state bucket"
    try:
        document: dict[str, Any] = json.loads(data)
        version = document.pop("format")
        if version != STAGE_RECORD_FORMAT:
            hint = f"use the version of orch that wrote it ({document.get('orch')!r}), or a newer one"
            raise UnitError(f"{place} has the unknown format {version!r}", hint=hint)
        record = StageRecord(**document)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnitError(f"{place} is not the record of a stage", hint=hint) from error
    if not isinstance(record.disposable, bool):
        raise UnitError(f"{place} is not the record of a stage", hint=hint)
    return record


def _key(stage: str) -> str:
    return f"{_PREFIX}{stage}{_SUFFIX}"


def _place(account: Account, stage: str) -> str:
    return account.state_url(_key(stage) if stage else _PREFIX)
