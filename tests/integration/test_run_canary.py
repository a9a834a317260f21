"""A run whose policies let a canary pass judges nothing and applies nothing."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support.project import Project

pytestmark = pytest.mark.integration


def test_a_check_that_was_disarmed_in_code_stops_every_change(
    tmp_path: Path, emulator: Path, account_ids: Callable[[], str]
) -> None:
    project = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account_ids()})
    project.write("live/stages/prod.yaml", "account: main\nstacks: {box: }\n")
    project.write("live/stacks/box.yaml", "module: box\ninputs: {value: one}\n")
    project.ready()
    check = project.root / "policies" / "protected" / "check.py"
    whole = check.read_text()
    answer = "        return CheckResult.FAILED if vanishes"
    passes = '        if change.type == "aws_kms_key":\n            return CheckResult.PASSED\n'
    project.write("policies/protected/check.py", whole.replace(answer, passes + answer))
    for verb in (["plan", "prod"], ["apply", "prod", "--yes"]):
        unit = project.orch(*verb, "--json", code=3).units()["prod/box"]
        assert unit["status"] == "blocked"
        (finding,) = unit["findings"]
        assert finding["rule"] == "ORCH_CANARY"
        assert "aws_kms_key could be deleted" in finding["cause"]
    assert "ORCH_CANARY" in project.orch("plan", "prod", code=3).out
    project.write("policies/protected/check.py", whole)
    applied = project.orch("apply", "prod", "--yes", "--json").units()["prod/box"]
    assert applied["counts"]["create"] == 1, "nothing was applied before"
