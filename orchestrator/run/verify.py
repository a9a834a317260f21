"""``orch verify``: which versions of an account's states no receipt accounts for, so that they were written past orch.

Nothing is changed, and nothing is read of a state but its lineage and serial.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import datetime
from typing import TypeVar

from orchestrator.aws.identity.roles import Role
from orchestrator.aws.state.history import RECEIPTS_PREFIX, STATE_SUFFIX, History, StateVersion, receipts_of
from orchestrator.config.catalogue import Account
from orchestrator.errors import BlockedError
from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.terraform.state.header import StateHeader
from orchestrator.terraform.state.lock import LOCK_SUFFIX, parse_state_lock
from orchestrator.terraform.state.reader import UnreadableStateError

_READERS = 8
"""So many objects are read at once."""

_TELL_EVERY = 1000

OnProgress = Callable[[str], None]
_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class UnaccountedVersion:
    """One version of a state that no receipt accounts for.

    Attributes:
        what: ``written``, ``deleted``, or ``no state`` when its content is none.
        serial: of the state; None for a deletion and for what is no state.
        holder: who held the state's lock when it was written, as that lock says: ``user@host``; empty when nobody did.
        owner: whom S3 names as owner of the version.
    """

    account: str
    key: str
    version: str
    time: datetime
    size: int
    what: str
    serial: int | None = None
    lineage: str = ""
    holder: str = ""
    owner: str = ""

    @property
    def unit(self) -> str:
        """The folder of the unit that the state is of: ``STAGE/STACK/REGION``."""
        return self.key.removesuffix(STATE_SUFFIX)


@dataclass(frozen=True, slots=True)
class Audit:
    """What was found in one account.

    Attributes:
        states: how many states there are; ``versions``: how many versions of them were looked at.
        older: versions from before ``--since``, which were not looked at.
        receipts: how many receipts were read; ``damaged``: keys of those that are none.
        gaps: versions without a receipt, the oldest first.
    """

    account: str
    states: int
    versions: int
    older: int
    receipts: int
    damaged: tuple[str, ...]
    gaps: tuple[UnaccountedVersion, ...]


@dataclass(slots=True)
class _Listed:
    """What a bucket's listing has, by key of the state, each the newest first."""

    states: dict[str, list[StateVersion]] = field(default_factory=lambda: defaultdict(list))
    locks: dict[str, list[StateVersion]] = field(default_factory=lambda: defaultdict(list))
    receipts: dict[str, list[StateVersion]] = field(default_factory=lambda: defaultdict(list))


def audit(
    history: History, account: Account, *, since: datetime | None = None, tell: OnProgress = lambda _: None
) -> Audit:
    """Compare the history of an account's states with their receipts.

    Args:
        history: reads the state bucket, under the plan role.
        account: the account.
        since: aware; versions from before are not looked at, e.g. as they are from before there were receipts.
        tell: called now and then with how far it came.

    Raises:
        DeniedError, ThrottledError, SetupError, UnitError: the bucket cannot be read.
    """
    listed = _list(history, account, tell)
    wanted = {
        key: [each for each in versions if since is None or each.time >= since]
        for key, versions in listed.states.items()
    }
    # A receipt is written after what it is of: one from before `since` is of nothing that is looked at.
    receipts = [
        (key, each)
        for key, versions in wanted.items()
        if versions
        for each in listed.receipts[receipts_of(key)]
        if not each.deleted and (since is None or each.time >= since)
    ]
    tell(f"{account.name}: reading {len(receipts)} receipts")
    known: dict[str, set[str]] = defaultdict(set)
    damaged: list[str] = []
    for (key, version), receipt in _side_by_side(lambda each: _receipt(history, account, *each), receipts):
        if receipt is None:
            damaged.append(version.key)
        else:
            known[key] |= receipt
    missing = [each for key, versions in wanted.items() for each in versions if each.id not in known[key]]
    tell(f"{account.name}: reading {len(missing)} versions without a receipt")
    found = [
        gap for _, gap in _side_by_side(lambda each: _gap(history, account, each, listed.locks[each.key]), missing)
    ]
    looked = sum(len(versions) for versions in wanted.values())
    return Audit(
        account=account.name,
        states=len(listed.states),
        versions=looked,
        older=sum(len(versions) for versions in listed.states.values()) - looked,
        receipts=len(receipts),
        damaged=tuple(sorted(damaged)),
        gaps=tuple(sorted(found, key=lambda gap: (gap.time, gap.key, gap.serial or 0))),
    )


def _list(history: History, account: Account, tell: OnProgress) -> _Listed:
    """Sort a bucket's versions: those of states, of their locks, and receipts."""
    listed = _Listed()
    for number, version in enumerate(history.versions(account, Role.PLAN), 1):
        if number % _TELL_EVERY == 0:
            tell(f"{account.name}: listed {number} versions")
        key = version.key
        if key.startswith(RECEIPTS_PREFIX):
            listed.receipts[key.rpartition("/")[0] + "/"].append(version)
        elif key.endswith(STATE_SUFFIX) and key.count("/") == STATE_SUFFIX.count("/") + 2:
            listed.states[key].append(version)
        elif key.endswith(STATE_SUFFIX + LOCK_SUFFIX):
            listed.locks[key.removesuffix(LOCK_SUFFIX)].append(version)
    return listed


def _receipt(history: History, account: Account, key: str, version: StateVersion) -> frozenset[str] | None:
    """The versions of a state that one receipt accounts for; None: it is none, or of another state."""
    place = f"s3://{account.state_bucket}/{version.key}"
    try:
        receipt = Receipt.of(json.loads(history.content(account, Role.PLAN, version)), place)
    except (ValueError, BlockedError):
        return None
    if receipt.state != f"s3://{account.state_bucket}/{key}" or receipt.account_id != account.id:
        return None
    return frozenset(receipt.wrote.versions) if receipt.wrote else frozenset()


def _gap(
    history: History, account: Account, version: StateVersion, locks: Sequence[StateVersion]
) -> UnaccountedVersion:
    """One version without a receipt, with all that the bucket knows of it."""
    header = StateHeader()
    what = "deleted" if version.deleted else "written"
    if not version.deleted:
        try:
            header = history.header(account, Role.PLAN, version)
        except UnreadableStateError:
            what = "no state"
    return UnaccountedVersion(
        account=account.name,
        key=version.key,
        version=version.id,
        time=version.time,
        size=version.size,
        what=what,
        serial=header.serial if what == "written" else None,
        lineage=header.lineage,
        holder=_holder(history, account, version, locks),
        owner=version.owner,
    )


def _holder(history: History, account: Account, version: StateVersion, locks: Sequence[StateVersion]) -> str:
    """Who held the lock when a version was written: the last lock before, unless it was released before, too.

    S3 tells times to the second, so what was released in that very second counts as held.
    """
    taken = next((each for each in locks if not each.deleted and each.time <= version.time), None)
    if taken is None:
        return ""
    released = [each.time for each in locks if each.deleted and each.time >= taken.time]
    if released and min(released) < version.time:
        return ""
    lock = parse_state_lock(history.content(account, Role.PLAN, taken))
    return lock.who


def _side_by_side(work: Callable[[_T], _R], items: Iterable[_T]) -> Iterator[tuple[_T, _R]]:
    """Each item with what became of it, a few at a time."""
    every = list(items)
    with ThreadPoolExecutor(max_workers=_READERS, thread_name_prefix="verify") as pool:
        yield from zip(every, pool.map(work, every), strict=True)
