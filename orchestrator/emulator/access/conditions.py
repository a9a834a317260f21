"""Policy conditions: every IAM operator except ``BinaryEquals``. Pure functions."""

from __future__ import annotations

import fnmatch
import ipaddress
import re
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

ConditionContext = Mapping[str, Sequence[str]]
"""Condition keys in lower case with their values; keys that do not apply to a request are missing."""

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
_LITERALS = {"*": "*", "?": "?", "$": "$"}


def conditions_hold(condition: Mapping[str, Mapping[str, Any]], context: ConditionContext) -> bool:
    """Whether all operators and keys of a ``Condition`` match.

    Args:
        condition: operator -> key -> value or values.
        context: condition keys of the request.

    Raises:
        ValueError: an operator that IAM does not have, or an invalid value.
    """
    return all(
        _one(operator, context.get(key.lower()), _texts(wanted), context)
        for operator, keys in condition.items()
        for key, wanted in keys.items()
    )


def substitute(text: str, context: ConditionContext) -> str:
    """Replace policy variables such as ``${aws:username}``.

    A variable without a value becomes a character that occurs in no name, so that nothing matches it.
    """
    if "${" not in text:
        return text

    def value(match: re.Match[str]) -> str:
        name, _, default = match[1].partition(",")
        if name in _LITERALS:
            return _LITERALS[name]
        given = context.get(name.strip().lower())
        if given:
            return given[0]
        return default.strip().strip("'") if default else "\0"

    return _VARIABLE.sub(value, text)


def _one(operator: str, have: Sequence[str] | None, wanted: Sequence[str], context: ConditionContext) -> bool:
    quantifier, _, name = operator.rpartition(":")
    optional = name.endswith("IfExists")
    name = name.removesuffix("IfExists")
    if name == "Null":
        return (not have) == (wanted[0].lower() == "true")
    negated = "Not" in name
    test = _TESTS.get(name.replace("Not", "", 1))
    if test is None:
        raise ValueError(f"unknown condition operator {operator}")
    if not have:
        return optional or negated or quantifier == "ForAllValues"
    texts = [substitute(each, context) for each in wanted]

    def fits(value: str) -> bool:
        return any(test(value, each) for each in texts) is not negated

    if quantifier == "ForAllValues":
        return all(fits(value) for value in have)
    # Without a quantifier, one of several values must match, as with ForAnyValue; a negation must hold for all.
    return all(fits(value) for value in have) if negated and not quantifier else any(fits(value) for value in have)


def _texts(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [str(each).lower() if isinstance(each, bool) else str(each) for each in values]


def _like(value: str, pattern: str) -> bool:
    # Only * and ? are special in IAM; a bracket is an ordinary character.
    return fnmatch.fnmatchcase(value, pattern.replace("[", "[[]"))


def _arn_like(value: str, pattern: str) -> bool:
    have, want = value.split(":", 5), pattern.split(":", 5)
    return len(have) == len(want) and all(map(_like, have, want))


def _number(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda value, wanted: compare(float(value), float(wanted))


def _date(compare: Callable[[float, float], bool]) -> Callable[[str, str], bool]:
    return lambda value, wanted: compare(_seconds(value), _seconds(wanted))


def _seconds(text: str) -> float:
    if re.fullmatch(r"\d+(\.\d+)?", text) and len(text) > len("2026"):
        return float(text)
    moment = datetime.fromisoformat(text if len(text) > len("2026") else f"{text}-01-01")
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).timestamp()


def _address(value: str, wanted: str) -> bool:
    return ipaddress.ip_address(value) in ipaddress.ip_network(wanted, strict=False)


def _family(
    prefix: str, make: Callable[[Callable[[float, float], bool]], Callable[[str, str], bool]]
) -> dict[str, Callable[[str, str], bool]]:
    return {
        f"{prefix}Equals": make(lambda a, b: a == b),
        f"{prefix}LessThan": make(lambda a, b: a < b),
        f"{prefix}LessThanEquals": make(lambda a, b: a <= b),
        f"{prefix}GreaterThan": make(lambda a, b: a > b),
        f"{prefix}GreaterThanEquals": make(lambda a, b: a >= b),
    }


_TESTS: Mapping[str, Callable[[str, str], bool]] = {
    "StringEquals": lambda a, b: a == b,
    "StringEqualsIgnoreCase": lambda a, b: a.lower() == b.lower(),
    "StringLike": _like,
    "ArnEquals": _arn_like,  # the same as ArnLike, according to IAM's documentation
    "ArnLike": _arn_like,
    "Bool": lambda a, b: a.lower() == b.lower(),
    "IpAddress": _address,
    **_family("Numeric", _number),
    **_family("Date", _date),
}
