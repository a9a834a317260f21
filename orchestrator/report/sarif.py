"""The results of ``orch check`` as SARIF 2.1.0, which code hosts show beside the lines of a change.

https://docs.oasis-open.org/sarif/sarif/v2.1.0/sarif-v2.1.0.html
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from typing import Any
from urllib.parse import quote

from orchestrator.errors import Location
from orchestrator.report.check_result import CheckResult

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_SOURCE = "%SRCROOT%"
"""What paths are relative to: the top of the repository, wherever it is checked out."""
_ANYWHERE = Location("live/orch.yaml", 1)
"""The place of a result that has none: code hosts show only results with a place."""
_SCORES = {"CRITICAL": "9.5", "HIGH": "8.0", "MEDIUM": "5.5", "LOW": "2.0"}
"""Severity -> GitHub's ``security-severity``."""


def sarif(results: Iterable[CheckResult], *, version: str) -> str:
    """Return the problems and remarks as a SARIF log with one run; results without either are left out.

    Args:
        results: the results.
        version: the version of orch.
    """
    said = [each for each in results if each.problem or each.note]
    rules = {each.rule_id: each for each in said}
    index = {rule: number for number, rule in enumerate(rules)}
    driver = {"name": "orch", "version": version, "rules": [_rule(each) for each in rules.values()]}
    run = {
        "tool": {"driver": driver},
        "columnKind": "unicodeCodePoints",
        "originalUriBaseIds": {_SOURCE: {"description": {"text": "the repository"}}},
        "results": [_result(each, index[each.rule_id]) for each in said],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(result: CheckResult) -> dict[str, Any]:
    rule: dict[str, Any] = {"id": result.rule_id}
    if result.guideline:
        rule["helpUri"] = result.guideline
    if result.severity:
        rule["properties"] = {"security-severity": _SCORES[result.severity], "tags": ["security"]}
    return rule


def _result(result: CheckResult, rule: int) -> dict[str, Any]:
    where = result.where or _ANYWHERE
    text = result.problem or result.note
    return {
        "ruleId": result.rule_id,
        "ruleIndex": rule,
        "level": "error" if result.problem else "note",
        "message": {"text": text},
        "locations": [{"physicalLocation": _place(where)}],
        "partialFingerprints": {"orchCheck/v1": _fingerprint(result, where)},
    }


def _place(where: Location) -> Mapping[str, Any]:
    region = {"startLine": max(where.line, 1)}
    if where.column:
        region["startColumn"] = where.column
    return {"artifactLocation": {"uri": quote(where.file), "uriBaseId": _SOURCE}, "region": region}


def _fingerprint(result: CheckResult, where: Location) -> str:
    """Return what stays the same when lines are added above: the file and the text, without the line."""
    text = f"{result.rule_id}\0{where.file}\0{result.problem or result.note}"
    return hashlib.sha256(text.encode()).hexdigest()[:32]
