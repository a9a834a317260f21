"""Outputs of units that are applied: from the state in the own account, from a published file in another.

Each is read once in a run, whoever asks and how many at a time. Another account's state is never read: its bucket holds
``outputs/…json`` with the values that are not sensitive, tied to the state by the state object's ETag.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Mapping
from types import MappingProxyType
from typing import Any, TypeVar

from orchestrator.aws.causes import AwsFailure, Cause, cause_of
from orchestrator.aws.errors import translate
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role, role_for
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import UnitError
from orchestrator.terraform.model import StateRecord
from orchestrator.terraform.state.reader import read_state
from orchestrator.util.once_map import Once

OUTPUTS_FORMAT = 1
"""Version of the published file."""

_T = TypeVar("_T")


class StateStore:
    """States and published outputs of every unit; thread-safe, for the length of one run.

    Args:
        catalogue: says where each unit's state is.
        identities: gives the clients.
        identify: types of resources of which a state says which objects it has: the protected ones.
    """

    def __init__(self, catalogue: Catalogue, identities: Identities, identify: Collection[str] = frozenset()) -> None:
        self._catalogue = catalogue
        self._identify = frozenset(identify)
        self._identities = identities
        self._states: Once[str, tuple[StateRecord, str] | None] = Once()
        self._published: Once[str, Mapping[str, Any] | None] = Once()

    def read(self, unit: Unit) -> StateRecord | None:
        """A unit's state, read once in this run.

        Returns:
            the state; None when there is none, that is, the unit has never been applied.

        Raises:
            DeniedError, ThrottledError: AWS refused, or asked to slow down after retries.
            SetupError: the bucket does not exist, credentials or network are missing.
            UnitError: the object is no state.
        """
        found = self.known(unit)
        return found[0] if found else None

    def published(self, unit: Unit) -> Mapping[str, Any] | None:
        """A unit's outputs as other accounts see them, read once in this run; its state's content is not read.

        Returns:
            output name -> value, without sensitive ones; None when the unit is not applied.

        Raises:
            UnitError: the file does not belong to the present state: an apply was cut off before it could publish.
            DeniedError, ThrottledError, SetupError: as `read`.
        """
        return self._published.get(unit.id, lambda: self._fetch_published(unit))

    def publish(self, unit: Unit) -> None:
        """Publish a unit's outputs for other accounts, after an apply or destroy; a file that is right stays as it is.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: as `read`.
        """
        found = self.latest(unit)
        if found is None:
            return
        document = _document(unit, *found)
        role = role_for(unit, write=False)
        if self._call(unit, f"read the published outputs of {unit.id}", lambda: self._stored(unit, role)) != document:
            self._put(unit, document)

    def forget(self, unit_id: str) -> None:
        """Read a unit anew the next time: it was just applied or destroyed."""
        self._states.forget(unit_id)
        self._published.forget(unit_id)

    def refresh(self, unit: Unit) -> StateRecord | None:
        """`forget`, then `read`."""
        self.forget(unit.id)
        return self.read(unit)

    def known(self, unit: Unit) -> tuple[StateRecord, str] | None:
        """As `read`, with the ETag of the state's object."""
        return self._states.get(unit.id, lambda: self._fetch_state(unit))

    def latest(self, unit: Unit) -> tuple[StateRecord, str] | None:
        """A unit's state as it is now, whatever was read before, and the ETag of its object; None as `read`.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: as `read`.
        """
        self.forget(unit.id)
        return self.known(unit)

    def parse(self, data: bytes) -> StateRecord:
        """Read a state's bytes as all others are read here.

        Raises:
            UnitError: they are no state.
        """
        return read_state(data, self._identify)

    def _fetch_state(self, unit: Unit) -> tuple[StateRecord, str] | None:
        role = role_for(unit, write=False)
        answer = self._call(unit, f"read the state of {unit.id}", lambda: self._get(unit, unit.state_key, role))
        if answer is None:
            return None
        data, etag = answer
        try:
            return self.parse(data), etag
        except UnitError as error:
            what = f"cannot read the state of {unit.id} ({self._place(unit, unit.state_key)}): {error.what}"
            raise UnitError(what, hint=error.hint) from error

    def _fetch_published(self, unit: Unit) -> Mapping[str, Any] | None:
        etag = self._call(unit, f"look for the state of {unit.id}", lambda: self._etag(unit))
        if etag is None:
            return None
        document = self._call(unit, f"read the published outputs of {unit.id}", lambda: self._stored(unit, Role.PLAN))
        if document is None or document.get("state_etag") != etag:
            what = "were never published" if document is None else "are older or newer than its state"
            raise UnitError(f"the outputs of {unit.id} for other accounts {what}", hint=f"`orch apply {unit.id}`")
        if document.get("format") != OUTPUTS_FORMAT or document.get("unit") != unit.id:
            raise UnitError(
                f"{self._place(unit, unit.outputs_key)} is not what this orch publishes for {unit.id}",
                hint=f"`orch apply {unit.id}` with one version of orch",
            )
        return MappingProxyType(dict(document["outputs"])) if document.get("applied", True) else None

    def _stored(self, unit: Unit, role: Role) -> dict[str, Any] | None:
        answer = self._get(unit, unit.outputs_key, role)
        if answer is None:
            return None
        try:
            document = json.loads(answer[0])
        except ValueError:
            document = None
        if not isinstance(document, dict) or not isinstance(document.get("outputs"), dict):
            return {}  # not ours: never equal to a right one, so that publishing replaces it
        return document

    def _get(self, unit: Unit, key: str, role: Role) -> tuple[bytes, str] | None:
        """An object's content and ETag, or None when there is no such object."""
        account = self._catalogue.account_of(unit)
        try:
            client = self._identities.client("s3", account, role)
            answer = client.get_object(Bucket=account.state_bucket, Key=key, ExpectedBucketOwner=account.id)
        except AwsFailure as error:
            if cause_of(error) is Cause.NO_OBJECT:
                return None
            raise
        with answer["Body"] as body:
            return bytes(body.read()), str(answer["ETag"])

    def _etag(self, unit: Unit) -> str | None:
        """The ETag of the state object, from a listing: the object itself is not touched."""
        account = self._catalogue.account_of(unit)
        answer = self._identities.client("s3", account, Role.PLAN).list_objects_v2(
            Bucket=account.state_bucket, Prefix=unit.state_key, MaxKeys=1, ExpectedBucketOwner=account.id
        )
        # The shortest key with the prefix comes first; the lock beside it is longer.
        found = [str(o["ETag"]) for o in answer.get("Contents", ()) if o["Key"] == unit.state_key]
        return found[0] if found else None

    def _put(self, unit: Unit, document: Mapping[str, Any]) -> None:
        account = self._catalogue.account_of(unit)
        client = self._identities.client("s3", account, role_for(unit, write=True))
        body = json.dumps(document, indent=2, sort_keys=True).encode()

        def put() -> None:
            client.put_object(
                Bucket=account.state_bucket,
                Key=unit.outputs_key,
                Body=body,
                ContentType="application/json",
                ExpectedBucketOwner=account.id,
            )

        self._call(unit, f"publish the outputs of {unit.id}", put)

    def _place(self, unit: Unit, key: str) -> str:
        return f"s3://{self._catalogue.account_of(unit).state_bucket}/{key}"

    def _call(self, unit: Unit, doing: str, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except AwsFailure as error:
            raise translate(error, doing, self._identities.context(unit.account)) from error


def _alive(state: StateRecord) -> bool:
    """Whether something is applied: after a destroy the state is there and empty."""
    return bool(state.addresses or state.outputs)


def _document(unit: Unit, state: StateRecord, etag: str) -> dict[str, Any]:
    return {
        "format": OUTPUTS_FORMAT,
        "unit": unit.id,
        "lineage": state.lineage,
        "serial": state.serial,
        "state_etag": etag,
        "applied": _alive(state),
        "outputs": {name: o.value for name, o in sorted(state.outputs.items()) if not o.sensitive},
    }
