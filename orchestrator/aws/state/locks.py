"""State locks as objects in the state bucket: read, take, hold, release. They keep Terraform and orch apart."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

from orchestrator import __version__
from orchestrator.aws.causes import AwsFailure, Cause, cause_of, code_of
from orchestrator.aws.errors import translate
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import role_for
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import UnitError
from orchestrator.terraform.state.lock import LOCK_SUFFIX, StateLock, lock_bytes, own_lock, parse_state_lock

_TAKEN = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
_POLL_SECONDS = 1.0

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock as it stands in the bucket. ``etag``: of the object, so that only what was seen is released."""

    unit: str
    lock: StateLock
    etag: str


class StateLockedError(UnitError):
    """Somebody else holds the state of a unit.

    Args:
        held: whose lock it is; None when it went away while it was looked at.
        unit: id of the unit.
    """

    def __init__(self, unit: str, held: HeldLock | None) -> None:
        who = held.lock.who if held is not None and held.lock.who else "somebody"
        super().__init__(
            f"the state of {unit} is locked by {who}",
            hint=f"`orch unlock {unit}` shows the holder; wait with --lock-timeout 5m",
        )
        self.unit = unit
        self.held = held


class StateLocks:
    """The locks of units' states; may be used from any thread.

    Args:
        catalogue: says where each unit's state is.
        identities: gives the clients: the plan role reads locks, the apply role takes and releases them.
    """

    def __init__(self, catalogue: Catalogue, identities: Identities) -> None:
        self._catalogue = catalogue
        self._identities = identities

    def read(self, unit: Unit) -> HeldLock | None:
        """The lock on a unit's state; None when nobody holds it.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be read.
        """
        client = self._client(unit, write=False)

        def get() -> HeldLock | None:
            try:
                answer = client.get_object(**self._where(unit))
            except AwsFailure as error:
                if cause_of(error) is Cause.NO_OBJECT:
                    return None
                raise
            with answer["Body"] as body:
                return HeldLock(unit.id, parse_state_lock(body.read()), str(answer["ETag"]))

        return self._call(unit, f"read the lock of {unit.id}", get)

    def held(self, units: Iterable[Unit]) -> Mapping[str, HeldLock]:
        """The locks that there are on some units' states, by unit: one listing for each account.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: as `read`.
        """
        found: dict[str, HeldLock] = {}
        wanted = list(units)
        for account in sorted({unit.account for unit in wanted}):
            mine = [unit for unit in wanted if unit.account == account]
            keys = self._call(mine[0], f"list the locks of {account}", lambda unit=mine[0]: self._keys(unit))  # type: ignore[misc]
            for unit in mine:
                if unit.state_key + LOCK_SUFFIX in keys and (lock := self.read(unit)) is not None:
                    found[unit.id] = lock
        return found

    def take(self, unit: Unit, operation: str, *, purpose: str, wait: float = 0.0) -> HeldLock:
        """Take the lock, or wait for it.

        Args:
            unit: whose state.
            operation: what it is taken for, e.g. ``orch move``.
            purpose: what it belongs to; a lock of the same purpose, left behind by a process that was killed, is ours.
            wait: seconds to wait for another holder.

        Raises:
            StateLockedError: somebody else holds it.
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be written.
        """
        path = f"{self._catalogue.account_of(unit).state_bucket}/{unit.state_key}"
        mine = own_lock(operation, path=path, version=f"orch {__version__}", purpose=purpose, pid=os.getpid())
        deadline = time.monotonic() + wait
        while True:
            put = self._put(unit, mine)
            # Read back: an answer that was lost on its way and tried again counts as well.
            found = self.read(unit)
            if found is not None and found.lock.id == mine.id:
                return found
            if found is not None and not put and found.lock.left_behind(purpose):
                self.release(unit, found)
            elif time.monotonic() >= deadline:
                raise StateLockedError(unit.id, found)
            elif found is not None:
                time.sleep(_POLL_SECONDS)

    def release(self, unit: Unit, held: HeldLock) -> bool:
        """Release exactly this lock.

        Args:
            unit: whose state.
            held: the lock as it was seen or taken.

        Returns:
            False when there was no lock any more.

        Raises:
            StateLockedError: it is another lock by now; that one stays.
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be removed.
        """
        present = self.read(unit)
        if present is None:
            return False
        if (present.lock.id, present.etag) != (held.lock.id, held.etag):
            raise StateLockedError(unit.id, present)
        client = self._client(unit, write=True)
        self._call(unit, f"release the lock of {unit.id}", lambda: client.delete_object(**self._where(unit)))
        return True

    @contextmanager
    def holding(self, units: Iterable[Unit], operation: str, *, purpose: str, wait: float = 0.0) -> Iterator[None]:
        """Hold the locks of several units, taken in the order of their ids so that two such holders cannot block.

        Released at the end however it comes, but for a kill: then the next one of the same purpose takes them over.

        Raises:
            StateLockedError: as `take`; what was taken before it is released again.
        """
        taken: list[tuple[Unit, HeldLock]] = []
        try:
            for unit in sorted(units, key=lambda each: each.id):
                taken.append((unit, self.take(unit, operation, purpose=purpose, wait=wait)))  # noqa: PERF401 - what was taken before a failure is released
            yield
        finally:
            for unit, lock in reversed(taken):
                self.release(unit, lock)

    def _put(self, unit: Unit, lock: StateLock) -> bool:
        client = self._client(unit, write=True)

        def put() -> bool:
            try:
                client.put_object(
                    **self._where(unit), Body=lock_bytes(lock), ContentType="application/json", IfNoneMatch="*"
                )
            except AwsFailure as error:
                if code_of(error) in _TAKEN:
                    return False
                raise
            return True

        return self._call(unit, f"lock the state of {unit.id}", put)

    def _keys(self, unit: Unit) -> frozenset[str]:
        account = self._catalogue.account_of(unit)
        pages = (
            self._client(unit, write=False)
            .get_paginator("list_objects_v2")
            .paginate(Bucket=account.state_bucket, ExpectedBucketOwner=account.id)
        )
        return frozenset(str(o["Key"]) for page in pages for o in page.get("Contents", ()))

    def _client(self, unit: Unit, *, write: bool) -> Any:
        return self._identities.client("s3", unit.account, role_for(unit, write=write))

    def _where(self, unit: Unit) -> dict[str, str]:
        account = self._catalogue.account_of(unit)
        return {
            "Bucket": account.state_bucket,
            "Key": unit.state_key + LOCK_SUFFIX,
            "ExpectedBucketOwner": account.id,
        }

    def _call(self, unit: Unit, doing: str, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except AwsFailure as error:
            raise translate(error, doing, self._identities.context(unit.account)) from error
