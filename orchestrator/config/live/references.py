"""Parses references such as ``${{ stage }}`` and ``${{ edge@us-east-1.certs["a"][0] }}``. There are no functions."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

# No braces inside, so that a search through hostile text does not start over at every `${{`.
_REFERENCE = re.compile(r"\$\{\{(?P<inside>[^{}]*)\}\}")
_BUILT_IN = re.compile(r"[a-z_]+")
_TARGET = re.compile(
    r"(?P<stack>[a-z][a-z0-9-]*)(?:@(?P<region>[a-z0-9-]+))?\.(?P<output>[A-Za-z_][A-Za-z0-9_-]*)(?P<path>.*)",
    re.DOTALL,
)
_STEP = re.compile(
    r"""\.(?P<key>[A-Za-z_][A-Za-z0-9_-]*)|\[(?P<index>[0-9]{1,9})\]|\[(?P<quote>["'])(?P<text>[^"'\\]*)(?P=quote)\]"""
)
_LOOKALIKE = re.compile(r"(?<!\$)\$\{\s*(?P<stack>[a-z][a-z0-9-]*)(?:@[a-z0-9-]+)?\.(?P<rest>[A-Za-z_][^}{]*)\}")
_SPACED = re.compile(r"(?<!\$)\$\{(?=\s|[a-z_]+\s)\s*(?P<name>[a-z_]+)\s*\}")
"""A word with blanks in the braces, which shells, IAM and CloudFormation do not write."""
_NO_WORD = "is not a reference: write STACK.OUTPUT or a built-in such as stage; functions are not supported"
_NO_TARGET = "is not a reference: write STACK.OUTPUT or STACK@REGION.OUTPUT, followed by .key or [0]"
_SHOWN = 60
"""Characters of an invalid reference that a message shows."""


class ReferenceTextError(ValueError):
    """The text between ``${{`` and ``}}`` is not a reference."""


@dataclass(frozen=True, slots=True)
class BuiltIn:
    """A built-in reference such as ``${{ stage }}``."""

    name: str


@dataclass(frozen=True, slots=True)
class OutputReference:
    """A reference ``${{ STACK[@REGION].OUTPUT[.path] }}``, as written."""

    stack: str
    region: str | None
    output: str
    path: tuple[str | int, ...]


Part = str | BuiltIn | OutputReference


def split(text: str) -> tuple[Part, ...]:
    """Split a text into literal parts and references. A text without references is one literal part.

    Raises:
        ReferenceTextError: a reference is not closed or not valid.
    """
    parts: list[Part] = []
    end = 0
    for match in _REFERENCE.finditer(text):
        if match.start() > end:
            parts.append(_literal(text[end : match.start()]))
        parts.append(_parse(match["inside"].strip()))
        end = match.end()
    if end < len(text) or not parts:
        parts.append(_literal(text[end:]))
    return tuple(parts)


def _literal(text: str) -> str:
    if "${{" in text:
        rest = text[text.index("${{") :]
        wrong = "contains { or }, which is not allowed" if "}}" in rest else "is not closed with }}"
        message = f"{_shown(rest)} {wrong}"
        raise ReferenceTextError(message)
    return text


def lookalikes(text: str) -> Iterator[tuple[str, str, str]]:
    """Yield every ``${stack.output}`` in a text: the stack, the whole, and the reference that was probably meant."""
    for match in _LOOKALIKE.finditer(text):
        yield match["stack"], match[0], f"${{{{ {match[0][2:-1].strip()} }}}}"


def spaced_words(text: str) -> Iterator[tuple[str, str]]:
    """Yield every ``${ word }`` with blanks in a text: the word, and the whole."""
    for match in _SPACED.finditer(text):
        yield match["name"], match[0]


def _shown(text: str) -> str:
    return repr(text if len(text) <= _SHOWN else f"{text[:_SHOWN]}…")


def _parse(inside: str) -> BuiltIn | OutputReference:
    if "." not in inside and "[" not in inside:
        if not _BUILT_IN.fullmatch(inside):
            raise ReferenceTextError(f"{_shown(inside)} {_NO_WORD}" if inside else "the reference is empty")
        return BuiltIn(inside)
    match = _TARGET.fullmatch(inside)
    if match is None:
        raise ReferenceTextError(f"{_shown(inside)} {_NO_TARGET}")
    return OutputReference(match["stack"], match["region"], match["output"], tuple(_steps(match["path"], inside)))


def _steps(text: str, inside: str) -> Iterator[str | int]:
    position = 0
    while position < len(text):
        match = _STEP.match(text, position)
        if match is None:
            wrong = f"{_shown(text[position:])} in {_shown(inside)}"
            message = f'{wrong} is not a valid path: write .key, ["key"] or [0]; functions are not supported'
            raise ReferenceTextError(message)
        yield int(match["index"]) if match["index"] is not None else match["key"] or match["text"] or ""
        position = match.end()
