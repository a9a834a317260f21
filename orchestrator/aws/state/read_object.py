"""Reads one object of a state bucket, which need not be there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.aws.causes import AwsFailure, Cause, cause_of
from orchestrator.config.catalogue import Account


@dataclass(frozen=True, slots=True)
class ReadObject:
    """An object. ``data``: its content; ``answer``: what else S3 says of it, such as ``ETag`` and ``VersionId``."""

    data: bytes
    answer: Mapping[str, Any]


def read_object(client: Any, account: Account, key: str) -> ReadObject | None:
    """Return an object of an account's state bucket; None if there is none.

    Args:
        client: a client of S3.
        account: the account.
        key: the object's key.

    Raises:
        ClientError, BotoCoreError: it cannot be read.
    """
    try:
        answer = client.get_object(Bucket=account.state_bucket, Key=key, ExpectedBucketOwner=account.id)
    except AwsFailure as error:
        if cause_of(error) is Cause.NO_OBJECT:
            return None
        raise
    with answer["Body"] as body:
        return ReadObject(bytes(body.read()), answer)
