"""Problems as commands of GitHub Actions: one line each, whatever their text contains."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import Location
from orchestrator.report.annotations import github_annotations
from orchestrator.report.check_result import CheckResult

FILE = Location("live/stages/prod.yaml", 4, 7)


def test_a_problem_is_an_error_on_its_line_and_a_remark_a_notice() -> None:
    results = [
        CheckResult("secrets", "x", "a literal: do not, ever", where=FILE, rule="ORCH_SECRET"),
        CheckResult("modules", "y", note="not pinned", where=Location("modules/x/main.tf")),
        CheckResult("policies", "policies/"),
        CheckResult("waivers", "z", "without a place"),
    ]
    assert github_annotations(results).splitlines() == [
        "::error title=orch check%3A ORCH_SECRET,file=live/stages/prod.yaml,line=4,col=7::a literal: do not, ever",
        "::notice title=orch check%3A modules,file=modules/x/main.tf,line=1::not pinned",
    ]


@given(st.text(max_size=60), st.text(min_size=1, max_size=60))
def test_no_text_ends_its_command_or_begins_another_one(rule: str, problem: str) -> None:
    made = github_annotations([CheckResult("check", "x", problem, where=FILE, rule=rule)])
    assert made.endswith("\n")
    assert made.startswith("::error title=orch check%3A ")
    assert "\n" not in made[:-1]
    assert "\r" not in made
    head, _, text = made.removeprefix("::error ").removesuffix("\n").partition("::")
    assert head.count(",") == 3
    assert text.replace("%0A", "\n").replace("%0D", "\r").replace("%25", "%") == problem
