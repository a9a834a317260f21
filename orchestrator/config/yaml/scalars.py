"""Decides what an unquoted YAML scalar is, and refuses those that YAML parsers read differently."""

from __future__ import annotations

import math
import re

from orchestrator.config.yaml.value import YamlKind

MAX_DIGITS = 40
"""A longer number is text or a mistake. Python refuses to parse a number of some thousands of digits."""


class AmbiguousScalarError(ValueError):
    """YAML parsers read this unquoted scalar differently. ``hint`` is how to write it."""

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
_AMBIGUOUS = (
    (_BOOLISH, "some YAML parsers read it as a boolean", "; otherwise write true or false"),
    (_DATE, "some YAML parsers read it as a date", ""),
    (_NUMBERISH, "YAML parsers read it as different numbers", "; otherwise write plain digits"),
)


def is_null(raw: str) -> bool:
    """Return whether an unquoted scalar is null."""
    return _NULL.fullmatch(raw) is not None


def scalar(raw: str, *, plain_dates: bool = False) -> tuple[YamlKind, str | int | float | bool | None]:
    """Return the kind and value of an unquoted scalar.

    Args:
        raw: the scalar as written.
        plain_dates: read a date as text.

    Raises:
        AmbiguousScalarError: YAML parsers read it differently.
    """
    if is_null(raw):
        return YamlKind.NULL, None
    if raw in {"true", "false"}:
        return YamlKind.BOOL, raw == "true"
    if plain_dates and _DATE.fullmatch(raw):
        return YamlKind.TEXT, raw
    return _number(raw) or _text(raw)


def _text(raw: str) -> tuple[YamlKind, str]:
    for pattern, what, instead in _AMBIGUOUS:
        if pattern.fullmatch(raw):
            raise AmbiguousScalarError(f"{raw} is ambiguous: {what}", f'if it is text, quote it: "{raw}"{instead}')
    return YamlKind.TEXT, raw


def _number(raw: str) -> tuple[YamlKind, int | float] | None:
    if not raw[0].isascii() or raw[0].isalpha():
        return None
    if _INT.fullmatch(raw):
        if len(raw) > MAX_DIGITS:
            raise AmbiguousScalarError(f"{raw[:12]}… is a number with {len(raw)} digits", "if it is text, quote it")
        return YamlKind.NUMBER, int(raw)
    if _FLOAT.fullmatch(raw):
        number = float(raw)
        if not math.isfinite(number):
            raise AmbiguousScalarError(f"{raw[:20]} is too large for a number", "if it is text, quote it")
        return YamlKind.NUMBER, number
    return None
