"""Corrects STS's AssumeRole: moto knows no ``PolicyArns`` and lets a session last longer than its role allows.

The managed policies that a session is narrowed by are kept with it, for the gate to judge.
"""

from __future__ import annotations

from typing import Any

from moto.iam.models import iam_backends
from moto.sts.exceptions import STSValidationError
from moto.sts.models import sts_backends
from moto.sts.responses import TokenResponse

from orchestrator.emulator.access.callers import PARTITION, managed, role_by_arn

_CHAINED_SECONDS = 3600


def correct() -> None:
    """Put the corrected method in moto's place."""
    original = TokenResponse.assume_role

    def assumed(self: Any) -> Any:
        arn = self._get_param("RoleArn")
        _check_duration(self._get_int_param("DurationSeconds", _CHAINED_SECONDS), arn, self.access_key)
        result = original(self)
        account = arn.split(":")[4]
        session = sts_backends[account][PARTITION].assumed_roles[-1]
        session.policy_documents = tuple(
            managed(iam_backends[account][PARTITION], each["arn"]) for each in self._get_param("PolicyArns") or ()
        )
        return result

    TokenResponse.assume_role = assumed


def _check_duration(seconds: int, arn: str, access_key: str) -> None:
    role = role_by_arn(arn)
    longest = int(getattr(role, "max_session_duration", None) or _CHAINED_SECONDS)
    if access_key.startswith("ASIA") and seconds > _CHAINED_SECONDS:
        raise STSValidationError(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining"
        )
    if seconds > longest:
        raise STSValidationError("The requested DurationSeconds exceeds the MaxSessionDuration set for this role.")
