r"""The only place where text becomes HCL: quoted strings, identifiers and index expressions.

Escapes are those of the HCL native syntax specification (quoted templates): ``\n \r \t \" \\ \uNNNN``, and
``$${`` and ``%%{`` for what would otherwise start an interpolation or a directive.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

from orchestrator.render.values import UNKNOWN

_ESCAPES = {"\n": "\\n", "\r": "\\r", "\t": "\\t", '"': '\\"', "\\": "\\\\"}
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*")
_FIRST_PRINTABLE = 0x20
_DELETE = 0x7F


def hcl_quote(text: str) -> str:
    """A quoted HCL string that means exactly ``text`` and nothing else."""
    escaped = "".join(_escape(character) for character in text)
    return '"' + escaped.replace("${", "$${").replace("%{", "%%{") + '"'


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    # U+2028 and U+2029 end a line for some readers, so they are escaped with the control characters.
    if code < _FIRST_PRINTABLE or code == _DELETE or 0x80 <= code <= 0x9F or code in {0x2028, 0x2029, 0xFEFF}:
        return f"\\u{code:04X}"
    return character


def hcl_identifier(name: str) -> str:
    """``name``, if it can stand in HCL as an identifier.

    Raises:
        ValueError: when it cannot; the catalogue has checked names before, so this is the second lock on the door.
    """
    if not _IDENTIFIER.fullmatch(name):
        message = f"{name!r} is not an identifier"
        raise ValueError(message)
    return name


def hcl_index(base: str, path: Iterable[str | int]) -> str:
    """``base["a"][0]``: keys are quoted, positions are numbers."""
    steps = (f"[{step}]" if isinstance(step, int) else f"[{hcl_quote(step)}]" for step in path)
    return base + "".join(steps)


def hcl_literal(value: Any, unknown: str) -> str:
    """An HCL expression for a JSON value in which ``UNKNOWN`` may stand anywhere.

    Args:
        value: str, int, float, bool, None, dict, list, or ``UNKNOWN``.
        unknown: the expression that is written for ``UNKNOWN``.
    """
    if value is UNKNOWN:
        return unknown
    if isinstance(value, str):
        return hcl_quote(value)
    if isinstance(value, Mapping):
        pairs = (f"{hcl_quote(key)} = {hcl_literal(item, unknown)}" for key, item in sorted(value.items()))
        return "{ " + ", ".join(pairs) + " }" if value else "{}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(hcl_literal(item, unknown) for item in value) + "]"
    return json.dumps(value)  # numbers, true, false and null are written alike in JSON and HCL
