"""The results of ``orch check`` as JUnit XML, which CI systems show as tests."""

from __future__ import annotations

import re
from collections.abc import Sequence
from xml.etree import ElementTree

from orchestrator.report.check_result import CheckResult

_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""Characters that XML 1.0 cannot hold, not even escaped."""


def junit(results: Sequence[CheckResult], *, seconds: float) -> str:
    """Return the results as one suite of tests: a case for each result, which fails if it is a problem.

    Args:
        results: the results.
        seconds: how long the checks took.
    """
    failures = sum(bool(each.problem) for each in results)
    counts = {"tests": str(len(results)), "failures": str(failures), "errors": "0", "time": f"{seconds:.3f}"}
    suites = ElementTree.Element("testsuites", {"name": "orch", **counts})
    suite = ElementTree.SubElement(suites, "testsuite", {"name": "orch check", "skipped": "0", **counts})
    for each in results:
        _add(suite, each)
    ElementTree.indent(suites)
    return f'<?xml version="1.0" encoding="UTF-8"?>\n{ElementTree.tostring(suites, encoding="unicode")}\n'


def _add(suite: ElementTree.Element, result: CheckResult) -> None:
    name = f"{result.rule}: {result.subject}" if result.rule else result.subject
    about = {"classname": f"orch.{_xml(result.check)}", "name": _xml(name), "time": "0"}
    if result.where is not None:
        about |= {"file": _xml(result.where.file), "line": str(max(result.where.line, 1))}
    case = ElementTree.SubElement(suite, "testcase", about)
    if result.problem:
        failure = ElementTree.SubElement(case, "failure", {"message": _xml(result.problem), "type": result.rule_id})
        place = f"{result.where}: " if result.where is not None else ""
        failure.text = _xml(f"{place}{result.problem}")
    elif result.note:
        ElementTree.SubElement(case, "system-out").text = _xml(result.note)


def _xml(text: str) -> str:
    return _NOT_XML.sub("\ufffd", text)
