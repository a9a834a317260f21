"""What ``terraform validate -json`` says."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding of Terraform's: ``severity`` is error or warning; file and line are those of the root, or empty."""

    severity: str
    summary: str
    detail: str
    file: str = ""
    line: int = 0


def read_diagnostics(data: bytes) -> tuple[Diagnostic, ...] | None:
    """The findings in the answer of ``validate -json``; None when it is no such answer."""
    try:
        answer = json.loads(data)
        return tuple(
            Diagnostic(
                severity=str(entry["severity"]),
                summary=str(entry["summary"]),
                detail=str(entry.get("detail", "")),
                file=str((entry.get("range") or {}).get("filename", "")),
                line=int((entry.get("range") or {}).get("start", {}).get("line", 0)),
            )
            for entry in answer["diagnostics"]
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
