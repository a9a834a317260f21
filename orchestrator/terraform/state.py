"""A state file -> StateRecord: outputs and addresses, never the resources' attributes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

from orchestrator.errors import UnitError
from orchestrator.terraform.records import StateOutput, StateRecord

_VERSION = 4


class UnreadableStateError(UnitError):
    """Some bytes are not a state in the format that orch knows."""


def read_state(data: bytes) -> StateRecord:
    """Read a state file of Terraform >= 0.12 or OpenTofu.

    Raises:
        UnreadableStateError: it is cut off, encrypted, or of another format.
    """
    try:
        document = json.loads(data)
        version = document["version"]
        if version != _VERSION:
            raise UnreadableStateError(f"the state has the format {version!r}; orch knows {_VERSION}")
        return StateRecord(
            lineage=_text(document["lineage"]),
            serial=_number(document["serial"]),
            outputs={
                name: StateOutput(value=output["value"], sensitive=bool(output.get("sensitive", False)))
                for name, output in (document.get("outputs") or {}).items()
            },
            addresses=tuple(sorted(set(_addresses(document.get("resources") or [])))),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableStateError(
            "the state cannot be read: it is not a whole state file of Terraform's",
            hint="look at the object's versions in the state bucket; do not apply until it is whole",
        ) from error


def _addresses(resources: list[Any]) -> Iterator[str]:
    for resource in resources:
        if resource["mode"] != "managed":
            continue
        prefix = f"{resource['module']}." if resource.get("module") else ""
        for instance in resource["instances"]:
            yield f"{prefix}{resource['type']}.{resource['name']}{_key(instance.get('index_key'))}"


def _key(index: Any) -> str:
    """``[0]`` or ``["name"]``, as Terraform writes it in addresses."""
    if index is None:
        return ""
    if isinstance(index, str):
        quoted = json.dumps(index, ensure_ascii=False).replace("${", "$${").replace("%{", "%%{")
        return f"[{quoted}]"
    return f"[{index:d}]"


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise TypeError("text expected")
    return value


def _number(value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool):
        raise TypeError("whole number expected")
    return value
