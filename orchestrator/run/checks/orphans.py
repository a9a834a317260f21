"""What is left of units that are no longer in ``live/``, as units again: enough of them to destroy them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from orchestrator.aws.identity.roles import Role
from orchestrator.config.catalogue import Account, Catalogue, ModuleSource, ProviderConfig, Unit
from orchestrator.config.graph import Graph
from orchestrator.errors import DeniedError, Location, SetupError, UnitError, UsageError
from orchestrator.guard.rules.orphans import OrphanedState
from orchestrator.run.checks.listing import AccountListing, Listings


@dataclass(frozen=True, slots=True)
class Orphans:
    """Former units.

    Attributes:
        catalogue: the accounts as they are, with the former units in place of the present ones.
        graph: of the former units, as far as the ledger knows which came before which.
        providers: unit -> names of the providers that its state is of, as in ``live/orch.yaml``.
    """

    catalogue: Catalogue
    graph: Graph
    providers: dict[str, frozenset[str]]


def find_orphans(catalogue: Catalogue, shelves: Listings, targets: Sequence[str]) -> Orphans:
    """Look for what is left in all accounts that can be looked into.

    Args:
        catalogue: the present one.
        shelves: reads the ledgers.
        targets: stages and units that are no longer there.

    Raises:
        UsageError: nothing is left of a target.
        UnitError: a former unit has no state any more, or an account or provider that it needs is gone, too.
        ThrottledError: AWS asked to slow down.
    """
    left = {
        each.entry.unit: (account, each) for account in catalogue.accounts.values() for each in _in(shelves, account)
    }
    chosen = {name for target in targets for name in _matching(target, left)}
    units = {name: _unit(catalogue, *left[name]) for name in sorted(chosen)}
    found = replace(catalogue, units=units)
    providers = {name: _providers(catalogue, left[name][1]) for name in units}
    return Orphans(found, Graph.of(units), providers)


def _in(shelves: Listings, account: Account) -> tuple[OrphanedState, ...]:
    try:
        entries = shelves.ledger.entries(account, Role.PLAN)
        return shelves.left(AccountListing(account, Role.PLAN, (), entries, {}))
    except (DeniedError, SetupError):  # an account that is not bootstrapped, or not this person's
        return ()


def _matching(target: str, left: dict[str, tuple[Account, OrphanedState]]) -> list[str]:
    found = [name for name, (_, each) in left.items() if target in {name, each.entry.stage}]
    if not found:
        names = ", ".join(sorted(left)) or "nothing anywhere"
        message = f"nothing is left of {target} that is not in live/"
        raise UsageError(message, hint=f"left is: {names}; what is in live/ goes with `orch destroy` without --orphans")
    return found


def _unit(catalogue: Catalogue, account: Account, left: OrphanedState) -> Unit:
    entry = left.entry
    at = left.at or Location("live/orch.yaml")
    if left.state is None:
        hint = f"bring a version of s3://{left.bucket}/{entry.state_key} back (the bucket keeps old ones)"
        raise UnitError(f"the state of {entry.unit} is gone, so nothing can be destroyed from it", where=at, hint=hint)
    gone = [each.account for each in entry.providers if each.account not in catalogue.accounts]
    if gone:
        hint = f"put live/accounts/{gone[0]}.yaml back until it is destroyed"
        raise UnitError(f"{entry.unit} has resources in {gone[0]}, which is no longer in live/", where=at, hint=hint)
    return former_unit(catalogue, account, left)


def former_unit(catalogue: Catalogue, account: Account, left: OrphanedState) -> Unit:
    """What is left as a unit of its account: enough to plan and to find it, without module and inputs."""
    entry, at = left.entry, left.at or account.at
    return Unit(
        id=entry.unit,
        stage=entry.stage,
        stack=entry.stack,
        account=account.name,
        region=entry.region,
        module=ModuleSource(address=entry.module, version=None, path=None, at=at),
        inputs={},
        at=at,
        upstreams=entry.upstreams,
        providers=tuple(ProviderConfig(p.name, p.alias, p.account, p.region, at) for p in entry.providers),
        of_account=entry.of_account,
        timeouts=catalogue.settings.timeouts,
    )


def _providers(catalogue: Catalogue, left: OrphanedState) -> frozenset[str]:
    """Names in ``live/orch.yaml`` of the providers that the state is of."""
    return frozenset(_names(catalogue, left))


def _names(catalogue: Catalogue, left: OrphanedState) -> Iterator[str]:
    for address in left.state.providers if left.state is not None else ():
        if address.startswith("terraform.io/builtin/"):
            continue
        name = next(
            (p.name for p in catalogue.settings.providers.values() if f"/{address}".endswith(f"/{p.source}")), None
        )
        if name is None:
            hint = "add it under `providers:` in live/orch.yaml until this is destroyed"
            raise UnitError(f"{left.entry.unit} needs the provider {address}, which is not listed", hint=hint)
        yield name
