"""Turns states of units that are no longer in ``live/`` into units again, so that they can be destroyed."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from orchestrator.aws.identity.roles import Role
from orchestrator.config.catalogue import Account, Catalogue, ModuleSource, ProviderConfig, Unit
from orchestrator.config.graph import Graph
from orchestrator.errors import DeniedError, Location, SetupError, UnitError, UsageError
from orchestrator.guard.rules.orphans import OrphanedState
from orchestrator.run.checks.listing import Listings


@dataclass(frozen=True, slots=True)
class Orphans:
    """Units that are no longer in ``live/``.

    Attributes:
        catalogue: the current accounts, with the orphaned units in place of the current ones.
        graph: the orphaned units, in the order that the ledger recorded.
        providers: unit -> names of the providers that its state needs, as in ``live/orch.yaml``.
    """

    catalogue: Catalogue
    graph: Graph
    providers: Mapping[str, frozenset[str]]


def find_orphans(catalogue: Catalogue, listings: Listings, targets: Sequence[str]) -> Orphans:
    """Find orphaned units in all accounts that the user may read.

    Args:
        catalogue: the configuration.
        listings: reads the ledgers.
        targets: stages and units that are no longer in ``live/``.

    Raises:
        UsageError: nothing matches a target.
        UnitError: an orphaned unit has no state, or its account or a provider is gone, too.
        ThrottledError: AWS throttled the calls.
    """
    orphans = {
        each.entry.unit: (account, each)
        for account in catalogue.accounts.values()
        for each in _orphans_in(listings, account)
    }
    chosen = {name for target in targets for name in _matching_names(target, orphans)}
    units = {name: _unit(catalogue, *orphans[name]) for name in sorted(chosen)}
    found = replace(catalogue, units=units)
    providers = {name: _providers(catalogue, orphans[name][1]) for name in units}
    return Orphans(found, Graph.of(units), providers)


def _orphans_in(listings: Listings, account: Account) -> tuple[OrphanedState, ...]:
    try:
        return listings.orphaned(listings.of_account(account, Role.PLAN))
    except (DeniedError, SetupError):  # Not bootstrapped, or the user has no access.
        return ()


def _matching_names(target: str, orphans: dict[str, tuple[Account, OrphanedState]]) -> list[str]:
    found = [name for name, (_, each) in orphans.items() if target in {name, each.entry.stage}]
    if not found:
        names = ", ".join(sorted(orphans)) or "none"
        message = f"no orphaned unit matches {target!r}"
        raise UsageError(message, hint=f"orphaned units: {names}; destroy units of live/ without --orphans")
    return found


def _unit(catalogue: Catalogue, account: Account, orphan: OrphanedState) -> Unit:
    entry = orphan.entry
    at = orphan.at or Location("live/orch.yaml")
    if orphan.state is None:
        hint = f"restore an old version of s3://{orphan.bucket}/{entry.state_key}"
        raise UnitError(f"cannot destroy {entry.unit}: its state is gone", where=at, hint=hint)
    gone = [each.account for each in entry.providers if each.account not in catalogue.accounts]
    if gone:
        hint = f"restore live/accounts/{gone[0]}.yaml until the unit is destroyed"
        raise UnitError(f"{entry.unit} has resources in {gone[0]}, which is no longer in live/", where=at, hint=hint)
    return former_unit(catalogue, account, orphan)


def former_unit(catalogue: Catalogue, account: Account, orphan: OrphanedState) -> Unit:
    """Return an orphaned state as a unit of its account, without module and inputs."""
    entry, at = orphan.entry, orphan.at or account.at
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


def _providers(catalogue: Catalogue, orphan: OrphanedState) -> frozenset[str]:
    """Return the names in ``live/orch.yaml`` of the providers that the state needs."""
    return frozenset(_names(catalogue, orphan))


def _names(catalogue: Catalogue, orphan: OrphanedState) -> Iterator[str]:
    for address in orphan.state.providers if orphan.state is not None else ():
        if address.startswith("terraform.io/builtin/"):
            continue
        name = next(
            (p.name for p in catalogue.settings.providers.values() if f"/{address}".endswith(f"/{p.source}")), None
        )
        if name is None:
            hint = "add it under `providers:` in live/orch.yaml until the unit is destroyed"
            raise UnitError(f"{orphan.entry.unit} needs the provider {address}, which is not listed", hint=hint)
        yield name
