"""The checks before a run begins: the accounts' lock file, then access and tools, then the ledgers."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import replace

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role, role_for
from orchestrator.aws.preflight import needs_of, preflight
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.outputs import StateStore
from orchestrator.config.accounts_lock import AccountsLock
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.guard.judge import Judge
from orchestrator.guard.rules.accounts import compare_accounts
from orchestrator.run.checks.blocked import BlockedUnits
from orchestrator.run.checks.inventory import InventoryCheck
from orchestrator.run.checks.listing import AccountListing, Listings
from orchestrator.run.checks.orphan_contents import count_orphaned
from orchestrator.run.checks.roles import RoleCheck, RoleState

READ_ONLY = frozenset({"plan", "drift"})
"""Commands that need no role that may write."""

_READING = frozenset({"plan", "apply"})
"""Commands that read the state of each of their units, and compare it with the one that Terraform plans from."""

_APPLYING = frozenset({"apply", "destroy"})
"""Commands that use the apply role to change resources."""

REMOVING = frozenset({"destroy", "move", "adopt"})
"""Commands that create nothing. Orphaned states of other units are reported and do not block them."""


def check_before_run(
    catalogue: Catalogue,
    identities: Identities,
    states: StateStore,
    ledger: Ledger,
    units: Sequence[Unit],
    *,
    judge: Judge,
    lock: AccountsLock,
    command: str,
    compare: bool = True,
) -> BlockedUnits:
    """Check the accounts, access and ledgers that the run needs.

    AWS is not called in an account that is not the bootstrapped one, because its roles would be another account's.

    Args:
        catalogue: the configuration.
        identities: gives the roles.
        states: reads the units' states, from now on, so that no unit waits for its own.
        ledger: reads the ledgers.
        units: the units of the run.
        judge: has the list of protected types and the waivers.
        lock: the lock file of the accounts.
        command: the command that runs.
        compare: compare with the ledgers; False for orphaned units, which only the ledgers know.

    Returns:
        what must not be planned.

    Raises:
        SetupError: something that the run needs is missing: a role, a bucket, disk space.
        OrchError: a ledger cannot be read.
    """
    pinned = compare_accounts(catalogue, lock)
    check = InventoryCheck(
        catalogue,
        Listings(catalogue, ledger),
        judge.policies.protected,
        waived=lambda finding: judge.waiver_policy.apply([finding])[0],
        count=lambda orphan: count_orphaned(catalogue, identities, orphan),
    )
    blocked = check.check_accounts(pinned)
    roles = RoleCheck(catalogue, identities, judge.policies.protected.delete_apis, waived=check.waived)
    free = [unit for unit in units if unit.accounts.isdisjoint(blocked.accounts)]
    needs = needs_of(catalogue, free, write=command not in READ_ONLY)
    needs = {name: need for name, need in needs.items() if name not in blocked.accounts}
    with ThreadPoolExecutor(2, thread_name_prefix="orch-ledger") as beside:
        reading: list[Future[tuple[AccountListing, ...]]] = []
        looking: list[Future[tuple[RoleState, ...]]] = []

        def read() -> None:
            """Read while ids and buckets are checked. What is read counts only if nothing is wrong with them."""
            reading.append(beside.submit(check.listings.of, free))
            if command in _APPLYING:
                # The run of a baseline makes the roles, and their policies.
                made = [name for name, need in needs.items() if Role.APPLY in need.roles]
                looking.append(beside.submit(roles.read, made))
            if command in _READING:
                states.read_ahead(unit for unit in free if role_for(unit, write=False) in needs[unit.account].roles)

        preflight(catalogue, identities, needs, on_login=read)
        listed = reading[0].result()
        looked = [each.result() for each in looking]
    locked = frozenset(unit.id for each in listed for unit in each.units if unit.folder in each.locked)
    blocked = replace(blocked, locked=locked)
    for found in looked:
        blocked = roles.block(blocked, found, [each for each in listed if Role.APPLY in needs[each.account.name].roles])
    if not compare:
        return blocked
    return check.check_ledgers(blocked, listed, pinned.vanished, destroy=command in REMOVING)
