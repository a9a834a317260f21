"""Checks, before anything is applied, whether IAM denies the apply role what deletes protected resources."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.role_policies import policy_documents
from orchestrator.aws.identity.roles import Role
from orchestrator.config.catalogue import Account, Catalogue, has_baseline
from orchestrator.errors import OrchError
from orchestrator.guard.model import Finding
from orchestrator.guard.rules.apply_role import DELETES_POLICY, missing_denies, shared_role, shown, undenied_role
from orchestrator.run.checks.blocked import BlockedUnits, with_account
from orchestrator.run.checks.inventory import without_waivers
from orchestrator.run.checks.listing import AccountListing

_THREADS = 8


@dataclass(frozen=True, slots=True)
class RoleState:
    """What was found about the apply role of an account.

    Attributes:
        account: the account.
        finding: it may delete protected resources; None if not, or if that is unknown.
        note: what else there is to say; empty if nothing.
    """

    account: Account
    finding: Finding | None = None
    note: str = ""


def had_baseline(listing: AccountListing) -> bool:
    """Return whether the state bucket of an account has a state of such a stack; ``live/`` may have none any more."""
    return any(folder.startswith(f"{listing.account.name}/baseline/") for folder in listing.states)


@dataclass(frozen=True, slots=True)
class RoleCheck:
    """Looks at the apply roles of accounts.

    Attributes:
        catalogue: the configuration.
        identities: reads IAM with the plan role.
        delete_apis: the IAM actions that delete protected resources.
        waived: returns a finding unchanged, or allowed by a waiver.
    """

    catalogue: Catalogue
    identities: Identities
    delete_apis: Sequence[str]
    waived: Callable[[Finding], Finding] = without_waivers

    def read(self, names: Iterable[str]) -> tuple[RoleState, ...]:
        """Look at the apply roles of accounts that have a baseline or are restricted, all at the same time."""
        accounts = [self.catalogue.accounts[name] for name in sorted(names)]
        looked = [each for each in accounts if each.restricted or has_baseline(self.catalogue, each)]
        if not looked:
            return ()
        with ThreadPoolExecutor(min(_THREADS, len(looked)), thread_name_prefix="orch-roles") as pool:
            return tuple(pool.map(self.look, looked))

    def look(self, account: Account) -> RoleState:
        """Look at the apply role of an account; never fails."""
        if (same := shared_role(account)) is not None:
            return RoleState(account, same)
        policies = policy_documents(self.identities, account, Role.APPLY, first=DELETES_POLICY)
        try:
            missing, dated = missing_denies(policies, self.delete_apis)
        except OrchError as error:
            return RoleState(account, note=f"{account.name}: whether IAM denies deletions is unknown: {error}")
        if missing and not dated:
            return RoleState(account, undenied_role(account, missing))
        if missing:
            what = f"the apply role of {account.name} is not denied {shown(missing)}, which delete protected resources"
            return RoleState(account, note=f"{what}: `orch bootstrap {account.name}` brings its policy up to date")
        return RoleState(account)

    def block(
        self, blocked: BlockedUnits, found: Sequence[RoleState], listed: Iterable[AccountListing]
    ) -> BlockedUnits:
        """Add the accounts whose apply role may delete protected resources to what is blocked already.

        An account whose roles were made without orch is not blocked: it may be that something else protects it.

        Args:
            blocked: what is blocked already.
            found: what `read` found.
            listed: the listings of the accounts in the run.
        """
        seen = {state.account.name for state in found}
        removed = [each for each in listed if had_baseline(each)]
        found = (*found, *(self.look(each.account) for each in removed if each.account.name not in seen))
        made = {each.account.name for each in removed}
        for state in found:
            if state.note:
                blocked = replace(blocked, notes=(*blocked.notes, state.note))
            if state.finding is None:
                continue
            ours = state.account.name in made or has_baseline(self.catalogue, state.account)
            finding = self.waived(state.finding)
            if ours and finding.blocks:
                blocked = with_account(blocked, state.account, finding)
            else:
                allowed = f" (allowed by {finding.waiver})" if finding.waiver else f"; {finding.hint}"
                blocked = replace(blocked, notes=(*blocked.notes, f"{finding.message}: {finding.cause}{allowed}"))
        return blocked
