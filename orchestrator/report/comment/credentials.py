"""Hides text that looks like a credential, although Terraform does not mark it as sensitive.

More people read a pull request than may read a plan, so more is hidden here than in a terminal: forms that issuers give
their tokens, passwords in URLs, and values that the name beside them calls a secret.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import fields, is_dataclass, replace
from enum import Enum
from functools import lru_cache
from typing import Any, TypeVar

from orchestrator.report.model import AttributeChange
from orchestrator.report.values.environment import is_secret_name
from orchestrator.util import secret_text

HIDDEN_VALUE = "(hidden: looks like a credential)"

_T = TypeVar("_T")
# A password that nobody encoded can have a slash in it; a port before a path with "@" in it is digits only.
_URL_SECRET = re.compile(r"(://[^/\s:@\"]{0,200}:)(?!\d*/)[^\s@\"]{1,200}(?=@)|(://[^/\s:@\"]{0,200}:)[^/\s@\"]+(?=@)")
_HEADER = re.compile(
    r"(?i)(?P<start>\bauthorization\\?[\"']?\s{0,9}[:=]\s{0,9}\\?[\"']?"
    r"(?:(?:basic|bearer|token|negotiate) |(?=\S{0,200}\d))|\bbearer (?=\S{0,200}\d))(?P<value>[^\s\"'\\,;]{8,})"
)
_ARGUMENT = re.compile(
    r"(?i)(?P<start>(?<![\w-])--?(?:[a-z]+-)*(?:password|passwd|passphrase|secret|token)[ =])(?P<value>[^\s\"']{4,})"
)
_NAMED = re.compile(
    r"(?i)(?<!:)(?P<name>password|passwd|passphrase|passcode|(?<![a-z])pwd|secret|token|credentials?|x-amz-signature|"
    r"(?:api|access|account|private|signing|encryption|auth|secret)[_-]?key)(?P<sign>\\?[\"']?\]?\s{0,9}[=:]\s{0,9})"
    r"(?P<value>\"(?:[^\"\\]|\\.)+\"|\\\"(?:[^\"\\]|\\\\.)+\\\"|[^\s\"'(){}\[\],;\\]{8,})"
)
_HARMLESS = re.compile(r"[\"'\\]*(?:arn:|ssm:|/|\$\{|(?:true|false|null|\d+)[\"'\\]*\Z)")
_STRING = re.compile(r'"(?:[^"\\]|\\.)+"(?: \([\d,]+ characters\))?')
_INDEX = re.compile(r"(?:\[\d+\])+\Z")


def without_credentials(record: _T) -> _T:
    """Return a record, such as a report, in which no text and no value looks like a credential."""
    return _hidden(record)


def hide_credentials(text: str) -> str:
    """Return a text with ``(hidden: …)`` in the place of everything in it that looks like a credential."""
    text = secret_text.without_forms(text, HIDDEN_VALUE)
    if "://" in text:
        text = _URL_SECRET.sub(lambda found: f"{found[1] or found[2]}{HIDDEN_VALUE}", text)
    if any(each in text.casefold() for each in ("authorization", "bearer ")):
        text = _HEADER.sub(_hide_value, text)
    if "-" in text:
        text = _ARGUMENT.sub(_hide_value, text)
    return _NAMED.sub(_hide_named, text) if "=" in text or ":" in text else text


_hide_cached = lru_cache(maxsize=10_000)(hide_credentials)
"""Most texts of a run are the same few: names of units, reasons, rules."""


def _hide(text: str) -> str:
    return _hide_cached(text) if len(text) < 200 else hide_credentials(text)


def _hide_value(found: re.Match[str]) -> str:
    return found[0] if _HARMLESS.match(found["value"]) else f"{found['start']}{HIDDEN_VALUE}"


def _hide_named(found: re.Match[str]) -> str:
    if _HARMLESS.match(found["value"]):
        return found[0]
    return f"{found['name']}{found['sign']}{HIDDEN_VALUE}"


def _hidden(value: _T) -> _T:
    """Return a record with every text in it replaced by what `hide_credentials` leaves of it."""
    changed: Any = value
    if isinstance(value, AttributeChange):
        changed = _attribute(value)
    elif isinstance(value, Enum):
        pass
    elif isinstance(value, str):
        changed = _hide(value)
    elif isinstance(value, tuple):
        changed = tuple(_hidden(item) for item in value)
    elif isinstance(value, Mapping):
        changed = {_hidden(key): _hidden(item) for key, item in value.items()}
    elif is_dataclass(value) and not isinstance(value, type):
        changed = replace(value, **{field.name: _hidden(getattr(value, field.name)) for field in fields(value)})
    return changed  # type: ignore[no-any-return]


def _attribute(attribute: AttributeChange) -> AttributeChange:
    """Return an attribute, with neither value if one of them looks like a credential: a difference could show it."""
    texts = (attribute.before, attribute.after)
    named = is_secret_name(_INDEX.sub("", attribute.path).rstrip('"]'))
    found = any(_hide(text) != text for text in texts) or (
        named and any(_STRING.fullmatch(text) and not _HARMLESS.match(text) for text in texts)
    )
    path = _hide(attribute.path)
    if not found:
        return attribute if path == attribute.path else replace(attribute, path=path)
    before, after = (HIDDEN_VALUE if text and not text.startswith("(") else text for text in texts)
    return replace(attribute, path=path, before=before, after=after)
