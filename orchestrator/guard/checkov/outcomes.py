"""What the checks of `policies/` say about a plan."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase


@dataclass(frozen=True, slots=True)
class Check:
    """One check of a policy.

    Attributes:
        name: what is wrong if it fails.
        guideline: what to do then.
        policy: the folder below ``policies/``.
        types: the resource types that it must answer for, as names or patterns: ``aws_s3_bucket``, ``aws_*``.
    """

    id: str
    name: str
    guideline: str
    policy: str
    types: tuple[str, ...]

    def covers(self, resource_type: str) -> bool:
        """Return whether the check must answer for resources of a type; the same rule as in checkov's registry."""
        return any(
            fnmatchcase(resource_type, each) if _is_pattern(each) else resource_type == each for each in self.types
        )


def _is_pattern(text: str) -> bool:
    return "*" in text or "?" in text or ("[" in text and "]" in text)


@dataclass(frozen=True, slots=True)
class CheckOutcome:
    """The answer of one check for one resource. ``details`` are the check's reasons."""

    check: str
    address: str
    passed: bool
    details: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class CheckOutcomes:
    """The answers of all checks for one plan.

    Attributes:
        given: every answer.
        missing: (check, address) without an answer -> the reason.
    """

    given: tuple[CheckOutcome, ...]
    missing: Mapping[tuple[str, str], str] = field(default_factory=dict)
