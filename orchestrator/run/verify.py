"""``orch verify``: finds versions of an account's states without a receipt, which were written outside of orch.

Changes nothing, and reads only lineage and serial of a state.
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
from orchestrator.util.plural import plural

_READERS = 8
"""Number of objects that are read at the same time."""

_PROGRESS_EVERY = 1000

OnProgress = Callable[[str], None]
_T = TypeVar("_T")
_R = TypeVar("_R")


@dataclass(frozen=True, slots=True)
class UnaccountedVersion:
    """One version of a state without a receipt.

    Attributes:
        what: ``written``, ``deleted``, or ``no state`` when its content is not a state.
        serial: serial of the state; None for a deletion or when the content is not a state.
        holder: ``user@host`` of the lock that was held when it was written; empty when there was none.
        owner: owner of the version according to S3.
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
        """The folder of the unit that the state belongs to: ``STAGE/STACK/REGION``."""
        return self.key.removesuffix(STATE_SUFFIX)


@dataclass(frozen=True, slots=True)
class Audit:
    """The result for one account.

    Attributes:
        states: number of states; ``versions``: number of their versions that were checked.
        older: number of versions from before ``--since``, which were not checked.
        receipts: number of receipts that were read; ``damaged``: keys of invalid ones.
        gaps: versions without a receipt, oldest first.
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
    """The content of a bucket's listing by state key, newest version first."""

    states: dict[str, list[StateVersion]] = field(default_factory=lambda: defaultdict(list))
    locks: dict[str, list[StateVersion]] = field(default_factory=lambda: defaultdict(list))
    receipts: dict[str, list[StateVersion]] = field(default_factory=lambda: defaultdict(list))


def audit(
    history: History, account: Account, *, since: datetime | None = None, on_progress: OnProgress = lambda _: None
) -> Audit:
    """Compare the history of an account's states with their receipts.

    Args:
        history: reads the state bucket, under the plan role.
        account: the account.
        since: aware time; earlier versions are not checked, for example because they are older than receipts.
        on_progress: receives a line about the progress now and then.

    Raises:
        DeniedError, ThrottledError, SetupError, UnitError: the bucket cannot be read.
    """
    listed = _list(history, account, on_progress)
    selected = {
        key: [each for each in versions if since is None or each.time >= since]
        for key, versions in listed.states.items()
    }
    # A receipt is written after its state version, so one from before `since` belongs to no version checked here.
    receipts = [
        (key, each)
        for key, versions in selected.items()
        if versions
        for each in listed.receipts[receipts_of(key)]
        if not each.deleted and (since is None or each.time >= since)
    ]
    on_progress(f"{account.name}: reading {plural(len(receipts), 'receipt')}")
    known: dict[str, set[str]] = defaultdict(set)
    damaged: list[str] = []
    for (key, version), receipt in _side_by_side(lambda each: _receipt(history, account, *each), receipts):
        if receipt is None:
            damaged.append(version.key)
        else:
            known[key] |= receipt
    missing = [each for key, versions in selected.items() for each in versions if each.id not in known[key]]
    on_progress(f"{account.name}: reading {plural(len(missing), 'version')} without a receipt")
    found = [
        version_found
        for _, version_found in _side_by_side(
            lambda each: _examine(history, account, each, listed.locks[each.key]), missing
        )
    ]
    checked = sum(len(versions) for versions in selected.values())
    return Audit(
        account=account.name,
        states=len(listed.states),
        versions=checked,
        older=sum(len(versions) for versions in listed.states.values()) - checked,
        receipts=len(receipts),
        damaged=tuple(sorted(damaged)),
        gaps=tuple(
            sorted(found, key=lambda version_found: (version_found.time, version_found.key, version_found.serial or 0))
        ),
    )


def _list(history: History, account: Account, on_progress: OnProgress) -> _Listed:
    """Sort a bucket's versions into those of states, locks and receipts."""
    listed = _Listed()
    for number, version in enumerate(history.versions(account, Role.PLAN), 1):
        if number % _PROGRESS_EVERY == 0:
            on_progress(f"{account.name}: listed {plural(number, 'version')}")
        key = version.key
        if key.startswith(RECEIPTS_PREFIX):
            listed.receipts[key.rpartition("/")[0] + "/"].append(version)
        elif key.endswith(STATE_SUFFIX) and key.count("/") == STATE_SUFFIX.count("/") + 2:
            listed.states[key].append(version)
        elif key.endswith(STATE_SUFFIX + LOCK_SUFFIX):
            listed.locks[key.removesuffix(LOCK_SUFFIX)].append(version)
    return listed


def _receipt(history: History, account: Account, key: str, version: StateVersion) -> frozenset[str] | None:
    """Return the state versions that one receipt covers; None when it is invalid or of another state."""
    place = account.state_url(version.key)
    try:
        receipt = Receipt.of(json.loads(history.content(account, Role.PLAN, version)), place)
    except (ValueError, BlockedError):
        return None
    if receipt.state != account.state_url(key) or receipt.account_id != account.id:
        return None
    return frozenset(receipt.wrote.versions) if receipt.wrote else frozenset()


def _examine(
    history: History, account: Account, version: StateVersion, locks: Sequence[StateVersion]
) -> UnaccountedVersion:
    """Return what the bucket knows about one version without a receipt."""
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
    """Return who held the lock when a version was written: the last lock before it, unless that was released before it.

    S3's times are in seconds, so a lock released in the same second counts as held.
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
    """Yield each item with its result; several items are processed at a time."""
    every = list(items)
    with ThreadPoolExecutor(max_workers=_READERS, thread_name_prefix="verify") as pool:
        yield from zip(every, pool.map(work, every), strict=True)
