"""State locks, which are objects in the state bucket: read, take, hold and release them.

Terraform and orch exclude each other through these locks.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from orchestrator import __version__
from orchestrator.aws.causes import AwsFailure, code_of
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import role_for
from orchestrator.aws.state.read_object import read_object
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import UnitError
from orchestrator.terraform.state.lock import LOCK_SUFFIX, StateLock, lock_bytes, own_lock, parse_state_lock

TAKEN = frozenset({"PreconditionFailed", "412", "ConditionalRequestConflict", "409"})
"""Error codes of a conditional write that found the object there already."""
_POLL_SECONDS = 1.0


@dataclass(frozen=True, slots=True)
class HeldLock:
    """A lock in the bucket. ``etag`` identifies the object, so that exactly this lock is released."""

    unit: str
    lock: StateLock
    etag: str


class StateLockedError(UnitError):
    """The state of a unit is locked by someone else.

    Args:
        unit: ID of the unit.
        held: the lock; None if it was released while it was being read.
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
    """The locks of units' states. Thread-safe.

    Args:
        catalogue: the configuration, which locates each unit's state.
        identities: provides the clients: the plan role reads locks, the apply role takes and releases them.
    """

    def __init__(self, catalogue: Catalogue, identities: Identities) -> None:
        self._catalogue = catalogue
        self._identities = identities

    def read(self, unit: Unit) -> HeldLock | None:
        """Return the lock on a unit's state; None if it is not locked.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the lock cannot be read.
        """
        client = self._client(unit, write=False)

        def get() -> HeldLock | None:
            found = read_object(client, self._catalogue.account_of(unit), unit.state_key + LOCK_SUFFIX)
            if found is None:
                return None
            return HeldLock(unit.id, parse_state_lock(found.data), str(found.answer["ETag"]))

        return self._identities.call(unit.account, f"read the lock of {unit.id}", get)

    def take(self, unit: Unit, operation: str, *, purpose: str, wait: float = 0.0) -> HeldLock:
        """Take the lock of a unit, or wait for it.

        Args:
            unit: the unit.
            operation: shown to others as the reason, e.g. ``orch move``.
            purpose: identifies the owner; a lock of the same purpose, left behind by a killed process, is taken over.
            wait: seconds to wait for another holder.

        Raises:
            StateLockedError: someone else holds the lock.
            DeniedError, ThrottledError, SetupError, UnitError: the lock cannot be written.
        """
        path = self._catalogue.account_of(unit).state_url(unit.state_key).removeprefix("s3://")
        mine = own_lock(operation, path=path, version=f"orch {__version__}", purpose=purpose, pid=os.getpid())
        deadline = time.monotonic() + wait
        while True:
            put = self._put(unit, mine)
            # Read it back: the write also succeeded if its answer was lost and the retry found the lock taken.
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
            unit: the unit.
            held: the lock as it was read or taken.

        Returns:
            False if the lock did not exist any more.

        Raises:
            StateLockedError: another lock took its place; that one is not released.
            DeniedError, ThrottledError, SetupError, UnitError: the lock cannot be removed.
        """
        present = self.read(unit)
        if present is None:
            return False
        if (present.lock.id, present.etag) != (held.lock.id, held.etag):
            raise StateLockedError(unit.id, present)
        client = self._client(unit, write=True)
        self._identities.call(
            unit.account, f"release the lock of {unit.id}", lambda: client.delete_object(**self._where(unit))
        )
        return True

    @contextmanager
    def holding(self, units: Iterable[Unit], operation: str, *, purpose: str, wait: float = 0.0) -> Iterator[None]:
        """Hold the locks of several units, taken in the order of their IDs to avoid deadlocks.

        The locks are always released, except when the process is killed: the next holder with the same purpose takes
        those over.

        Raises:
            StateLockedError: as `take`; the locks taken before are released.
        """
        taken: list[tuple[Unit, HeldLock]] = []
        try:
            for unit in sorted(units, key=lambda each: each.id):
                taken.append((unit, self.take(unit, operation, purpose=purpose, wait=wait)))  # noqa: PERF401 - see finally
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
                if code_of(error) in TAKEN:
                    return False
                raise
            return True

        return self._identities.call(unit.account, f"lock the state of {unit.id}", put)

    def _client(self, unit: Unit, *, write: bool) -> Any:
        return self._identities.client("s3", unit.account, role_for(unit, write=write))

    def _where(self, unit: Unit) -> dict[str, str]:
        account = self._catalogue.account_of(unit)
        return {
            "Bucket": account.state_bucket,
            "Key": unit.state_key + LOCK_SUFFIX,
            "ExpectedBucketOwner": account.id,
        }
