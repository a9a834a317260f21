"""Errors as text and as JSON: what is wrong, where, what to do."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from orchestrator.errors import CatalogueError, Location, OrchError
from orchestrator.report.style import Paint
from orchestrator.report.tables import dump
from orchestrator.report.text import clean, clean_block
from orchestrator.util.plural import plural

ERROR_FORMAT = 1


def error_lines(error: OrchError, *, color: bool = False) -> str:
    """Return an error as lines, without a newline at the end: place, what, hint.

    The place starts its line, so terminals and editors make it a link. Nothing is wrapped, so lines can be searched
    for and copied.
    """
    paint = Paint(color)
    if not isinstance(error, CatalogueError):
        return "\n".join(_problem(error.where, error.what, error.hint, paint))
    lines = [line for p in error.problems for line in _problem(p.where, p.what, p.hint, paint)]
    if len(error.problems) > 1:
        lines.append(plural(len(error.problems), "problem"))
    return "\n".join(lines)


def error_json(error: OrchError, *, exit_code: int | None = None) -> str:
    """Return an error as JSON: ``{"format": 1, "kind": "error", "exit_code": 2, "problems": [...]}``.

    Args:
        error: the error.
        exit_code: the exit code of the command; None: that of the error.
    """
    problems = (
        [_form(p.where, p.what, p.hint) for p in error.problems]
        if isinstance(error, CatalogueError)
        else [_form(error.where, error.what, error.hint)]
    )
    name = re.sub(r"(?<!^)(?=[A-Z])", "-", type(error).__name__.removesuffix("Error")).lower()
    code = error.exit_code if exit_code is None else exit_code
    return dump({"format": ERROR_FORMAT, "kind": "error", "error": name, "exit_code": code, "problems": problems})


def _problem(where: Location | None, what: str, hint: str | None, paint: Paint) -> Iterator[str]:
    first, *others = clean_block(what) or [""]
    place = paint(f"{clean(str(where))}:", "bold") if where else paint("error:", "bold red")
    yield f"{place} {first}"
    for line in others:
        yield f"    {line}".rstrip()
    for number, line in enumerate(clean_block(hint or "")):
        yield f"  {paint('→', 'cyan')} {line}" if number == 0 else f"    {line}".rstrip()


def _form(where: Location | None, what: str, hint: str | None) -> dict[str, Any]:
    place = {"file": where.file, "line": where.line, "column": where.column} if where else None
    return {"where": place, "what": what, "hint": hint}
