"""What exists in AWS, independent of the plan: answers the guard's questions from states, the ledger and S3."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.aws.causes import AwsFailure, Cause, cause_of, code_of
from orchestrator.aws.errors import translate
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import role_for
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.managed import ManagedState, ManagedStates
from orchestrator.aws.state.outputs import StateStore
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.terraform.model import StateResource

_ANSWERS = frozenset({"301", "307", "400", "403"})
"""Status codes of a HEAD request that prove that the bucket exists, in another region or without access."""


@dataclass(frozen=True, slots=True)
class ObservedState:
    """Reads under the role that plans the unit. Thread-safe."""

    catalogue: Catalogue
    identities: Identities
    store: StateStore
    ledger: Ledger
    managed: ManagedStates

    def state_resources(self, unit: Unit) -> tuple[StateResource, ...]:
        """Return the protected objects in a unit's state; none if it has no state.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the state cannot be read.
        """
        state = self.store.read(unit)
        return state.protected if state is not None else ()

    def ledger_resources(self, unit: Unit) -> tuple[StateResource, ...]:
        """Return the protected objects that the ledger lists for a unit, except those that orch may have deleted.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the entry cannot be read.
        """
        role = role_for(unit, write=False)
        entry = self.ledger.read(self.catalogue.account_of(unit), role, unit.folder)
        return (
            tuple(each for each in entry.protected if each.address not in entry.released) if entry is not None else ()
        )

    def other_states(self, unit: Unit) -> tuple[ManagedState, ...]:
        """Return the states with resources of all other units in the account of a unit, read once per run.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: a state cannot be read.
        """
        return self.managed.others(unit)

    def bucket_exists(self, unit: Unit, name: str) -> bool:
        """Whether a bucket of this name exists. A denied request proves that it does.

        Raises:
            ThrottledError, SetupError, UnitError: AWS did not answer.
        """
        account = self.catalogue.account_of(unit)
        client = self.identities.client("s3", account, role_for(unit, write=False))
        try:
            client.head_bucket(Bucket=name)
        except AwsFailure as error:
            code = code_of(error)
            if code == "404" or cause_of(error) is Cause.NO_BUCKET:
                return False
            if code in _ANSWERS or cause_of(error) is Cause.DENIED:
                return True
            raise translate(error, f"look for the bucket {name}", self.identities.context(account)) from error
        return True
