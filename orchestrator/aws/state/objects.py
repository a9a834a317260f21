"""State objects byte by byte, for what moves whole states: ``orch move`` and ``orch adopt``."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

from orchestrator.aws.causes import AwsFailure, Cause, cause_of, code_of
from orchestrator.aws.errors import translate
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role, role_for
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import OrchError, SetupError, UsageError

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class StateObject:
    """One version of a state object. ``version``: S3's id of it, with which it can be brought back."""

    data: bytes = field(repr=False)
    version: str

    @property
    def sha256(self) -> str:
        """Hash of its bytes."""
        return hashlib.sha256(self.data).hexdigest()


class StateObjects:
    """Reads and writes units' states as they are; may be used from any thread.

    Args:
        catalogue: says where each unit's state is.
        identities: gives the clients: the plan role reads, the apply role writes.
    """

    def __init__(self, catalogue: Catalogue, identities: Identities) -> None:
        self._catalogue = catalogue
        self._identities = identities

    def read(self, unit: Unit) -> StateObject | None:
        """A unit's state as it is now; None when there is none.

        Raises:
            SetupError: the bucket keeps no versions, or as below.
            DeniedError, ThrottledError, UnitError: it cannot be read.
        """
        account = self._catalogue.account_of(unit)
        client = self._identities.client("s3", account, role_for(unit, write=False))

        def get() -> StateObject | None:
            try:
                answer = client.get_object(
                    Bucket=account.state_bucket, Key=unit.state_key, ExpectedBucketOwner=account.id
                )
            except AwsFailure as error:
                if cause_of(error) is Cause.NO_OBJECT:
                    return None
                raise
            with answer["Body"] as body:
                return StateObject(bytes(body.read()), self._version(answer, account.name))

        return self._call(unit, f"read the state of {unit.id}", get)

    def write(self, unit: Unit, data: bytes) -> StateObject:
        """Write a unit's state. The caller holds its lock.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be written.
        """
        account = self._catalogue.account_of(unit)
        client = self._identities.client("s3", account, role_for(unit, write=True))

        def put() -> StateObject:
            answer = client.put_object(
                Bucket=account.state_bucket,
                Key=unit.state_key,
                Body=data,
                ContentType="application/json",
                ExpectedBucketOwner=account.id,
            )
            return StateObject(data, self._version(answer, account.name))

        return self._call(unit, f"write the state of {unit.id}", put)

    def read_foreign(self, unit: Unit, bucket: str, key: str) -> bytes:
        """Any object, read under the plan role of a unit's account; nothing is changed there.

        Raises:
            UsageError: there is no such bucket or object.
            DeniedError, ThrottledError, SetupError, UnitError: it cannot be read.
        """
        place = f"s3://{bucket}/{key}"
        client = self._identities.client("s3", unit.account, Role.PLAN)

        def get() -> bytes:
            with client.get_object(Bucket=bucket, Key=key)["Body"] as body:
                return bytes(body.read())

        try:
            return get()
        except AwsFailure as error:
            raise self._told(error, unit, place) from error

    def _told(self, error: Exception, unit: Unit, place: str) -> OrchError:
        cause = cause_of(error)
        if cause is Cause.NO_OBJECT:
            return UsageError(f"there is no {place}", hint="`aws s3 ls` shows what there is; write s3://BUCKET/KEY")
        if cause is Cause.NO_BUCKET:
            return UsageError(f"there is no bucket for {place}", hint="write s3://BUCKET/KEY")
        if code_of(error) in {"PermanentRedirect", "301", "AuthorizationHeaderMalformed"}:
            region = self._catalogue.account_of(unit).region
            hint = f"fetch it with `aws s3 cp {place} FILE --region REGION`, and give --state FILE"
            return UsageError(f"{place} is in another region than {region}", hint=hint)
        if cause is Cause.DENIED:
            hint = (
                f"the plan role of {unit.account} must be allowed s3:GetObject on it, by its bucket's policy too; or "
                f"fetch it with a profile that may: `aws s3 cp {place} FILE --profile NAME`, and give --state FILE"
            )
            told = translate(error, f"read {place}", self._identities.context(unit.account))
            told.hint = hint
            return told
        return translate(error, f"read {place}", self._identities.context(unit.account))

    def _version(self, answer: Any, account: str) -> str:
        version = answer.get("VersionId")
        if not version:
            message = f"the state bucket of {account} keeps no old versions, so a state could not be brought back"
            raise SetupError(message, hint=f"`orch bootstrap {account}` switches versioning on")
        return str(version)

    def _call(self, unit: Unit, doing: str, call: Callable[[], _T]) -> _T:
        try:
            return call()
        except AwsFailure as error:
            raise translate(error, doing, self._identities.context(unit.account)) from error
