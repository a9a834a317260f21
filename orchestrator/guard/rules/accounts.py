"""Compares the accounts in ``live/`` with ``live/accounts.lock.yaml``, which records where each was bootstrapped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.config.accounts_lock import (
    FILE,
    AccountsLock,
    LockedAccount,
    configured_at,
    counted,
    lock_entry,
    parse_lock,
    read_accounts_lock,
)
from orchestrator.config.catalogue import Account, Catalogue
from orchestrator.guard.findings import DUPLICATE, finding_id
from orchestrator.guard.model import Finding
from orchestrator.guard.trust.base_commit import BaseCommit
from orchestrator.util.git import Repository

_KEYS = {
    "id": "the account id",
    "region": "the region of the state bucket",
    "bucket": "the state bucket",
    "prefix": "the prefix of its keys",
    "catalogue": "the project name",
}


@dataclass(frozen=True, slots=True)
class AccountComparison:
    """The differences between ``live/`` and the lock file.

    Attributes:
        moved: account name -> the finding that its units would not find their states.
        vanished: locked accounts whose name and id are both missing from ``live/``.
        unknown: names of accounts that are not in the lock file.
    """

    moved: Mapping[str, Finding] = field(default_factory=dict)
    vanished: tuple[LockedAccount, ...] = ()
    unknown: tuple[str, ...] = ()


def trusted_lock(root: Path, repository: Repository | None, base: BaseCommit | None, *, emulated: bool) -> AccountsLock:
    """Read the entries that count; in CI from the protected commit, so that a change cannot bring its own.

    Args:
        root: the folder that contains ``live/``.
        repository: the repository that contains it; None if there is none.
        base: the commit that the policies come from; None outside a git repository.
        emulated: the run is on the emulator, whose own entries count there only.

    Raises:
        CatalogueError: the lock file cannot be read.
        SetupError: git failed.
    """
    if repository is None or base is None or not base.protected:
        return counted(read_accounts_lock(root), emulated=emulated)
    blobs = [blob.id for name, blob in repository.files(base.commit, [FILE]).items() if name == FILE]
    return counted(parse_lock(repository.contents(blobs)[blobs[0]]), emulated=emulated) if blobs else {}


def compare_accounts(catalogue: Catalogue, lock: AccountsLock) -> AccountComparison:
    """Compare every account with its entry in the lock file, found by name or by account id.

    Raises:
        CatalogueError: a file of ``live/`` changed while it was read.
    """
    names = {entry.id: entry for entry in lock.values()}
    moved: dict[str, Finding] = {}
    for account in catalogue.accounts.values():
        known = lock.get(account.name) or names.get(account.id)
        differ = _differing(catalogue, account, known) if known is not None else []
        if known is not None and differ:
            moved[account.name] = _moved(catalogue, account, known, differ)
    ids = {account.id for account in catalogue.accounts.values()}
    gone = tuple(each for name, each in lock.items() if name not in catalogue.accounts and each.id not in ids)
    unknown = tuple(name for name in catalogue.accounts if name not in lock)
    return AccountComparison(moved, gone, unknown)


def _differing(catalogue: Catalogue, account: Account, known: LockedAccount) -> list[str]:
    now = lock_entry(catalogue, account)
    return [key for key in _KEYS if getattr(now, key) != getattr(known, key)]


def _moved(catalogue: Catalogue, account: Account, known: LockedAccount, differ: list[str]) -> Finding:
    now = lock_entry(catalogue, account)
    lines = [
        f"{_KEYS[key]} is {getattr(now, key) or 'empty'} in {configured_at(catalogue, account, key)}, "
        f"but {getattr(known, key) or 'empty'} in {known.lines.get(key, known.at)}"
        for key in differ
    ]
    unit, address = f"account:{account.name}", f"s3://{known.bucket}"
    moved = f"if all states were moved, update {known.name} in {FILE} in a separate commit"
    if known.emulator:
        moved = f"if nothing on the emulator is needed any more, remove {known.name} from {FILE}"
    return Finding(
        id=finding_id(DUPLICATE, unit, address, ""),
        rule=DUPLICATE,
        unit=unit,
        address=address,
        action="",
        cause="; ".join(lines),
        message=f"units of {account.name} would not find their states in {known.bucket} and would be created again",
        hint=f"change it back to {getattr(known, differ[0]) or 'empty'} in "
        f"{configured_at(catalogue, account, differ[0])}; "
        f"or, {moved}",
        where=configured_at(catalogue, account, differ[0]),
    )
