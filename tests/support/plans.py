"""Plans as Terraform 1.11 writes them with ``show -json``, built from their changes; and a unit to judge them for."""

from __future__ import annotations

import copy
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from orchestrator.config.catalogue import ModuleSource, Unit
from orchestrator.config.nodes import Node
from orchestrator.errors import Location
from orchestrator.terraform.model import PlanRecord

POOL = "module.this.aws_cognito_user_pool.this"

SCHEMA = {"name": "company", "attribute_data_type": "String", "mutable": True, "required": None}

USERS: dict[str, Any] = {
    "id": "eu-west-1_abc",
    "name": "ams-prod-identity",
    "deletion_protection": "ACTIVE",
    "alias_attributes": None,
    "schema": [SCHEMA],
}
"""A user pool as it is."""


def change(
    actions: list[str],
    *,
    address: str = POOL,
    before: Mapping[str, Any] | None = None,
    after: Mapping[str, Any] | None = None,
    reason: str | None = None,
    paths: list[list[str | int]] | None = None,
    unknown: Any = None,
    deposed: str | None = None,
    previous: str | None = None,
    mode: str = "managed",
) -> dict[str, Any]:
    """One entry of ``resource_changes``."""
    module, _, local = address.rpartition("module.this.")
    kind, _, name = local.partition(".")
    entry: dict[str, Any] = {
        "address": address,
        "mode": mode,
        "type": kind.removeprefix("data."),
        "name": name.split("[")[0],
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {
            "actions": actions,
            "before": before,
            "after": after,
            "after_unknown": unknown if unknown is not None else {},
            "before_sensitive": {},
            "after_sensitive": {},
        },
    }
    if address.startswith("module.this.") and not module:
        entry["module_address"] = "module.this"
    optional = {"action_reason": reason, "deposed": deposed, "previous_address": previous}
    entry.update({key: value for key, value in optional.items() if value is not None})
    if paths is not None:
        entry["change"]["replace_paths"] = paths
    return entry


def delete(**more: Any) -> dict[str, Any]:
    """The pool's block is gone."""
    return change(["delete"], before=USERS, **{"reason": "delete_because_no_resource_config", **more})


def replace(*, create_first: bool = False, **more: Any) -> dict[str, Any]:
    """An alias attribute was added to the pool, which replaces it."""
    actions = ["create", "delete"] if create_first else ["delete", "create"]
    after = {**USERS, "alias_attributes": ["email"]}
    given = {"after": after, "reason": "replace_because_cannot_update", "paths": [["alias_attributes"]], **more}
    return change(actions, before=USERS, **given)


def forget(**more: Any) -> dict[str, Any]:
    """``removed { lifecycle { destroy = false } }``."""
    return change(["forget"], before=USERS, **{"reason": "delete_because_no_resource_config", **more})


def update(before: Mapping[str, Any] | None = None, **after: Any) -> dict[str, Any]:
    """The pool (or what it was) with some attributes changed."""
    old = before if before is not None else USERS
    return change(["update"], before=old, after={**old, **after})


def plan(*changes: dict[str, Any], **over: Any) -> dict[str, Any]:
    """A whole plan around the changes, with the prior state and the planned values that belong to them."""
    changes = copy.deepcopy(changes)  # a test may damage what it gets
    managed = [each for each in changes if each["mode"] == "managed"]
    prior = [_resource(each, each["change"]["before"]) for each in managed if each["change"]["before"] is not None]
    kept = [_resource(each, each["change"]["after"]) for each in managed if each["change"]["after"] is not None]
    document: dict[str, Any] = {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {"root_module": _module(kept)},
        "resource_changes": list(changes),
        "prior_state": {"format_version": "1.0", "values": {"root_module": _module(prior)}},
        "applyable": True,
        "complete": True,
        "errored": False,
        **over,
    }
    return {key: value for key, value in document.items() if value is not ...}


def _module(resources: list[dict[str, Any]]) -> dict[str, Any]:
    return {"child_modules": [{"address": "module.this", "resources": resources}]} if resources else {}


def _resource(entry: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    kept = {key: entry[key] for key in ("address", "mode", "type", "name", "provider_name")}
    deposed = {"deposed_key": entry["deposed"]} if "deposed" in entry else {}
    return {**kept, **deposed, "values": values}


def saved(folder: Path, document: Any, **record: Any) -> PlanRecord:
    """Write a plan's JSON (or bytes that are none) and give the record of it, with no changes read."""
    file = folder / "plan.json"
    file.write_bytes(document if isinstance(document, bytes) else json.dumps(document).encode())
    return PlanRecord(file=folder / "plan", json_file=file, **record)


def a_unit(inputs: Mapping[str, Node] | None = None, module: Path | None = None) -> Unit:
    """``prod/identity``, which is the pool's unit."""
    at = Location("live/stages/prod.yaml", 4, 3)
    return Unit(
        id="prod/identity",
        stage="prod",
        stack="identity",
        account="production",
        region="eu-west-1",
        module=ModuleSource(address="user_pool", version=None, path=module, at=at),
        inputs=inputs or {},
        at=at,
    )
