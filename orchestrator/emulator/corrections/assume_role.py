"""Correct AssumeRole: moto ignores ``PolicyArns`` and ``Tags``, and allows sessions longer than the role permits.

The session stores its managed policies and its tags, for access checks and for the call log. Transitive tags are not
passed on to the next role.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from moto.iam.models import iam_backends
from moto.sts.exceptions import STSValidationError
from moto.sts.models import sts_backends
from moto.sts.responses import TokenResponse

from orchestrator.emulator.access.callers import PARTITION, managed, role_by_arn

_CHAINED_SECONDS = 3600
_KEY_LENGTH, _VALUE_LENGTH = 128, 256
_TAG = re.compile(r"[\w\s.:/=+@-]*")
"""Similar to STS's own ``[\\p{L}\\p{Z}\\p{N}_.:/=+\\-@]*``."""


def correct_assume_role() -> None:
    """Replace moto's method."""
    original = TokenResponse.assume_role

    def assumed(self: Any) -> Any:
        arn = self._get_param("RoleArn")
        _check_duration(self._get_int_param("DurationSeconds", _CHAINED_SECONDS), arn, self.access_key)
        tags = _tags(self._get_param("Tags") or ())
        result = original(self)
        account = arn.split(":")[4]
        session = sts_backends[account][PARTITION].assumed_roles[-1]
        session.policy_documents = tuple(
            managed(iam_backends[account][PARTITION], each["arn"]) for each in self._get_param("PolicyArns") or ()
        )
        session.session_tags = tags
        return result

    TokenResponse.assume_role = assumed


def _tags(given: Iterable[Mapping[str, str]]) -> dict[str, str]:
    """Return session tags within the limits of STS: letters, spaces, digits and few signs, values of at most 256."""
    tags: dict[str, str] = {}
    for each in given:
        names = {name.lower(): value for name, value in each.items()}
        key, value = names.get("key", ""), names.get("value", "")
        if not key or len(key) > _KEY_LENGTH or len(value) > _VALUE_LENGTH or not _TAG.fullmatch(key + value):
            raise STSValidationError(
                f"1 validation error detected: the session tag {key!r} has an invalid key or value"
            )
        if key in tags:
            raise STSValidationError("Duplicate tag keys found. Please note that Tag keys are case insensitive.")
        tags[key] = value
    return tags


def _check_duration(seconds: int, arn: str, access_key: str) -> None:
    role = role_by_arn(arn)
    longest = int(getattr(role, "max_session_duration", None) or _CHAINED_SECONDS)
    if access_key.startswith("ASIA") and seconds > _CHAINED_SECONDS:
        raise STSValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    if seconds > longest:
        raise STSValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
