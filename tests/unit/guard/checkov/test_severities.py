"""The ratings of checkov's own checks."""

from __future__ import annotations

import pytest

from orchestrator.guard.checkov import severities
from orchestrator.guard.checkov.severities import SEVERITIES, severity_of, wanted


def test_no_check_has_two_ratings() -> None:
    critical, high, low = severities._CRITICAL, severities._HIGH, severities._LOW
    assert not critical & high
    assert not critical & low
    assert not high & low


@pytest.mark.parametrize(
    ("check", "severity"),
    [
        ("CKV_AWS_53", "CRITICAL"),
        ("CKV_AWS_16", "HIGH"),
        ("CKV_AWS_21", "MEDIUM"),
        ("CKV_AWS_158", "LOW"),
        ("CKV2_AWS_6", "HIGH"),
        ("CKV_GCP_53", "MEDIUM"),
        ("CKV_AWS_9999", "MEDIUM"),
    ],
)
def test_a_check_is_selected_by_its_id_and_by_severities_up_to_its_own(check: str, severity: str) -> None:
    assert severity_of(check) == severity
    assert wanted(check, ("CKV_AWS_1", check))
    assert not wanted(check, ("CKV_AWS_1",))
    for each in SEVERITIES:
        assert wanted(check, (each,)) == (SEVERITIES.index(each) <= SEVERITIES.index(severity))
