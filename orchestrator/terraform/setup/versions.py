"""Versions and version constraints in Terraform's notation: ``>=1.11,<2.0``, ``~> 5.0``, ``5.100.0``."""

from __future__ import annotations

import operator
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import total_ordering

_VERSION = re.compile(r"v?(\d+(?:\.\d+){0,2})(?:-([0-9A-Za-z.-]+))?(?:\+[0-9A-Za-z.-]+)?$")
_TERM = re.compile(r"\s*(=|!=|>=|<=|>|<|~>)?\s*(\S+)\s*$")
_COMPARE: Mapping[str, Callable[[Version, Version], bool]] = {
    "=": operator.eq,
    "!=": operator.ne,
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
}


@total_ordering
@dataclass(frozen=True, slots=True)
class Version:
    """A version: three numbers, and a pre-release label such as ``beta1`` or the empty string."""

    numbers: tuple[int, int, int]
    pre: str = ""

    @classmethod
    def parse(cls, text: str) -> Version:
        """Parse ``1.11.4``, ``v1.11`` or ``1.12.0-beta1``.

        Raises:
            ValueError: the text is not a version.
        """
        match = _VERSION.match(text.strip())
        if match is None:
            raise ValueError(f"{text!r} is not a version")
        numbers = [int(part) for part in match[1].split(".")]
        major, minor, patch = [*numbers, 0, 0][:3]
        return cls((major, minor, patch), match[2] or "")

    def __str__(self) -> str:
        """``1.11.4`` or ``1.12.0-beta1``."""
        return ".".join(map(str, self.numbers)) + (f"-{self.pre}" if self.pre else "")

    def __lt__(self, other: Version) -> bool:
        """Return whether it is older; a pre-release is older than its release."""
        mine = (self.numbers, not self.pre, _labels(self.pre))
        return mine < (other.numbers, not other.pre, _labels(other.pre))


def _labels(pre: str) -> tuple[tuple[bool, int, str], ...]:
    """Return the parts of a pre-release label in semantic versioning order: numbers before words."""
    return tuple((not part.isdigit(), int(part) if part.isdigit() else 0, part) for part in pre.split("."))


def satisfies(version: Version, constraint: str) -> bool:
    """Return whether a version meets every term of a constraint; an empty constraint is met by all versions.

    As in Terraform, a pre-release meets only a term that names exactly it.

    Raises:
        ValueError: the constraint is invalid.
    """
    return all(_meets(version, term) for term in constraint.split(",") if term.strip())


def _meets(version: Version, term: str) -> bool:
    match = _TERM.match(term)
    if match is None:
        raise ValueError(f"{term.strip()!r} is not a version constraint")
    sign, text = match[1] or "=", match[2]
    wanted = Version.parse(text)
    if version.pre and not (sign == "=" and version == wanted):
        return False
    if sign != "~>":
        return _COMPARE[sign](version, wanted)
    # ~> 5.1 allows 5.x starting at 5.1; ~> 5.1.2 allows 5.1.x starting at 5.1.2.
    fixed = max(text.split("-")[0].count("."), 1)
    return version >= wanted and version.numbers[:fixed] == wanted.numbers[:fixed]
