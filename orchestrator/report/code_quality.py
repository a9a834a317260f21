"""The results of ``orch check`` as a code quality report, which GitLab shows in merge requests.

https://docs.gitlab.com/ci/testing/code_quality/#code-quality-report-format
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from orchestrator.errors import Location
from orchestrator.report.check_result import CheckResult

_ANYWHERE = Location("live/orch.yaml", 1)
"""The place of a result that has none: GitLab shows only results with a place."""
_SEVERITIES = {"CRITICAL": "critical", "HIGH": "major", "MEDIUM": "minor", "LOW": "info"}


def code_quality(results: Iterable[CheckResult]) -> str:
    """Return the problems and remarks as such a report; results without either are left out."""
    return json.dumps(list(_entries(results)), indent=2, ensure_ascii=False) + "\n"


def _entries(results: Iterable[CheckResult]) -> Iterator[dict[str, Any]]:
    seen: dict[str, int] = {}
    for each in results:
        text = each.problem or each.note
        if not text:
            continue
        where = each.where or _ANYWHERE
        # Without the line, so that GitLab finds the same problem again when lines are added above.
        same = f"{each.rule_id}\0{where.file}\0{text}"
        seen[same] = seen.get(same, 0) + 1
        yield {
            "description": text,
            "check_name": each.rule_id,
            "fingerprint": hashlib.sha256(f"{same}\0{seen[same]}".encode("utf-8", "surrogatepass")).hexdigest(),
            "severity": _SEVERITIES.get(each.severity, "major") if each.problem else "info",
            "location": {"path": where.file, "lines": {"begin": max(where.line, 1)}},
        }
