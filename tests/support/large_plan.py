"""A plan's JSON of any size, written without ever being whole in memory: one root with many tables."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any, TextIO

TYPE = "aws_dynamodb_table"
ADDRESS = "module.this.aws_dynamodb_table.this"
_DENSE = (",", ":")
"""No blanks, as Terraform writes it."""


def write_large_plan(file: Path, *, megabytes: int, changed_every: int = 20, lost: int | None = None) -> int:
    """Write a plan as ``terraform show -json`` would.

    Args:
        file: where to.
        megabytes: how large it shall be at least.
        changed_every: every so manieth table is updated.
        lost: number of the table that is deleted; None: none is.

    Returns:
        how many tables the plan is about.
    """
    of_one = sum(len(json.dumps(each, separators=_DENSE)) for each in (_change(0, "no-op"), _resource(0), _resource(0)))
    count = megabytes * 1_000_000 // of_one + 1
    with file.open("w", encoding="utf-8") as out:
        out.write('{"format_version":"1.2","terraform_version":"1.11.4","planned_values":')
        _state(out, (_resource(n) for n in range(count) if n != lost))
        out.write(',"resource_changes":')
        _list(out, (_change(n, _action(n, changed_every, lost)) for n in range(count)))
        out.write(',"prior_state":{"format_version":"1.0","terraform_version":"1.11.4","values":')
        _state(out, (_resource(n) for n in range(count)))
        out.write('},"configuration":{"root_module":{}},"applyable":true,"complete":true,"errored":false}')
    return count


def _action(number: int, changed_every: int, lost: int | None) -> str:
    if number == lost:
        return "delete"
    return "no-op" if number % changed_every else "update"


def _values(number: int) -> dict[str, Any]:
    """About what the provider has for a table with an index: 2 kB."""
    names = [f"attribute_{number}_{each}" for each in range(12)]
    return {
        "arn": f"arn:aws:dynamodb:eu-west-1:111111111111:table/ams-prod-{number:06}",
        "name": f"ams-prod-{number:06}",
        "deletion_protection_enabled": True,
        "attribute": [{"name": name, "type": "S"} for name in names],
        "global_secondary_index": [
            {"name": f"by-{name}", "hash_key": name, "projection_type": "ALL", "non_key_attributes": []}
            for name in names[:6]
        ],
        "point_in_time_recovery": [{"enabled": True, "recovery_period_in_days": 35}],
        "tags": {"owner": "platform", "stage": "prod", "number": str(number)},
        "read_capacity": 0,
    }


def _address(number: int) -> str:
    return f'{ADDRESS}["{number:06}"]'


def _resource(number: int) -> dict[str, Any]:
    named = {"address": _address(number), "mode": "managed", "type": TYPE, "name": "this", "index": f"{number:06}"}
    return {**named, "values": _values(number), "sensitive_values": {"attribute": [{}] * 12}}


def _change(number: int, action: str) -> dict[str, Any]:
    before = _values(number)
    after = None if action == "delete" else {**before, "read_capacity": 5 if action == "update" else 0}
    return {
        "address": _address(number),
        "module_address": "module.this",
        "mode": "managed",
        "type": TYPE,
        "name": "this",
        "index": f"{number:06}",
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {
            "actions": [action],
            "before": before,
            "after": after,
            "after_unknown": {},
            "before_sensitive": {"attribute": [{}] * 12},
            "after_sensitive": {"attribute": [{}] * 12},
        },
    }


def _state(out: TextIO, resources: Iterator[dict[str, Any]]) -> None:
    out.write('{"root_module":{"child_modules":[{"address":"module.this","resources":')
    _list(out, resources)
    out.write("}]}}")


def _list(out: TextIO, entries: Iterator[dict[str, Any]]) -> None:
    out.write("[")
    for number, entry in enumerate(entries):
        out.write("," if number else "")
        json.dump(entry, out, separators=_DENSE)
    out.write("]")
