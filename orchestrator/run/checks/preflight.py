"""What is looked at before a run begins: the record of the accounts, then what the run needs, then the ledgers."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.preflight import needs_of, preflight
from orchestrator.aws.state.ledger import Ledger
from orchestrator.config.accounts_lock import AccountsLock
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.guard.judge import Judge
from orchestrator.guard.rules.accounts import compare_accounts
from orchestrator.run.blocked import BlockedUnits
from orchestrator.run.checks.contents import count_orphaned
from orchestrator.run.checks.inventory import InventoryCheck
from orchestrator.run.checks.listing import Listings

READING = frozenset({"plan", "drift"})

"""Verbs that need no role that may write."""

TAKING = frozenset({"destroy", "move", "adopt"})
"""Verbs that build nothing anew: what is left of other units is told, and does not stop them."""


def check_before_run(
    catalogue: Catalogue,
    identities: Identities,
    ledger: Ledger,
    units: Sequence[Unit],
    *,
    judge: Judge,
    lock: AccountsLock,
    command: str,
    compare: bool = True,
) -> BlockedUnits:
    """Make sure that everything is where the run will look for it.

    Nothing is asked of an account that is not the one that was bootstrapped: its roles would be another account's.

    Args:
        catalogue: the loaded catalogue.
        identities: gives the roles.
        ledger: reads the ledgers.
        units: the units of the run.
        judge: has the list of protected types, and what waivers allow.
        lock: the record of the accounts.
        command: the command that runs.
        compare: compare with the ledgers; not for former units, of which they are all that is known.

    Returns:
        what must not be planned.

    Raises:
        SetupError: something that the run needs is missing: a role, a bucket, room on a disk.
        OrchError: a ledger cannot be read.
    """
    pinned = compare_accounts(catalogue, lock)
    gate = InventoryCheck(
        catalogue,
        Listings(catalogue, ledger),
        judge.policies.protected,
        waived=lambda finding: judge.waiver_policy.apply([finding])[0],
        inside=lambda left: count_orphaned(catalogue, identities, left),
    )
    held = gate.by_record(pinned)
    free = [unit for unit in units if unit.account not in held.accounts]
    needs = needs_of(catalogue, free, write=command not in READING)
    preflight(catalogue, identities, {name: need for name, need in needs.items() if name not in held.accounts})
    if not compare:
        return held
    return gate.by_ledgers(held, free, pinned.vanished, destroy=command in TAKING)
