"""Data keys for plans that leave AWS, encrypted by the KMS key of the account's state bucket."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

from orchestrator.aws.causes import AwsFailure, code_of
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.config.catalogue import Account
from orchestrator.errors import BlockedError, DeniedError, SetupError

_T = TypeVar("_T")
_NOT_MADE_BY_KEY = frozenset({"InvalidCiphertextException", "IncorrectKeyException"})


@dataclass(frozen=True, slots=True)
class DataKey:
    """A key of 256 bits. ``encrypted``: as KMS returned it; only KMS can turn it into ``plain``."""

    plain: bytes = field(repr=False)
    encrypted: bytes = field(repr=False)


class DataKeys:
    """Data keys that the KMS key of an account's state bucket encrypts. Thread-safe.

    Args:
        identities: provides the clients.
    """

    def __init__(self, identities: Identities) -> None:
        self._identities = identities

    def make(self, account: Account, role: Role, context: Mapping[str, str]) -> DataKey:
        """Return a new data key.

        Args:
            account: the account.
            role: the role that asks for it.
            context: KMS decrypts the key only for the same context, and CloudTrail records it.

        Raises:
            SetupError: the account has no key.
            DeniedError, ThrottledError, SetupError, UnitError: KMS does not make one.
        """
        key = key_of(account)

        def make() -> DataKey:
            answer = self._client(account, role).generate_data_key(
                KeyId=key, KeySpec="AES_256", EncryptionContext=dict(context)
            )
            return DataKey(answer["Plaintext"], answer["CiphertextBlob"])

        return self._call(account, "make a data key", make)

    def open(self, account: Account, role: Role, encrypted: bytes, context: Mapping[str, str]) -> bytes:
        """Return the plain bytes of a data key.

        Raises:
            BlockedError: this key did not encrypt it, or not for this context.
            SetupError: the account has no key.
            DeniedError, ThrottledError, SetupError, UnitError: KMS does not decrypt it.
        """
        key = key_of(account)

        def decrypt() -> bytes:
            try:
                answer = self._client(account, role).decrypt(
                    KeyId=key, CiphertextBlob=encrypted, EncryptionContext=dict(context)
                )
            except AwsFailure as error:
                if code_of(error) in _NOT_MADE_BY_KEY:
                    message = f"the KMS key of {account.name} did not encrypt it for this unit and configuration"
                    raise BlockedError(message, hint="plan again") from error
                raise
            return bytes(answer["Plaintext"])

        return self._call(account, "decrypt a data key", decrypt)

    def _call(self, account: Account, doing: str, function: Callable[[], _T]) -> _T:
        try:
            return self._identities.call(account, f"{doing} with the KMS key of {account.name}", function)
        except DeniedError as error:
            error.hint = (
                f"the baseline of {account.name} must allow it: set `stored_plans: true` in its inputs, "
                f"then `orch apply {account.name}/baseline`; the policy of the key must let IAM decide"
            )
            raise

    def _client(self, account: Account, role: Role) -> Any:
        parts = key_of(account).split(":")
        return self._identities.client("kms", account, role, region=parts[3] if len(parts) > 3 else None)


def key_of(account: Account) -> str:
    """Return the KMS key of an account's state bucket.

    Raises:
        SetupError: the account has none.
    """
    if account.state_kms_key is None:
        message = f"account {account.name} has no KMS key, and a plan that leaves it must be encrypted"
        hint = "set `state.kms_key` in live/orch.yaml; or keep plans in the state bucket: `orch plan --store s3`"
        raise SetupError(message, where=account.at, hint=hint)
    return account.state_kms_key
