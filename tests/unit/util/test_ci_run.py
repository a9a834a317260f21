"""Which run of a CI this is."""

from __future__ import annotations

from orchestrator.util.ci import ci_run

GITHUB = {
    "GITHUB_RUN_NUMBER": "1187",
    "GITHUB_RUN_ATTEMPT": "2",
    "GITHUB_RUN_ID": "19483",
    "GITHUB_SERVER_URL": "https://github.com",
    "GITHUB_REPOSITORY": "example/platform",
    "GITHUB_SHA": "aaaa",
}
GITLAB = {
    "CI_PIPELINE_IID": "40",
    "CI_PIPELINE_URL": "https://gitlab.com/example/platform/-/pipelines/9",
    "CI_PROJECT_URL": "https://gitlab.com/example/platform",
    "CI_COMMIT_SHA": "bbbb",
}


def test_github_and_gitlab() -> None:
    found = ci_run(GITHUB, head="cccc")
    assert found is not None
    assert (found.run, found.head) == ("1187.2", "cccc")
    assert found.source_url == "https://github.com/example/platform/blob/cccc"
    assert found.report_url == "https://github.com/example/platform/actions/runs/19483"
    found = ci_run(GITLAB | {"CI_MERGE_REQUEST_SOURCE_BRANCH_SHA": "dddd"})
    assert found is not None
    assert (found.run, found.head, found.report_url) == ("40.1", "dddd", GITLAB["CI_PIPELINE_URL"])
    assert found.source_url == "https://gitlab.com/example/platform/-/blob/dddd"


def test_elsewhere_there_is_none() -> None:
    assert ci_run({"CI": "true"}) is None
