"""Large JSON, read piece by piece: never the whole of it in memory, and strictly.

A plan's JSON can have hundreds of megabytes, most of it about what stays as it is. So a reader walks down to the lists
that it needs and takes their entries one at a time; Python's own decoder reads each entry. It is stricter than
``json.loads``: the file is UTF-8, no object has a key twice, and there are no ``NaN`` and ``Infinity``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from typing import Any, NoReturn, TextIO

CHUNK = 1 << 20
"""Characters that are read at a time."""

LARGEST = 64 << 20
"""Characters that one value may have which is taken whole: decoded it is several times as large."""

_DEEP = 8
"""How far down what is left out is walked through; from there on it is taken whole and dropped."""

_SPACE = re.compile(r"[ \t\n\r]*")
_OF_NUMBERS = frozenset("0123456789.eE+-")
_CLOSING = {"{": "}", "[": "]"}


class BrokenJsonError(ValueError):
    """It is not JSON, is cut off, or has what JSON of Terraform's never has. The text says what, and where."""


class TooLargeError(BrokenJsonError):
    """One value is larger than what is taken into memory."""


class JsonStream:
    """A cursor over one JSON text, standing before a value.

    Each value is taken by exactly one of `value`, `members`, `items` and `skip`; inside of `members` and `items` what
    the caller does not take is left out. An iterator must be used up before the cursor is used otherwise.

    Args:
        file: the text, opened as UTF-8.
        largest: characters that a value taken by `value` may have.
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
        """The first character of the next value: ``{`` for an object, ``[`` for a list.

        Raises:
            BrokenJsonError: the text ends here, or is not UTF-8.
        """
        return self._next()

    def value(self) -> Any:
        """Take the next value whole.

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
                    raise self._broken(error.msg, error.pos) from error
            except BrokenJsonError:
                raise
            except RecursionError as error:
                raise self._broken("it is nested too deeply") from error
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
        """Whether a value that was read up to here may be the beginning of a longer one: 12 of 12.5."""
        return self._text[end - 1].isdigit() and (end == len(self._text) or self._text[end] in _OF_NUMBERS)

    def members(self) -> Iterator[str]:
        """The keys of the object that comes next; before each value the cursor stands still.

        Raises:
            BrokenJsonError: it is no object, or has a key twice.
        """
        seen: set[str] = set()
        for _ in self._parts("{"):
            if self._next() != '"':
                raise self._broken("a key is missing")
            key = str(self.value())
            if key in seen:
                raise self._broken("an object has a key twice")
            seen.add(key)
            self._take(":")
            self._waiting = True
            yield key
            if self._waiting:
                self.skip()

    def items(self) -> Iterator[int]:
        """The numbers of the entries of the list that comes next; before each entry the cursor stands still.

        Raises:
            BrokenJsonError: it is no list.
        """
        for number, _ in enumerate(self._parts("[")):
            self._waiting = True
            yield number
            if self._waiting:
                self.skip()

    def skip(self, _deep: int = 0) -> None:
        """Leave the next value out; it must still be JSON.

        Raises:
            BrokenJsonError: it is not JSON; TooLargeError: a part of it is too large.
        """
        kind = self._next()
        if kind not in _CLOSING or _deep >= _DEEP:
            self.value()
            return
        for _ in self.members() if kind == "{" else self.items():
            self.skip(_deep + 1)

    def end(self) -> None:
        """Make sure that nothing comes any more.

        Raises:
            BrokenJsonError: something does.
        """
        if self._look():
            raise self._broken("there is more after its end")

    def _parts(self, opening: str) -> Iterator[None]:
        """Once for each part of an object or a list, which ends with its closing bracket."""
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
        """The next character that is no space."""
        return self._look() or self._fail("it is cut off")

    def _look(self) -> str:
        """The same; empty at the end of the text."""
        while True:
            space = _SPACE.match(self._text, self._at)
            self._at = space.end() if space else self._at
            if self._at < len(self._text):
                return self._text[self._at]
            if self._ended:
                return ""
            self._read(CHUNK)

    def _read(self, characters: int) -> None:
        """Drop what was taken, and read on."""
        try:
            more = self._file.read(characters)
        except UnicodeDecodeError as error:
            raise self._broken("it is not text in UTF-8") from error
        self._ended = not more
        self._gone += self._at
        self._text = self._text[self._at :] + more
        self._at = 0

    def _fail(self, what: str) -> NoReturn:
        raise self._broken(what)

    def _broken(self, what: str, at: int | None = None) -> BrokenJsonError:
        return BrokenJsonError(f"{what} (character {self._gone + (self._at if at is None else at) + 1})")


def sharing(value: Any, other: Any) -> Any:
    """The same value, with what is equal in another one taken from there, so that memory has it once.

    Args:
        value: decoded JSON: the object after a change.
        other: decoded JSON: the object before it.
    """
    if type(value) is not type(other):
        return value
    if isinstance(value, dict):
        shared = {key: sharing(each, other.get(key)) for key, each in value.items()}
        return other if len(shared) == len(other) and all(shared[k] is other.get(k) for k in shared) else shared
    if isinstance(value, list):
        pairs = zip(value, [*other[: len(value)], *[None] * (len(value) - len(other))], strict=True)
        items = [sharing(each, its) for each, its in pairs]
        same = len(items) == len(other) and all(a is b for a, b in zip(items, other, strict=True))
        return other if same else items
    return other if value == other else value


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object; its keys are the same few in every entry, so each is kept once."""
    result = {sys.intern(key): value for key, value in pairs}
    if len(result) != len(pairs):
        message = "an object has a key twice"
        raise BrokenJsonError(message)
    return result


def _constant(name: str) -> NoReturn:
    message = f"{name} is not JSON"
    raise BrokenJsonError(message)
