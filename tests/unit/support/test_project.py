"""What the tests' own helper promises: orch sees only the CI that a test gives it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from orchestrator.util.ci import is_ci
from tests.support.project import CI_VARIABLES, Project


def test_the_ci_of_the_machine_does_not_reach_orch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("CI", "GITHUB_BASE_REF", "CI_MERGE_REQUEST_DIFF_BASE_SHA", "CODEBUILD_BUILD_ID", "GIT_DIR"):
        monkeypatch.setenv(name, "of-the-machine")
    project = Project(tmp_path, emulator=None, accounts={"main": "111111111111"})
    assert "of-the-machine" not in project.environment().values()
    assert project.environment(CI="true")["CI"] == "true"


def test_nor_does_it_reach_what_the_tests_call_themselves() -> None:
    assert not is_ci(os.environ)
    assert not [name for name in os.environ if name.startswith(CI_VARIABLES)]
