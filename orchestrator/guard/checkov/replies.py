"""Parses what the process of a policy replies: whatever is not exactly an answer counts as none."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from orchestrator.guard.checkov.protocol import INVALID, DeclaredChecks, ProtocolError, Reply
from orchestrator.util.secret_text import without_forms

LONGEST_TEXT = 1000
"""How many characters of a text are kept: a reason is a sentence, not the content of a file."""

_HIDDEN = "(hidden: looks like a credential)"

_DECLARED = TypeAdapter(DeclaredChecks)
_REPLY = TypeAdapter(Reply)
_EXCEPTION = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")

_Parsed = TypeVar("_Parsed")


def parse_declared(frame: bytes) -> DeclaredChecks:
    """Parse the reply to the source of a check.

    Raises:
        ProtocolError: it is anything else: a field is unknown, missing or of another type, or text is not Unicode.
    """
    declared = _parse(_DECLARED, frame)
    checks = tuple(replace(each, name=_told(each.name), guideline=_told(each.guideline)) for each in declared.checks)
    return DeclaredChecks(checks, None if declared.problem is None else _told(declared.problem))


def parse_answers(frame: bytes) -> Reply:
    """Parse the reply to a request.

    Raises:
        ProtocolError: as `parse_declared`; or a position is negative, or the type of an exception is not a name.
    """
    reply = _parse(_REPLY, frame)
    positions = [each.resource for each in reply.given] + [each.resource for each in reply.raised]
    if min(positions, default=0) < 0 or not all(_EXCEPTION.fullmatch(each.error) for each in reply.raised):
        raise ProtocolError(INVALID)
    return replace(reply, given=tuple(replace(each, details=tuple(map(_told, each.details))) for each in reply.given))


def _told(text: str) -> str:
    """Return a text as reports may have it: a check can read files of its user, and reports go to many."""
    return without_forms(text, _HIDDEN)[:LONGEST_TEXT]


def _parse(adapter: TypeAdapter[_Parsed], frame: bytes) -> _Parsed:
    try:
        return adapter.validate_json(frame, strict=True, extra="forbid")
    except ValidationError as error:
        raise ProtocolError(INVALID) from error
