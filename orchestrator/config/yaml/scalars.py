"""What a plain word of YAML is. Text is text: whatever some reader of YAML takes for something else must be quoted."""

from __future__ import annotations

import math
import re
from enum import StrEnum

MAX_DIGITS = 40
"""A longer number is text, or a mistake; Python itself refuses to read some thousands of digits."""


class YamlKind(StrEnum):
    """What a value is."""

    MAP = "a map"
    LIST = "a list"
    TEXT = "text"
    NUMBER = "a number"
    BOOL = "true or false"
    NULL = "empty"


class AmbiguousScalarError(ValueError):
    """A plain word that readers of YAML take for different things. ``hint`` says how to write what is meant."""

    def __init__(self, what: str, hint: str) -> None:
        super().__init__(what)
        self.hint = hint


_NULL = re.compile(r"|~|null|Null|NULL")
_INT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(?:0|[1-9][0-9]*)(?:\.[0-9]+(?:[eE][-+]?[0-9]+)?|[eE][-+]?[0-9]+)")
_BOOLISH = re.compile(r"y|Y|n|N|yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF|True|TRUE|False|FALSE")
_DATE = re.compile(r"[0-9]{4}-[0-9]{1,2}-[0-9]{1,2}(?:[Tt ].*)?")
_NUMBERISH = re.compile(
    r"[-+]?0[0-9_]+(?:\.[0-9_]*)?|[-+]?0[xob][0-9a-fA-F_]+|[-+]?[0-9][0-9_]*_[0-9_]*(?:\.[0-9_]*)?|[-+]?\.[0-9]+|"
    r"[-+]?[0-9]+\.|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)|[-+]?[0-9]+(?::[0-5]?[0-9])+(?:\.[0-9]*)?"
)
_DOUBTFUL = (
    (_BOOLISH, "a word that some YAML readers take for true or false", "; else write true or false"),
    (_DATE, "what YAML takes for a date", ""),
    (_NUMBERISH, "what YAML takes for a number, and not for the one that it looks like", "; else write plain digits"),
)


def is_null(raw: str) -> bool:
    """Whether a plain word means that nothing is there."""
    return _NULL.fullmatch(raw) is not None


def scalar(raw: str) -> tuple[YamlKind, str | int | float | bool | None]:
    """A plain word as what it is.

    Raises:
        AmbiguousScalarError: nobody can know.
    """
    if is_null(raw):
        return YamlKind.NULL, None
    if raw in {"true", "false"}:
        return YamlKind.BOOL, raw == "true"
    if not raw[0].isascii() or raw[0].isalpha():
        _refuse_doubtful(raw)
        return YamlKind.TEXT, raw
    if _INT.fullmatch(raw):
        if len(raw) > MAX_DIGITS:
            raise AmbiguousScalarError(f"{raw[:12]}… is a number of {len(raw)} digits", "if it is text, quote it")
        return YamlKind.NUMBER, int(raw)
    if _FLOAT.fullmatch(raw):
        number = float(raw)
        if not math.isfinite(number):
            raise AmbiguousScalarError(f"{raw[:20]} is too large for a number", "if it is text, quote it")
        return YamlKind.NUMBER, number
    _refuse_doubtful(raw)
    return YamlKind.TEXT, raw


def _refuse_doubtful(raw: str) -> None:
    for pattern, what, instead in _DOUBTFUL:
        if pattern.fullmatch(raw):
            raise AmbiguousScalarError(f"{raw} is {what}", f'if it is text, quote it: "{raw}"{instead}')
