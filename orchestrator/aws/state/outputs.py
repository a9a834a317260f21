"""States and outputs of applied units: read from the state in the same account, from a published file in another.

Each is read once per run. The state of another account is never read: its bucket holds ``outputs/…json`` with the
values that are not sensitive. The ETag of the state object ties the file to the state.

Terraform keeps no null output in a state. So the file also has, as null, the outputs that were evaluated and are not in
the state: without it, they could not be told from outputs that are not applied yet.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Container, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from types import MappingProxyType
from typing import Any

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role, role_for
from orchestrator.aws.state.read_object import read_object
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import OrchError, UnitError
from orchestrator.terraform.model import StateRecord
from orchestrator.terraform.state.header import StateHeader
from orchestrator.terraform.state.reader import read_state
from orchestrator.util.once_map import OnceMap

OUTPUTS_FORMAT = 1
"""Format version of the published file."""
_THREADS = 8


class StateStore:
    """States and published outputs of every unit. Thread-safe; lives as long as one run.

    Args:
        catalogue: the configuration, which locates each unit's state.
        identities: provides the clients.
        identify: the protected resource types, whose objects are read from states.
    """

    def __init__(self, catalogue: Catalogue, identities: Identities, identify: Container[str] = frozenset()) -> None:
        self._catalogue = catalogue
        self._identify = identify
        self._identities = identities
        self._states: OnceMap[str, tuple[StateRecord, str] | None] = OnceMap()
        self._published: OnceMap[str, Mapping[str, Any] | None] = OnceMap()
        self._nulls: OnceMap[str, frozenset[str]] = OnceMap()
        self._ahead = ThreadPoolExecutor(_THREADS, thread_name_prefix="orch-states")  # starts no thread yet

    def read(self, unit: Unit) -> StateRecord | None:
        """Return a unit's state, which is read once per run.

        Returns:
            the state; None if there is none because the unit has never been applied.

        Raises:
            DeniedError, ThrottledError: AWS denied the request, or still throttled it after retries.
            SetupError: the bucket does not exist, or credentials or the network are missing.
            UnitError: the object is not a state.
        """
        found = self.known(unit)
        return found[0] if found else None

    def read_ahead(self, units: Iterable[Unit]) -> None:
        """Begin to read the states of units in their order, in the background. A failure is left to `read`."""

        def read(unit: Unit) -> None:
            with suppress(OrchError):
                self.read(unit)

        for unit in units:
            self._ahead.submit(read, unit)

    def close(self) -> None:
        """Begin no further read of `read_ahead`."""
        self._ahead.shutdown(wait=False, cancel_futures=True)

    def published(self, unit: Unit) -> Mapping[str, Any] | None:
        """Return a unit's outputs as other accounts see them, read once per run. Does not read the state itself.

        Returns:
            output name -> value, without sensitive ones; None if the unit is not applied.

        Raises:
            UnitError: the file does not match the current state: an apply was interrupted before it published.
            DeniedError, ThrottledError, SetupError: as `read`.
        """
        return self._published.get(unit.id, lambda: self._fetch_published(unit))

    def null_outputs(self, unit: Unit) -> frozenset[str]:
        """Return the names of a unit's outputs that are known to be null, read once per run.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: as `read`.
        """
        return self._nulls.get(unit.id, lambda: self._fetch_nulls(unit))

    def publish(self, unit: Unit, *, evaluated: Collection[str] = ()) -> None:
        """Publish a unit's outputs for other accounts, after an apply or destroy. Does not rewrite an equal file.

        Args:
            unit: the unit.
            evaluated: names of the outputs that Terraform evaluated when it wrote the state, or when it found it up to
                date. Those that are not in the state are null.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: as `read`.
        """
        found = self.latest(unit)
        if found is None:
            return
        state, etag = found
        stored = self._call_stored(unit)
        nulls = (_nulls(stored, etag) | frozenset(evaluated)) - state.outputs.keys()
        document = _document(unit, state, etag, nulls)
        if stored != document:
            self._put(unit, document)
            self._nulls.forget(unit.id)

    def forget(self, unit_id: str) -> None:
        """Make the next read of a unit fetch it again, because it was just applied or destroyed."""
        self._states.forget(unit_id)
        self._published.forget(unit_id)
        self._nulls.forget(unit_id)

    def forget_unless(self, unit: Unit, base: StateHeader) -> None:
        """Forget a unit's state unless it is the one that a plan was made from.

        States are read before their units are planned. If another run applies a unit in between, what other units read
        of it must not be older than its plan.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: as `read`.
        """
        found = self.known(unit)
        if base != (StateHeader(found[0].lineage, found[0].serial) if found else StateHeader()):
            self.forget(unit.id)

    def refresh(self, unit: Unit) -> StateRecord | None:
        """Do `forget`, then `read`."""
        self.forget(unit.id)
        return self.read(unit)

    def known(self, unit: Unit) -> tuple[StateRecord, str] | None:
        """Return the same as `read`, with the ETag of the state object."""
        return self._states.get(unit.id, lambda: self._fetch_state(unit))

    def latest(self, unit: Unit) -> tuple[StateRecord, str] | None:
        """Return a unit's current state, ignoring earlier reads, with the ETag of its object; None as in `read`.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: as `read`.
        """
        self.forget(unit.id)
        return self.known(unit)

    def parse(self, data: bytes) -> StateRecord:
        """Parse the bytes of a state.

        Raises:
            UnitError: they are not a state.
        """
        return read_state(data, self._identify)

    def _fetch_state(self, unit: Unit) -> tuple[StateRecord, str] | None:
        role = role_for(unit, write=False)
        answer = self._identities.call(
            unit.account, f"read the state of {unit.id}", lambda: self._get(unit, unit.state_key, role)
        )
        if answer is None:
            return None
        data, etag = answer
        try:
            return self.parse(data), etag
        except UnitError as error:
            what = f"cannot read the state of {unit.id} ({self._place(unit, unit.state_key)}): {error.what}"
            raise UnitError(what, hint=error.hint) from error

    def _fetch_published(self, unit: Unit) -> Mapping[str, Any] | None:
        etag = self._identities.call(unit.account, f"look for the state of {unit.id}", lambda: self._etag(unit))
        if etag is None:
            return None
        document = self._identities.call(
            unit.account, f"read the published outputs of {unit.id}", lambda: self._stored(unit, Role.PLAN)
        )
        if document is None or document.get("state_etag") != etag:
            what = "were never published" if document is None else "do not match its state"
            raise UnitError(f"the outputs of {unit.id} for other accounts {what}", hint=f"`orch apply {unit.id}`")
        if document.get("format") != OUTPUTS_FORMAT or document.get("unit") != unit.id:
            raise UnitError(
                f"{self._place(unit, unit.outputs_key)} was not published for {unit.id} by this version of orch",
                hint=f"run `orch apply {unit.id}` with the same version of orch",
            )
        return MappingProxyType(dict(document["outputs"])) if document.get("applied", True) else None

    def _fetch_nulls(self, unit: Unit) -> frozenset[str]:
        found = self.known(unit)
        return _nulls(self._call_stored(unit), found[1]) if found is not None else frozenset()

    def _call_stored(self, unit: Unit) -> dict[str, Any] | None:
        role = role_for(unit, write=False)
        return self._identities.call(
            unit.account, f"read the published outputs of {unit.id}", lambda: self._stored(unit, role)
        )

    def _stored(self, unit: Unit, role: Role) -> dict[str, Any] | None:
        answer = self._get(unit, unit.outputs_key, role)
        if answer is None:
            return None
        try:
            document = json.loads(answer[0])
        except ValueError:
            document = None
        if not isinstance(document, dict) or not isinstance(document.get("outputs"), dict):
            return {}  # unknown content: publishing replaces it, because it equals no document
        return document

    def _get(self, unit: Unit, key: str, role: Role) -> tuple[bytes, str] | None:
        """Return an object's content and ETag; None if it does not exist."""
        account = self._catalogue.account_of(unit)
        found = read_object(self._identities.client("s3", account, role), account, key)
        return (found.data, str(found.answer["ETag"])) if found is not None else None

    def _etag(self, unit: Unit) -> str | None:
        """Return the ETag of the state object from a listing, without access to the object."""
        account = self._catalogue.account_of(unit)
        answer = self._identities.client("s3", account, Role.PLAN).list_objects_v2(
            Bucket=account.state_bucket, Prefix=unit.state_key, MaxKeys=1, ExpectedBucketOwner=account.id
        )
        # The shortest key with the prefix is listed first; the key of the lock is longer.
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

        self._identities.call(unit.account, f"publish the outputs of {unit.id}", put)

    def _place(self, unit: Unit, key: str) -> str:
        return self._catalogue.account_of(unit).state_url(key)


def _alive(state: StateRecord) -> bool:
    """Whether anything is applied. After a destroy the state exists but is empty."""
    return bool(state.addresses or state.outputs)


def _nulls(document: Mapping[str, Any] | None, etag: str) -> frozenset[str]:
    """Return the outputs that a published file has as null, if it was published for the state with this ETag."""
    if not document or document.get("state_etag") != etag:
        return frozenset()
    return frozenset(name for name, value in document["outputs"].items() if value is None)


def _document(unit: Unit, state: StateRecord, etag: str, nulls: Collection[str]) -> dict[str, Any]:
    values = {name: output.value for name, output in state.outputs.items() if not output.sensitive}
    return {
        "format": OUTPUTS_FORMAT,
        "unit": unit.id,
        "lineage": state.lineage,
        "serial": state.serial,
        "state_etag": etag,
        "applied": _alive(state) or bool(nulls),
        "outputs": dict(sorted({**dict.fromkeys(nulls), **values}.items())),
    }
