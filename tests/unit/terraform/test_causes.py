"""The table of causes: each pattern is valid, and only what passes on its own is tried again."""

from __future__ import annotations

import re

import pytest

from orchestrator.terraform.causes import CAUSES, passing_pattern


def test_every_pattern_is_valid_and_matches_no_empty_error() -> None:
    for cause in CAUSES:
        for pattern in cause.patterns:
            assert re.search(pattern, "") is None


@pytest.mark.parametrize(
    ("block", "passes"),
    [
        ("Error: operation error SQS: CreateQueue, StatusCode: 400, ThrottlingException: Rate exceeded", True),
        ("Error: operation error S3: PutObject, StatusCode: 503, api error SlowDown", True),
        ('Error: Get "https://registry.terraform.io/": read: connection reset by peer', True),
        ("Error: could not download module: net/http: TLS handshake timeout", True),
        ("Error: operation error S3: GetObject, StatusCode: 403, api error ExpiredToken: connection reset", False),
        ("Error: operation error SSM: GetParameter, StatusCode: 500, InternalServerError", False),
        ("Error: dial tcp 127.0.0.1:1: connect: connection refused", False),
        ("Error: write errored.tfstate: no space left on device", False),
        ("Error: Invalid for_each argument", False),
        ("", False),
    ],
)
def test_what_passes_on_its_own(block: str, passes: bool) -> None:
    assert bool(passing_pattern(block)) is passes


def test_a_pattern_of_the_configuration_counts_too_whatever_the_case() -> None:
    assert passing_pattern("Error: Handshake Failed", ("other", "handshake failed")) == "handshake failed"
    assert not passing_pattern("Error: something else", ("handshake failed",))
