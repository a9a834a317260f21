"""Tells from the environment whether orch runs in CI, where it judges changes of people whom nobody approved yet.

And which run of the CI it is: GitHub and GitLab say it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

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


@dataclass(frozen=True, slots=True)
class CiRun:
    """One run of a CI.

    Attributes:
        run: its number and attempt, ``1187.1``: a later run has a larger one.
        head: the commit.
        source_url: address of the repository's files at that commit, without a slash at its end.
        report_url: address of the run's page.
        change: what the code host calls a change.
    """

    run: str
    head: str
    source_url: str
    report_url: str
    change: str = "pull request"


def ci_run(env: Mapping[str, str], *, head: str = "") -> CiRun | None:
    """Return the run of the CI according to its variables; None outside of GitHub Actions and GitLab CI.

    https://docs.github.com/en/actions/reference/workflows-and-actions/variables
    https://docs.gitlab.com/ci/variables/predefined_variables/

    Args:
        env: the environment.
        head: the commit, if it is another one than the CI checked out, such as the head of a pull request.
    """
    if env.get("GITHUB_RUN_NUMBER"):
        head = head or env.get("GITHUB_SHA", "")
        repository = f"{env.get('GITHUB_SERVER_URL', 'https://github.com')}/{env.get('GITHUB_REPOSITORY', '')}"
        run = f"{env['GITHUB_RUN_NUMBER']}.{env.get('GITHUB_RUN_ATTEMPT', '1')}"
        page = f"{repository}/actions/runs/{env.get('GITHUB_RUN_ID', '')}"
        return CiRun(run, head, f"{repository}/blob/{head}" if head else "", page)
    if env.get("CI_PIPELINE_IID"):
        head = head or env.get("CI_MERGE_REQUEST_SOURCE_BRANCH_SHA") or env.get("CI_COMMIT_SHA", "")
        source = f"{env.get('CI_PROJECT_URL', '')}/-/blob/{head}" if head else ""
        return CiRun(f"{env['CI_PIPELINE_IID']}.1", head, source, env.get("CI_PIPELINE_URL", ""), "merge request")
    return None
