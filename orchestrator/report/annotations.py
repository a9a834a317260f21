"""The problems of ``orch check`` as commands of GitHub Actions, which shows them on the changed lines.

https://docs.github.com/en/actions/reference/workflows-and-actions/workflow-commands#setting-an-error-message
"""

from __future__ import annotations

from collections.abc import Iterable

from orchestrator.report.check_result import CheckResult


def github_annotations(results: Iterable[CheckResult]) -> str:
    """Return a line for each problem and each remark that has a place; the lines of a text become one.

    Whatever a text contains, it neither ends its command nor begins another one.
    """
    return "".join(_command(each) for each in results if each.where is not None and (each.problem or each.note))


def _command(result: CheckResult) -> str:
    level, text = ("error", result.problem) if result.problem else ("notice", result.note)
    properties = {"title": f"orch check: {result.rule_id}"}
    if result.where is not None:
        properties["file"] = result.where.file
        properties["line"] = str(max(result.where.line, 1))
        if result.where.column:
            properties["col"] = str(result.where.column)
    written = ",".join(f"{name}={_property(value)}" for name, value in properties.items())
    return f"::{level} {written}::{_data(text)}\n"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
