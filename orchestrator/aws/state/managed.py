"""Which unit manages an object: the states in a bucket, read when something is adopted or imported, which is rare."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from orchestrator.aws.identity.roles import role_for
from orchestrator.aws.state.ledger import Ledger
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.terraform.model import StateRecord, StateResource
from orchestrator.util.once_map import OnceMap

_THREADS = 8


@dataclass(frozen=True, slots=True)
class ManagedState:
    """A state with resources, and the unit that it belongs to, which may no longer be in ``live/``.

    Attributes:
        unit: ``STAGE/STACK``, with ``@REGION`` if ``live/`` names it so or does not have it.
        region: its region.
        lineage: its lineage.
        resources: all managed objects in it.
    """

    unit: str
    region: str
    lineage: str
    resources: tuple[StateResource, ...]


@dataclass(frozen=True, slots=True)
class SoughtObject:
    """An object that a unit would take over. ``names``: its ids, for an import too; ``arn``: empty if unknown."""

    type: str
    names: frozenset[str]
    arn: str = ""

    def is_in(self, state: ManagedState, region: str) -> bool:
        """Return whether a state has it. Without ARNs, a name is unique in a region only."""
        return any(self._is(each, near=state.region == region) for each in state.resources)

    def _is(self, other: StateResource, *, near: bool) -> bool:
        if self.type != other.type:
            return False
        if self.arn and other.arn:
            return self.arn == other.arn
        return other.arn in self.names or (near and other.id in self.names)


class ManagedStates:
    """The states of each account. Thread-safe; an account is read once per run, when it is first asked for.

    Args:
        catalogue: the configuration.
        ledger: reads the bucket.
    """

    def __init__(self, catalogue: Catalogue, ledger: Ledger) -> None:
        self._catalogue = catalogue
        self._ledger = ledger
        self._read: OnceMap[str, dict[str, ManagedState]] = OnceMap()

    def others(self, unit: Unit) -> tuple[ManagedState, ...]:
        """Return the states with resources of all other units in the account of a unit, sorted by unit.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: a state cannot be read.
        """
        found = self._read.get(unit.account, lambda: self._states(unit))
        return tuple(sorted((each for folder, each in found.items() if folder != unit.folder), key=lambda s: s.unit))

    def _states(self, unit: Unit) -> dict[str, ManagedState]:
        account, role = self._catalogue.account_of(unit), role_for(unit, write=False)
        ids = {each.folder: each.id for each in self._catalogue.units.values() if each.account == account.name}
        with ThreadPoolExecutor(_THREADS, thread_name_prefix="orch-states") as pool:
            stages = pool.map(
                lambda stage: self._ledger.states(account, role, stage), sorted(self._ledger.stages(account, role))
            )
            folders = [folder for each in stages for folder in each.written]

            def read(folder: str) -> StateRecord | None:
                return self._ledger.state_at(account, role, f"{folder}/terraform.tfstate", every=True)

            states = dict(zip(folders, pool.map(read, folders), strict=True))
        return {
            folder: ManagedState(
                ids.get(folder) or _former(folder), folder.rpartition("/")[2], state.lineage, state.protected
            )
            for folder, state in states.items()
            if state is not None and state.addresses
        }


def _former(folder: str) -> str:
    stage, stack, region = folder.split("/")
    return f"{stage}/{stack}@{region}"
