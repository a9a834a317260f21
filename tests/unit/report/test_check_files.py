"""The results of ``orch check`` as SARIF, JUnit and code quality: what other programs read."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any
from xml.etree import ElementTree

from orchestrator.errors import Location
from orchestrator.report.check_result import CheckResult
from orchestrator.report.code_quality import code_quality
from orchestrator.report.junit import junit
from orchestrator.report.sarif import sarif

PLACE = Location("modules/a b/main.tf", 12, 3)
RESULTS = (
    CheckResult("configuration", "3 units in 1 accounts"),
    CheckResult(
        "checkov",
        str(PLACE),
        "CKV_AWS_53 CRITICAL: \x00 <public> & more",
        where=PLACE,
        rule="CKV_AWS_53",
        severity="CRITICAL",
        guideline="https://docs.example.com/53",
    ),
    CheckResult("modules", "modules/x/main.tf", note="only a plan knows", where=Location("modules/x/main.tf")),
    CheckResult("roots", "prod/api", "invalid root"),
)


def run() -> dict[str, Any]:
    document: dict[str, Any] = json.loads(sarif(RESULTS, version="0.1.0"))
    assert document["version"] == "2.1.0"
    assert document["$schema"].endswith("sarif-schema-2.1.0.json")
    (only,) = document["runs"]
    found: dict[str, Any] = only
    return found


def test_sarif_has_the_problems_and_remarks_with_their_places() -> None:
    results = run()["results"]
    assert [(each["ruleId"], each["level"]) for each in results] == [
        ("CKV_AWS_53", "error"),
        ("modules", "note"),
        ("roots", "error"),
    ]
    places = [each["locations"][0]["physicalLocation"] for each in results]
    assert places[0]["artifactLocation"] == {"uri": "modules/a%20b/main.tf", "uriBaseId": "%SRCROOT%"}
    assert places[0]["region"] == {"startLine": 12, "startColumn": 3}
    assert places[1]["region"] == {"startLine": 1}, "a place without a line is the first line"
    assert places[2]["artifactLocation"]["uri"] == "live/orch.yaml", "code hosts drop a result without a place"


def test_sarif_describes_each_rule_once() -> None:
    driver = run()["tool"]["driver"]
    assert (driver["name"], driver["version"]) == ("orch", "0.1.0")
    assert driver["rules"][0] == {
        "id": "CKV_AWS_53",
        "helpUri": "https://docs.example.com/53",
        "properties": {"security-severity": "9.5", "tags": ["security"]},
    }
    for each in run()["results"]:
        assert driver["rules"][each["ruleIndex"]]["id"] == each["ruleId"]


def test_a_fingerprint_stays_when_the_line_moves() -> None:
    def fingerprint(line: int, problem: str = "wrong") -> str:
        one = CheckResult("modules", "x", problem, where=Location("modules/x/main.tf", line))
        result = json.loads(sarif([one], version="1"))["runs"][0]["results"][0]
        found: str = result["partialFingerprints"]["orchCheck/v1"]
        return found

    assert fingerprint(3) == fingerprint(30)
    assert fingerprint(3) != fingerprint(3, "another")


def test_junit_has_a_case_for_each_result() -> None:
    root = ElementTree.fromstring(junit(RESULTS, seconds=1.5))  # noqa: S314 - orch wrote it
    (suite,) = root
    assert (root.tag, suite.tag) == ("testsuites", "testsuite")
    for each in (root, suite):
        assert (each.get("tests"), each.get("failures"), each.get("time")) == ("4", "2", "1.500")
    cases = list(suite)
    assert [(case.get("classname"), case.get("name")) for case in cases] == [
        ("orch.configuration", "3 units in 1 accounts"),
        ("orch.checkov", f"CKV_AWS_53: {PLACE}"),
        ("orch.modules", "modules/x/main.tf"),
        ("orch.roots", "prod/api"),
    ]
    (failure,) = cases[1]
    assert failure.get("message") == "CKV_AWS_53 CRITICAL: \ufffd <public> & more", "XML has no such character"
    assert (cases[1].get("file"), cases[1].get("line")) == ("modules/a b/main.tf", "12")
    assert failure.text is not None
    assert failure.text.startswith(f"{PLACE}: ")
    assert [len(case) for case in cases] == [0, 1, 1, 1]


def test_without_results_both_are_valid() -> None:
    assert json.loads(sarif([], version="1"))["runs"][0]["results"] == []
    assert ElementTree.fromstring(junit([], seconds=0)).get("tests") == "0"  # noqa: S314 - orch wrote it


def test_code_quality_has_what_gitlab_asks_for() -> None:
    found = json.loads(code_quality((*RESULTS, RESULTS[1])))
    assert [(each["check_name"], each["severity"]) for each in found] == [
        ("CKV_AWS_53", "critical"),
        ("modules", "info"),
        ("roots", "major"),
        ("CKV_AWS_53", "critical"),
    ]
    assert [each["location"] for each in found[:3]] == [
        {"path": "modules/a b/main.tf", "lines": {"begin": 12}},
        {"path": "modules/x/main.tf", "lines": {"begin": 1}},
        {"path": "live/orch.yaml", "lines": {"begin": 1}},
    ]
    assert found[0]["description"] == "CKV_AWS_53 CRITICAL: \x00 <public> & more"
    assert len({each["fingerprint"] for each in found}) == 4
    moved = replace(RESULTS[1], where=Location("modules/a b/main.tf", 99))
    assert json.loads(code_quality([moved]))[0]["fingerprint"] == found[0]["fingerprint"]
    assert json.loads(code_quality(())) == []
