r"""The only place where text becomes HCL: quoted strings, identifiers, index expressions and literals.

The escapes are those of quoted templates in the HCL native syntax specification: ``\n \r \t \" \\ \uNNNN``, and
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
    """Return a quoted HCL string whose value is exactly ``text``."""
    escaped = "".join(_escape(character) for character in text)
    return '"' + escaped.replace("${", "$${").replace("%{", "%%{") + '"'


def _escape(character: str) -> str:
    if character in _ESCAPES:
        return _ESCAPES[character]
    code = ord(character)
    # Some parsers treat U+2028 and U+2029 as line ends, so they are escaped like control characters.
    if code < _FIRST_PRINTABLE or code == _DELETE or 0x80 <= code <= 0x9F or code in {0x2028, 0x2029, 0xFEFF}:
        return f"\\u{code:04X}"
    return character


def hcl_identifier(name: str) -> str:
    """Return ``name`` if it is a valid HCL identifier.

    Raises:
        ValueError: it is not. The configuration checks names earlier; this is a second check.
    """
    if not _IDENTIFIER.fullmatch(name):
        message = f"{name!r} is not an identifier"
        raise ValueError(message)
    return name


def hcl_index(base: str, path: Iterable[str | int]) -> str:
    """Return ``base["a"][0]``: keys are quoted, positions are numbers."""
    steps = (f"[{step}]" if isinstance(step, int) else f"[{hcl_quote(step)}]" for step in path)
    return base + "".join(steps)


def hcl_literal(value: Any, unknown: str) -> str:
    """Return an HCL expression for a JSON value that can contain ``UNKNOWN`` anywhere.

    Args:
        value: str, int, float, bool, None, dict, list, or ``UNKNOWN``.
        unknown: the expression to write for ``UNKNOWN``.
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
    return json.dumps(value)  # numbers, true, false and null are the same in JSON and HCL
