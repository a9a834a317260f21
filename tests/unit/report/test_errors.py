"""Errors as people and programs read them."""

from __future__ import annotations

import json
import re
import subprocess
import sys

from orchestrator.errors import BlockedError, CatalogueError, Location, NotAppliedError, OrchError, Problem, UsageError
from orchestrator.report.errors import error_json, error_lines

PROBLEMS = CatalogueError(
    [
        Problem(Location("live/stages/prod.yaml", 4, 7), "unknown key 'imputs'", "did you mean 'inputs'?"),
        Problem(Location("live/accounts/production.yaml"), "id '1111' has 4 digits, not 12"),
    ]
)


def test_every_problem_has_its_place_first() -> None:
    assert error_lines(PROBLEMS).split("\n") == [
        "live/accounts/production.yaml: id '1111' has 4 digits, not 12",
        "live/stages/prod.yaml:4:7: unknown key 'imputs'",
        "  → did you mean 'inputs'?",
        "2 problems",
    ]


def test_an_error_without_a_place() -> None:
    assert error_lines(UsageError("no TARGET", hint="one of: prod, test")) == "error: no TARGET\n  → one of: prod, test"
    assert error_lines(OrchError("only this")) == "error: only this"


def test_a_cycle_keeps_its_lines() -> None:
    text = error_lines(OrchError("a cycle:\nprod/a (live/a.yaml)\nprod/b", hint="one\ntwo"))
    assert text.split("\n") == ["error: a cycle:", "    prod/a (live/a.yaml)", "    prod/b", "  → one", "    two"]


def test_color_and_control_characters() -> None:
    bad = OrchError("what\x1b[2J", where=Location("a\x1b[1m"), hint="\x9b1m")
    assert "\x1b" not in error_lines(bad)
    assert re.sub(r"\x1b\[[0-9;]*m", "", error_lines(PROBLEMS, color=True)) == error_lines(PROBLEMS)
    assert "\x1b" in error_lines(PROBLEMS, color=True)


def test_as_json() -> None:
    assert json.loads(error_json(PROBLEMS)) == {
        "format": 1,
        "kind": "error",
        "error": "catalogue",
        "exit_code": 2,
        "problems": [
            {
                "where": {"file": "live/accounts/production.yaml", "line": 0, "column": 0},
                "what": "id '1111' has 4 digits, not 12",
                "hint": None,
            },
            {
                "where": {"file": "live/stages/prod.yaml", "line": 4, "column": 7},
                "what": "unknown key 'imputs'",
                "hint": "did you mean 'inputs'?",
            },
        ],
    }
    assert json.loads(error_json(NotAppliedError("no")))["error"] == "not-applied"
    blocked = json.loads(error_json(BlockedError("no")))
    assert (blocked["error"], blocked["exit_code"], blocked["problems"][0]["where"]) == ("blocked", 3, None)


def test_errors_and_tables_import_nothing_heavy() -> None:
    code = (
        "import sys, orchestrator.report.errors, orchestrator.report.tables, orchestrator.report.live.sink, "
        "orchestrator.report.final.report, orchestrator.report.json, orchestrator.report.graphs; "
        "print(sorted({'rich', 'boto3', 'checkov', 'moto', 'pydantic', 'jinja2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
