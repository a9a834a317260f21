"""Says what to do in ``live/`` about an error of AWS: import a resource that exists, or allow a name."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping

from orchestrator.aws.import_ids import import_id
from orchestrator.config.adopted_names import missing_names
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.terraform.diagnostics import printed_errors
from orchestrator.terraform.failures import TerraformError, denied_resources
from orchestrator.terraform.model import Action, PlanRecord

_EXISTS = re.compile(
    r"\b\w*AlreadyExists\w*|\b\w*AlreadyOwnedByYou\b|\bResourceExistsException\b|\balready\s+exists?\b"
    r"|\bInvalidGroup\.Duplicate\b|\bInvalidKeyPair\.Duplicate\b|\bDuplicate\w+Name\b",
    re.IGNORECASE,
)
"""How services of AWS say that a name is taken."""
_THIS = "module.this."
_ID = "ID"


def hint_for(catalogue: Catalogue, unit: Unit, error: TerraformError, plan: PlanRecord | None = None) -> str:
    """Return what to do in ``live/`` about an error, as the end of a sentence; empty if nothing is known.

    Args:
        catalogue: the configuration.
        unit: the unit.
        error: how its command failed.
        plan: the plan that was applied; None if the command was another one.
    """
    return _name_to_allow(catalogue, unit, error) or _to_import(catalogue, unit, error, plan)


def _name_to_allow(catalogue: Catalogue, unit: Unit, error: TerraformError) -> str:
    """Return what to do when the apply role was denied to change something because of its name; empty otherwise."""
    missing = missing_names(catalogue, unit, denied_resources(error.block))
    if not missing:
        return ""
    place = f"`inputs:` of the stack baseline in {unit.account}"
    return f"the apply role can change it once `{missing}` is in {place} and `orch bootstrap {unit.account}` has run"


def _to_import(catalogue: Catalogue, unit: Unit, error: TerraformError, plan: PlanRecord | None) -> str:
    """Return how to take over what the plan would create and AWS has already; empty if it is something else."""
    found = existing_resources(catalogue, unit, error, plan) if plan is not None else {}
    if not found:
        return ""
    entries = ", ".join(f"{json.dumps(address)}: {json.dumps(id_ or _ID)}" for address, id_ in found.items())
    options = " ".join(f"--resource {shlex.quote(f'{address}={id_ or _ID}')}" for address, id_ in found.items())
    unknown = sorted({each.partition("[")[0].split(".")[-2] for each, id_ in found.items() if not id_})
    where = f"; the provider's documentation of {', '.join(unknown)} says what {_ID} is" if unknown else ""
    entry = f"`imports: {{{entries}}}` in its entry of {unit.at}"
    return f"to take over what exists: {entry}, or `orch adopt {unit.id} {options}`{where}"


def existing_resources(catalogue: Catalogue, unit: Unit, error: TerraformError, plan: PlanRecord) -> Mapping[str, str]:
    """Return the resources that could not be created because they exist: address in the module -> import ID, or empty.

    Args:
        catalogue: the configuration.
        unit: the unit.
        error: how the apply failed.
        plan: the plan that was applied; only what it creates counts.
    """
    created = {each.address: each for each in plan.changes if each.action is Action.CREATE and each.mode == "managed"}
    found: dict[str, str] = {}
    for each in printed_errors(error.block):
        change = created.get(each.address)
        if change is None or not each.address.startswith(_THIS) or not _EXISTS.search(f"{each.summary} {each.detail}"):
            continue
        id_ = import_id(change.type, change.after or {}, catalogue.account_of(unit), _region(change.after, unit))
        found[each.address.removeprefix(_THIS)] = id_
    return found


def _region(after: Mapping[str, object] | None, unit: Unit) -> str:
    region = (after or {}).get("region")
    return region if isinstance(region, str) and region else unit.region
