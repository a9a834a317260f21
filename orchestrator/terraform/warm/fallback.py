"""Decides whether a warm command that failed is repeated cold, because the failure could be the proxy's own."""

from __future__ import annotations

import re
from collections.abc import Sequence

from orchestrator.terraform.warm.messages import LeaseEnd

_WORD = re.compile(r"[A-Za-z][A-Za-z0-9_-]*")
_OF_PROVIDERS = (
    "schema",
    "does not support resource type",
    "does not support data source",
    "does not support ephemeral resource",
    "Invalid resource type",
    "Invalid data source",
    "Invalid ephemeral resource type",
    "Plugin did not respond",
    "plugin",
    "rpc error",
    "handshake",
    "reattach",
    "Provider produced",
)
"""What Terraform 1.11 says when it misses a type, or when it and a provider do not understand each other."""
_DIAGNOSTIC = re.compile(r"[\s│]*(Error|Warning): ")
_PLACE = re.compile(r"[\s│]+(with .+,|on .+ line \d+|\d+: )")
"""Lines of a diagnostic that quote the configuration: what they say is not said by Terraform."""


def why_repeat(lines: Sequence[str], end: LeaseEnd) -> str:
    """Return why a warm command that failed must be repeated cold; empty if its failure stands.

    It is repeated when the provider crashed or could not be started, when Terraform's error is about schemas or
    plugins, or when it names a type that the cut schema does not contain. A plan that Terraform showed before its
    error, and the configuration that it quotes, can have the same words: a user pool has blocks named ``schema``.

    Args:
        lines: the output of Terraform.
        end: what happened during its lease.
    """
    if end.failure:
        return end.failure
    if end.crashed:
        return "the provider crashed"
    lines = _diagnostics(lines)
    own = [line for line in lines if not _PLACE.match(line)]
    said = [sign for sign in _OF_PROVIDERS if any(sign in line for line in own)]
    if said:
        return f"Terraform's error can come from the cut schema ({said[0]!r})"
    named = sorted(end.hidden.intersection(word for line in lines for word in _WORD.findall(line)))
    return f"Terraform's error names {named[0]}, which the cut schema does not contain" if named else ""


def _diagnostics(lines: Sequence[str]) -> Sequence[str]:
    """Return the lines from the first error or warning on; all lines if there is neither."""
    first = next((number for number, line in enumerate(lines) if _DIAGNOSTIC.match(line)), 0)
    return lines[first:]
