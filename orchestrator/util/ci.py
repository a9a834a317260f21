"""Tells from the environment whether orch runs in CI, where it judges changes of people whom nobody approved yet."""

from __future__ import annotations

from collections.abc import Mapping

_SYSTEMS = (
    "GITHUB_ACTIONS",
    "GITLAB_CI",
    "CODEBUILD_BUILD_ID",
    "TF_BUILD",
    "JENKINS_URL",
    "BUILDKITE",
    "CIRCLECI",
    "BITBUCKET_BUILD_NUMBER",
    "TEAMCITY_VERSION",
)
"""Variables that CI systems set, including those that do not set ``CI``."""


def is_ci(env: Mapping[str, str]) -> bool:
    """Return whether this runs in CI, according to the variables that CI systems set."""
    return env.get("CI", "").lower() in {"1", "true", "yes"} or any(env.get(name) for name in _SYSTEMS)


def is_protected(env: Mapping[str, str]) -> bool:
    """Return whether what decides about a run comes from the protected commit: in CI, or if ``ORCH_BASE`` is set."""
    return is_ci(env) or bool(env.get("ORCH_BASE"))
