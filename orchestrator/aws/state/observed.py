"""What there is, whatever a plan says: the guard's questions to states, ledger and S3."""

from __future__ import annotations

from dataclasses import dataclass

from orchestrator.aws.causes import AwsFailure, Cause, cause_of, code_of
from orchestrator.aws.errors import translate
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import role_for
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.outputs import StateStore
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.terraform.model import StateResource

_ANSWERS = frozenset({"301", "307", "400", "403"})
"""Status of a HEAD that AWS answers about a bucket which is there: in another region, or not to be looked at."""


@dataclass(frozen=True, slots=True)
class ObservedState:
    """Answers with the role that plans the unit. Safe to use from several threads."""

    catalogue: Catalogue
    identities: Identities
    store: StateStore
    ledger: Ledger

    def state_resources(self, unit: Unit) -> tuple[StateResource, ...]:
        """The protected objects of a unit's state; none when it has no state.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the state cannot be read.
        """
        state = self.store.read(unit)
        return state.protected if state is not None else ()

    def ledger_resources(self, unit: Unit) -> tuple[StateResource, ...]:
        """The protected objects that the ledger has of a unit.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: its entry cannot be read.
        """
        role = role_for(unit, write=False)
        entry = self.ledger.read(self.catalogue.account_of(unit), role, unit.folder)
        return entry.protected if entry is not None else ()

    def bucket_exists(self, unit: Unit, name: str) -> bool:
        """Whether there is a bucket of this name; AWS's refusal to show it says that there is.

        Raises:
            ThrottledError, SetupError, UnitError: AWS gave no answer.
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
