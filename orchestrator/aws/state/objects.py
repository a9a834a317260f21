"""Read and write whole state objects, for ``orch move`` and ``orch adopt``."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any

from orchestrator.aws.causes import AwsFailure, Cause, cause_of, code_of
from orchestrator.aws.errors import translate
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role, role_for
from orchestrator.aws.state.read_object import read_object
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import OrchError, SetupError, UsageError


@dataclass(frozen=True, slots=True)
class StateObject:
    """One version of a state object. ``version`` is its S3 version ID, with which it can be restored."""

    data: bytes = field(repr=False)
    version: str

    @property
    def sha256(self) -> str:
        """Hash of the content."""
        return hashlib.sha256(self.data).hexdigest()


class StateObjects:
    """Reads and writes the state objects of units. Thread-safe.

    Args:
        catalogue: the configuration, which locates each unit's state.
        identities: provides the clients: the plan role reads, the apply role writes.
    """

    def __init__(self, catalogue: Catalogue, identities: Identities) -> None:
        self._catalogue = catalogue
        self._identities = identities

    def read(self, unit: Unit) -> StateObject | None:
        """Return a unit's current state; None if it has none.

        Raises:
            SetupError: the bucket is not versioned, or as below.
            DeniedError, ThrottledError, UnitError: the state cannot be read.
        """
        account = self._catalogue.account_of(unit)
        client = self._identities.client("s3", account, role_for(unit, write=False))

        def get() -> StateObject | None:
            found = read_object(client, account, unit.state_key)
            return StateObject(found.data, self._version(found.answer, account.name)) if found is not None else None

        return self._identities.call(unit.account, f"read the state of {unit.id}", get)

    def write(self, unit: Unit, data: bytes) -> StateObject:
        """Write a unit's state. The caller holds its lock.

        Raises:
            DeniedError, ThrottledError, SetupError, UnitError: the state cannot be written.
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

        return self._identities.call(unit.account, f"write the state of {unit.id}", put)

    def read_foreign(self, unit: Unit, bucket: str, key: str) -> bytes:
        """Read any object under the plan role of a unit's account.

        Raises:
            UsageError: the bucket or the object does not exist.
            DeniedError, ThrottledError, SetupError, UnitError: the object cannot be read.
        """
        place = f"s3://{bucket}/{key}"
        session = self._identities.session(unit.account, Role.PLAN)
        region = self._catalogue.account_of(unit).region

        def get() -> bytes:
            client: Any = session.create_client("s3", region_name=region)  # The key is a whole one, with any prefix.
            with client.get_object(Bucket=bucket, Key=key)["Body"] as body:
                return bytes(body.read())

        try:
            return get()
        except AwsFailure as error:
            raise self._foreign_error(error, unit, place) from error

    def _foreign_error(self, error: Exception, unit: Unit, place: str) -> OrchError:
        cause = cause_of(error)
        if cause is Cause.NO_OBJECT:
            return UsageError(f"{place} does not exist", hint="find it with `aws s3 ls`; the format is s3://BUCKET/KEY")
        if cause is Cause.NO_BUCKET:
            return UsageError(f"the bucket of {place} does not exist", hint="the format is s3://BUCKET/KEY")
        if code_of(error) in {"PermanentRedirect", "301", "AuthorizationHeaderMalformed"}:
            region = self._catalogue.account_of(unit).region
            hint = f"download it with `aws s3 cp {place} FILE --region REGION`, then use --state FILE"
            return UsageError(f"{place} is not in {region}", hint=hint)
        if cause is Cause.DENIED:
            hint = (
                f"allow the plan role of {unit.account} s3:GetObject on it, also in the bucket policy; or download it "
                f"with another profile: `aws s3 cp {place} FILE --profile NAME`, then use --state FILE"
            )
            translated = translate(error, f"read {place}", self._identities.context(unit.account))
            translated.hint = hint
            return translated
        return translate(error, f"read {place}", self._identities.context(unit.account))

    def _version(self, answer: Any, account: str) -> str:
        version = answer.get("VersionId")
        if not version:
            message = f"the state bucket of {account} is not versioned, so a state could not be restored"
            raise SetupError(message, hint=f"`orch bootstrap {account}` enables versioning")
        return str(version)
