"""Bytes of protobuf, made by hand: what a test needs of them without any generated code."""

from __future__ import annotations


def varint(number: int) -> bytes:
    """A number of base 128."""
    made = bytearray()
    while number > 0x7F:
        made.append(number & 0x7F | 0x80)
        number >>= 7
    return bytes([*made, number])


def field(number: int, data: bytes) -> bytes:
    """A field that holds bytes, a text or a message."""
    return varint(number << 3 | 2) + varint(len(data)) + data


def entry(number: int, key: str, value: bytes) -> bytes:
    """An entry of a map from text to messages."""
    return field(number, field(1, key.encode()) + field(2, value))
