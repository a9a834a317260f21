"""Reads Terraform's diagnostics, from ``terraform validate -json`` and from what other commands print."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass

_CALL = 'module "this"'
"""The block of the generated root that gives a unit's module its inputs."""
_PLACE = re.compile(r"^  on (?P<file>.+) line (?P<line>\d+)(?:, in (?P<context>.+))?:$", re.MULTILINE)
_CODE = re.compile(r"^ *\d+: (?P<code>.*)$", re.MULTILINE)
_ADDRESS = re.compile(r"^  with (?P<address>.+),$", re.MULTILINE)
_REQUIRED = re.compile(r'The argument "([^"]+)" is required')
_ARGUMENT = re.compile(r"\s*([A-Za-z_][\w-]*)\s*=")


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One diagnostic.

    Attributes:
        severity: error or warning.
        summary: its first line.
        detail: the explanation, with the line breaks of Terraform.
        file, line: the place in the root, or empty.
        context: the block at that place, such as ``module "this"``, or empty.
        code: the line at that place, or empty.
        address: the resource that it is about, or empty.
    """

    severity: str
    summary: str
    detail: str
    file: str = ""
    line: int = 0
    context: str = ""
    code: str = ""
    address: str = ""

    @property
    def argument(self) -> str:
        """The argument of the module call of a generated root that it is about; empty if it is about something else."""
        if self.context != _CALL or self.file != "main.tf":
            return ""
        found = _REQUIRED.search(" ".join(self.detail.split())) or _ARGUMENT.match(self.code)
        return found[1] if found else ""


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
                context=str((entry.get("snippet") or {}).get("context") or ""),
                code=str((entry.get("snippet") or {}).get("code") or ""),
                address=str(entry.get("address", "")),
            )
            for entry in answer["diagnostics"]
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None


def printed_errors(block: str) -> Iterator[Diagnostic]:
    """Yield the errors in Terraform's text.

    Args:
        block: Terraform's errors without colors and boxes, each of which starts with ``Error: `` (see `error_block`).
    """
    for text in re.split(r"^Error: ", block, flags=re.MULTILINE)[1:]:
        summary, _, rest = text.partition("\n\n")
        place, address = _PLACE.search(rest), _ADDRESS.search(rest)
        after = rest[place.end() :] if place else rest
        code = _CODE.search(after.split("\n\n", 1)[0]) if place else None
        yield Diagnostic(
            severity="error",
            summary=" ".join(summary.split()),
            detail=(after.partition("\n\n")[2] if place else rest).strip(),
            file=place["file"] if place else "",
            line=int(place["line"]) if place else 0,
            context=(place["context"] or "") if place else "",
            code=code["code"] if code else "",
            address=address["address"] if address else "",
        )
