"""Reads large JSON piece by piece, strictly, without holding all of it in memory.

A plan's JSON can be hundreds of megabytes, most of it about unchanged resources. A reader walks down to the lists that
it needs and takes their entries one at a time; Python's own decoder reads each entry. Unlike ``json.loads``, it refuses
text that is not UTF-8, duplicate keys, ``NaN`` and ``Infinity``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any, NoReturn, TextIO

CHUNK = 1 << 20
"""Number of characters to read at a time."""

LARGEST = 64 << 20
"""Maximum number of characters of a value that is taken whole; decoded, it is several times as large."""

_DEEP = 8
"""Depth to which a skipped value is walked; deeper parts are decoded whole and dropped."""

_SPACE = re.compile(r"[ \t\n\r]*")
_OF_NUMBERS = frozenset("0123456789.eE+-")
_CLOSING = {"{": "}", "[": "]"}


class BrokenJsonError(ValueError):
    """The text is not valid JSON, is cut off, or has something that Terraform never writes; the message says where."""


class TooLargeError(BrokenJsonError):
    """One value is too large to hold in memory."""


class JsonStream:
    """A cursor over one JSON text, positioned before a value.

    Each value is taken by exactly one of `value`, `members`, `items` and `skip`. Inside `members` and `items`, values
    that the caller does not take are skipped. Exhaust an iterator before using the cursor otherwise.

    Args:
        file: the text, opened as UTF-8.
        largest: maximum number of characters of a value taken by `value`.
    """

    def __init__(self, file: TextIO, *, largest: int = LARGEST) -> None:
        self._file = file
        self._largest = largest
        self._text = ""
        self._at = 0
        self._gone = 0
        self._ended = False
        self._waiting = True
        self._decoder = json.JSONDecoder(object_pairs_hook=_pairs, parse_constant=_constant)

    def kind(self) -> str:
        """Return the first character of the next value: ``{`` for an object, ``[`` for a list.

        Raises:
            BrokenJsonError: the text ends here, or is not UTF-8.
        """
        return self._next()

    def value(self) -> Any:
        """Take the whole next value.

        Raises:
            BrokenJsonError: it is not JSON; TooLargeError: it is too large.
        """
        self._waiting = False
        self._next()
        while True:
            try:
                value, end = self._decoder.raw_decode(self._text, self._at)
            except json.JSONDecodeError as error:
                if self._ended:
                    cut_off = error.pos >= len(self._text)
                    raise self._broken("it is cut off" if cut_off else error.msg, error.pos) from error
            except BrokenJsonError:
                raise
            except RecursionError as error:
                raise self._broken("nested too deeply") from error
            except ValueError as error:  # Python reads no number of more than 4,300 digits
                raise self._broken("a number is too long") from error
            else:
                if self._ended or not self._goes_on(end):
                    self._at = end
                    return value
            if len(self._text) - self._at > self._largest:
                message = f"one value has more than {self._largest >> 20} MB"
                raise TooLargeError(message)
            self._read(max(CHUNK, len(self._text) - self._at))

    def _goes_on(self, end: int) -> bool:
        """Return whether a value that ends here may be the start of a longer one: 12 of 12.5."""
        return self._text[end - 1].isdigit() and (end == len(self._text) or self._text[end] in _OF_NUMBERS)

    def members(self) -> Iterator[str]:
        """Yield the keys of the next object; after each key the cursor is before its value.

        Raises:
            BrokenJsonError: the next value is not an object, or has a duplicate key.
        """
        seen: set[str] = set()
        for _ in self._parts("{"):
            if self._next() != '"':
                raise self._broken("a key is missing")
            key = str(self.value())
            if key in seen:
                raise self._broken("an object has a duplicate key")
            seen.add(key)
            self._take(":")
            self._waiting = True
            yield key
            if self._waiting:
                self.skip()

    def items(self) -> Iterator[int]:
        """Yield the indexes of the next list; after each index the cursor is before the entry.

        Raises:
            BrokenJsonError: the next value is not a list.
        """
        for number, _ in enumerate(self._parts("[")):
            self._waiting = True
            yield number
            if self._waiting:
                self.skip()

    def skip(self, _deep: int = 0) -> None:
        """Skip the next value; it must be valid JSON.

        Raises:
            BrokenJsonError: it is not JSON; TooLargeError: a part of it is too large.
        """
        kind = self._next()
        # What has been read already is in memory, and the decoder is many times faster than a walk.
        if self._ended or kind not in _CLOSING or _deep >= _DEEP:
            self.value()
            return
        for _ in self.members() if kind == "{" else self.items():
            self.skip(_deep + 1)

    def end(self) -> None:
        """Check that nothing follows.

        Raises:
            BrokenJsonError: something does.
        """
        if self._look():
            raise self._broken("unexpected text after the end")

    def _parts(self, opening: str) -> Iterator[None]:
        """Yield once for each part of an object or a list, up to its closing bracket."""
        self._waiting = False
        self._take(opening)
        closing = _CLOSING[opening]
        if self._next() == closing:
            self._at += 1
            return
        while True:
            yield
            if self._next() == closing:
                self._at += 1
                return
            self._take(",")

    def _take(self, character: str) -> None:
        if self._next() != character:
            raise self._broken(f"{character!r} is missing")
        self._at += 1

    def _next(self) -> str:
        """Return the next character that is not white space."""
        return self._look() or self._fail("it is cut off")

    def _look(self) -> str:
        """Return the next character that is not white space; empty at the end of the text."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._read(CHUNK)

    def _read(self, characters: int) -> None:
        """Drop what was taken, and read more."""
        try:
            more = self._file.read(characters)
            short = len(more) < characters
            rest = self._file.read(characters) if short else ""
        except UnicodeDecodeError as error:
            raise self._broken("not UTF-8 text") from error
        self._ended = short and not rest
        self._gone += self._at
        self._text = self._text[self._at :] + more + rest
        self._at = 0

    def _fail(self, what: str) -> NoReturn:
        raise self._broken(what)

    def _broken(self, what: str, at: int | None = None) -> BrokenJsonError:
        return BrokenJsonError(f"{what} (character {self._gone + (self._at if at is None else at) + 1})")


def sharing(value: Any, other: Any) -> Any:
    """Return the same value, with parts that equal another value's taken from there, so that memory holds them once.

    Args:
        value: decoded JSON: the object after a change.
        other: decoded JSON: the object before it.
    """
    if type(value) is not type(other):
        return value
    if isinstance(value, dict):
        shared = {key: sharing(each, other.get(key)) for key, each in value.items()}
        same = shared.keys() == other.keys() and all(shared[key] is other[key] for key in shared)
        return other if same else shared
    if isinstance(value, list):
        pairs = zip(value, [*other[: len(value)], *[None] * (len(value) - len(other))], strict=True)
        items = [sharing(each, its) for each, its in pairs]
        same = len(items) == len(other) and all(a is b for a, b in zip(items, other, strict=True))
        return other if same else items
    return other if value == other else value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Return an object; its keys are interned, because every entry has the same few."""
    result = {sys.intern(key): value for key, value in pairs}
    if len(result) != len(pairs):
        message = "an object has a duplicate key"
        raise BrokenJsonError(message)
    return result


def _constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise BrokenJsonError(message)
