"""A provider's schema as bytes: cut to the types that a unit uses, and cached on disk.

The schema of the AWS provider 5.100.0 is 4.9 MB, and Terraform decodes it for each provider instance. The messages are
those of tfplugin5.proto and tfplugin6.proto: in ``GetProviderSchema.Response`` the fields 2, 3 and 8 are maps from the
type name to the schema of a resource, a data source and an ephemeral resource. All other fields stay as they are.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.util.files import write_atomic

_BY_TYPE = frozenset({2, 3, 8})
_LENGTH_DELIMITED = 2
_KEY_TAG = 1 << 3 | _LENGTH_DELIMITED
_LONGEST_NUMBER = 10
"""Bytes: protobuf's numbers have 64 bits."""
_DIGEST = hashlib.sha256().digest_size


@dataclass(frozen=True, slots=True)
class ProviderSchema:
    """The answer of a provider to ``GetProviderSchema``.

    Attributes:
        protocol: version of the provider protocol.
        data: the message.
        types: every type that it describes.
        fields: where each field of the message starts and ends, and the type that it describes; None for a field that
            is not a type's.
    """

    protocol: int
    data: bytes
    types: frozenset[str]
    fields: tuple[tuple[int, int, str | None], ...] = field(repr=False)

    @classmethod
    def of(cls, protocol: int, data: bytes) -> ProviderSchema:
        """Return the schema in a message.

        Raises:
            ValueError: the message is not a schema.
        """
        fields = tuple(_entries(data))
        return cls(protocol, data, frozenset(name for _, _, name in fields if name is not None), fields)

    def cut(self, types: Collection[str]) -> bytes:
        """Return the message without the types that are not listed."""
        return b"".join(self.data[start:end] for start, end, name in self.fields if name is None or name in types)


def read_schema(file: Path) -> ProviderSchema | None:
    """Return a cached schema; None if it is missing or damaged."""
    try:
        content = file.read_bytes()
    except OSError:
        return None
    digest, body = content[:_DIGEST], content[_DIGEST:]
    if hashlib.sha256(body).digest() != digest or not body:
        return None
    try:
        return ProviderSchema.of(body[0], body[1:])
    except ValueError:
        return None


def write_schema(file: Path, schema: ProviderSchema) -> None:
    """Write a schema to the cache.

    Raises:
        OSError: the file cannot be written.
    """
    body = bytes([schema.protocol]) + schema.data
    write_atomic(file, hashlib.sha256(body).digest() + body)


def message_fields(data: bytes) -> Iterator[tuple[int, bytes]]:
    """Yield number and content of each field of a message whose fields are messages, strings or bytes.

    Raises:
        ValueError: the bytes are not such a message.
    """
    for number, _, position, end in _fields(data):
        yield number, data[position:end]


def _entries(data: bytes) -> Iterator[tuple[int, int, str | None]]:
    """Yield start and end of each field, and the type that it describes; None for a field that is not a type's.

    Raises:
        ValueError: the bytes are not such a message.
    """
    for number, start, position, end in _fields(data):
        yield start, end, _key(data, position, end) if number in _BY_TYPE else None


def _fields(data: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Yield the number of each field, where it starts, and where its content starts and ends."""
    position = 0
    while position < len(data):
        start = position
        tag, position = _varint(data, position)
        if tag & 7 != _LENGTH_DELIMITED:
            message = f"field {tag >> 3} of a message has no length"
            raise ValueError(message)
        length, position = _varint(data, position)
        end = position + length
        if end > len(data):
            message = "the message is cut off"
            raise ValueError(message)
        yield tag >> 3, start, position, end
        position = end


def _key(data: bytes, position: int, end: int) -> str:
    """Return the key of a map entry, which protobuf writes as a message of key (field 1) and value (field 2)."""
    tag, position = _varint(data, position)
    length, position = _varint(data, position)
    if tag != _KEY_TAG or position + length > end:
        message = "an entry of the schema does not begin with its name"
        raise ValueError(message)
    return data[position : position + length].decode()


def _varint(data: bytes, position: int) -> tuple[int, int]:
    """Return a number of base 128, and the position after it."""
    value = 0
    for shift in range(0, 7 * _LONGEST_NUMBER, 7):
        if position >= len(data):
            message = "the message is cut off"
            raise ValueError(message)
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, position
    message = "a number in the message does not end"
    raise ValueError(message)
