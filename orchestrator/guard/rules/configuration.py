"""Compares what Terraform read in the files of a unit with what orch read there before the plan.

The programs, providers and modules of a configuration are judged by orch's own reading of the files (``code.py``). If
Terraform reads one of them differently, something may be hidden in the difference.
"""

from __future__ import annotations

from collections.abc import Iterator

from orchestrator.guard.plan.entries import PlanFault
from orchestrator.hcl.modules.entries import ConfigurationEntry


def configuration_differences(
    planned: frozenset[ConfigurationEntry], scanned: frozenset[ConfigurationEntry]
) -> Iterator[PlanFault]:
    """Yield every difference, one fault for each address, between the plan's ``configuration`` and the scanned files.

    What only orch sees is none if Terraform may leave it out: ephemeral resources, which not all versions list.

    Args:
        planned: from the plan's JSON.
        scanned: from the files.
    """
    told: dict[str, list[str]] = {}
    for each in sorted(planned - scanned):
        told.setdefault(_address(each), []).append(f"Terraform found {_named(each)}, and orch did not")
    for each in sorted(scanned - planned):
        if not each.name.startswith("ephemeral."):
            told.setdefault(_address(each), []).append(f"orch found {_named(each)}, and Terraform did not")
    for address, whats in told.items():
        yield PlanFault(address, "; ".join(whats))


def _address(entry: ConfigurationEntry) -> str:
    """Return the address of a resource, module or provider: ``module.this.terraform_data.x``."""
    inside = entry.name
    if entry.kind == "provisioners":
        inside = entry.name.split(": ")[0]
    elif entry.kind == "module":
        inside = entry.name.split(" from ")[0]
    elif entry.kind == "provider":
        inside = f"provider.{entry.name.split(': ')[0]}"
    return "".join(f"module.{name}." for name in entry.module.split(".") if name) + inside


def _named(entry: ConfigurationEntry) -> str:
    if entry.kind == "provisioners":
        return f"provisioners ({entry.name.split(': ', 1)[1]})"
    if entry.kind == "provider":
        return f"this provider ({entry.name.split(': ', 1)[1]})"
    return "this resource" if entry.kind == "resource" else f"this module call ({entry.name})"
