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


def why_repeat(lines: Sequence[str], end: LeaseEnd) -> str:
    """Return why a warm command that failed must be repeated cold; empty if its failure stands.

    It is repeated when the provider crashed or could not be started, when Terraform's error is about schemas or
    plugins, or when it names a type that the cut schema does not contain.

    Args:
        lines: the output of Terraform.
        end: what happened during its lease.
    """
    if end.failure:
        return end.failure
    if end.crashed:
        return "the provider crashed"
    said = [sign for sign in _OF_PROVIDERS if any(sign in line for line in lines)]
    if said:
        return f"Terraform's error can come from the cut schema ({said[0]!r})"
    named = sorted(end.hidden.intersection(word for line in lines for word in _WORD.findall(line)))
    return f"Terraform's error names {named[0]}, which the cut schema does not contain" if named else ""
