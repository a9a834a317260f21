"""Reads the output of ``terraform validate -json``."""

from __future__ import annotations

import json
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One diagnostic. ``severity``: error or warning; ``file`` and ``line`` are in the root, or empty."""

    severity: str
    summary: str
    detail: str
    file: str = ""
    line: int = 0


def read_diagnostics(data: bytes) -> tuple[Diagnostic, ...] | None:
    """Parse the output of ``validate -json``; None if it is not such output."""
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
