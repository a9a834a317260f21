"""Encrypts a plan that leaves AWS: AES-256-GCM with a data key that only the KMS key of its account can open.

A file is a line of JSON with the encrypted data key, then the ciphertext. Unit, configuration and account are bound in
two ways, as KMS's encryption context and as additional data of the cipher. They are those that the reader expects, not
those that the file names: a file of another unit, or a changed one, does not open.
"""

from __future__ import annotations

import base64
import json
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from orchestrator.aws.data_keys import DataKey
from orchestrator.errors import BlockedError

_FORMAT = 1
KIND = "orch-plan"
_NONCE_BYTES = 12


@dataclass(frozen=True, slots=True)
class PlanSubject:
    """What an encrypted plan is bound to. ``account``: the id."""

    unit: str
    digest: str
    account: str

    def context(self) -> dict[str, str]:
        """Return KMS's encryption context. IAM policies compare ``orch``; CloudTrail records all of it."""
        return {"orch": "plan", "unit": self.unit, "digest": self.digest, "account": self.account}


def seal(subject: PlanSubject, plain: bytes, new_key: Callable[[Mapping[str, str]], DataKey]) -> bytes:
    """Return an encrypted file.

    Args:
        subject: what it is bound to.
        plain: its content.
        new_key: returns a new data key for an encryption context.
    """
    key = new_key(subject.context())
    nonce = os.urandom(_NONCE_BYTES)
    header = {
        "format": _FORMAT,
        "kind": KIND,
        "unit": subject.unit,
        "key": base64.b64encode(key.encrypted).decode(),
        "nonce": base64.b64encode(nonce).decode(),
    }
    line = json.dumps(header, sort_keys=True).encode()
    return line + b"\n" + AESGCM(key.plain).encrypt(nonce, plain, _bound(subject, line))


def open_sealed(subject: PlanSubject, data: bytes, open_key: Callable[[bytes, Mapping[str, str]], bytes]) -> bytes:
    """Return the content of an encrypted file.

    Args:
        subject: what it must be bound to.
        data: the file.
        open_key: decrypts a data key for an encryption context.

    Raises:
        BlockedError: it was changed, is not such a file, or is bound to something else.
    """
    line, _, sealed = data.partition(b"\n")
    try:
        header = json.loads(line)
        if header["kind"] != KIND or header["format"] != _FORMAT:
            message = f"the stored plan of {subject.unit} has format {header['format']!r}, not {_FORMAT}"
            raise BlockedError(message, hint="use the version of orch that wrote it, or plan again")
        encrypted = base64.b64decode(header["key"], validate=True)
        nonce = base64.b64decode(header["nonce"], validate=True)
        plain_key = open_key(encrypted, subject.context())
        return AESGCM(plain_key).decrypt(nonce, sealed, _bound(subject, line))
    except (InvalidTag, ValueError, KeyError, TypeError, RecursionError) as error:
        message = f"the stored plan of {subject.unit} was changed after it was stored, or is the plan of something else"
        raise BlockedError(message, hint=f"plan again: orch plan {subject.unit}") from error


def _bound(subject: PlanSubject, line: bytes) -> bytes:
    """Return the additional data of the cipher: what the reader expects, and the first line byte for byte."""
    return json.dumps(subject.context(), sort_keys=True).encode() + b"\n" + line
