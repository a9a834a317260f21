"""``live/accounts.lock.yaml``: held against, and written by, `orch bootstrap`; looked at by `orch doctor`."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence

from orchestrator.cli.context import Common
from orchestrator.cli.project import Project
from orchestrator.config.accounts_lock import FILE, accounts_lock_text, locked_account, read_accounts_lock
from orchestrator.config.catalogue import Account
from orchestrator.errors import BlockedError
from orchestrator.guard.rules.accounts import compare_accounts
from orchestrator.util.files import write_atomic


def check_record(project: Project, accounts: Iterable[Account]) -> None:
    """Refuse to make buckets and roles for an account that is not where it was bootstrapped.

    Raises:
        BlockedError: the record has another id, region or bucket of one of them, or another name of the catalogue.
        CatalogueError: the record cannot be read.
    """
    pinned = compare_accounts(project.catalogue, read_accounts_lock(project.catalogue.root))
    for account in accounts:
        finding = pinned.moved.get(account.name)
        if finding is not None:
            raise BlockedError(f"{finding.message}: {finding.cause}", where=finding.where, hint=finding.hint)


def unrecorded(project: Project) -> Sequence[str]:
    """Names of accounts that the record does not have.

    Raises:
        CatalogueError: the record cannot be read.
    """
    return compare_accounts(project.catalogue, read_accounts_lock(project.catalogue.root)).unknown


def record_accounts(common: Common, project: Project, accounts: Iterable[Account]) -> None:
    """Write what the accounts are now; a renamed account gets the entry that its id had. Says so when it changes.

    Raises:
        CatalogueError: the record cannot be read.
    """
    catalogue = project.catalogue
    entries = dict(read_accounts_lock(catalogue.root))
    for account in accounts:
        for name, each in list(entries.items()):
            if each.id == account.id and name not in catalogue.accounts:
                del entries[name]
        entries[account.name] = locked_account(catalogue, account)
    file = catalogue.root / FILE
    data = accounts_lock_text(entries.values()).encode()
    if file.is_file() and file.read_bytes() == data:
        return
    write_atomic(file, data, mode=0o644)
    if not common.quiet:
        sys.stderr.write(f"{FILE} is written: commit it, so that no run mistakes another place for this one\n")
