"""Reads a state file into a StateRecord: outputs and addresses; of attributes, only those that identify an object."""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from typing import Any

from orchestrator.errors import UnitError
from orchestrator.terraform.model import StateOutput, StateRecord, StateResource

_VERSION = 4
_PROVIDER = re.compile(r'provider\["([^"]+)"\]')
"""How a state names the provider of a resource: ``module.x.provider["registry.terraform.io/hashicorp/aws"].edge``."""


class UnreadableStateError(UnitError):
    """The bytes are not a state in a supported format."""


def read_state(data: bytes, identify: Collection[str] | None = frozenset(), *, unsaved: bool = False) -> StateRecord:
    """Read a state file of Terraform >= 0.12 or OpenTofu.

    Args:
        data: the file.
        identify: resource types whose objects the record identifies: the protected ones; None: all.
        unsaved: whether it is an ``errored.tfstate``, which has no lineage if Terraform could not even check whether a
            state exists (1.11.4).

    Raises:
        UnreadableStateError: it is cut off, encrypted, or of another format.
    """
    try:
        document = json.loads(data)
        version = document["version"]
        if version != _VERSION:
            raise UnreadableStateError(f"the state has format version {version!r}; orch supports {_VERSION}")
        objects = list(_objects(document.get("resources") or []))
        return StateRecord(
            lineage="" if unsaved and document["lineage"] == "" else _text(document["lineage"]),
            serial=_number(document["serial"]),
            outputs={
                name: StateOutput(value=output["value"], sensitive=bool(output.get("sensitive", False)))
                for name, output in (document.get("outputs") or {}).items()
            },
            addresses=tuple(sorted({each.address for each in objects})),
            protected=tuple(sorted(each for each in objects if identify is None or each.type in identify)),
            providers=tuple(sorted(_providers(document.get("resources") or []))),
            types=frozenset(_text(each["type"]) for each in document.get("resources") or []),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise UnreadableStateError(
            "cannot read the state: it is not a complete Terraform state file",
            hint="check the object's versions in the state bucket; do not apply before it is restored",
        ) from error


def _objects(resources: list[Any]) -> Iterator[StateResource]:
    for resource in resources:
        if resource["mode"] != "managed":
            continue
        prefix = f"{resource['module']}." if resource.get("module") else ""
        for instance in resource["instances"]:
            attributes = instance.get("attributes") or {}
            yield StateResource(
                address=f"{prefix}{resource['type']}.{resource['name']}{_key(instance.get('index_key'))}",
                type=_text(resource["type"]),
                id=_word(attributes.get("id")),
                arn=_word(attributes.get("arn")),
                name=_word(attributes.get("name")),
                deposed=_word(instance.get("deposed")),
            )


def _providers(resources: list[Any]) -> set[str]:
    managed = (str(each.get("provider", "")) for each in resources if each["mode"] == "managed")
    return {match[1] for each in managed if (match := _PROVIDER.search(each))}


def _word(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _key(index: Any) -> str:
    """Return an index as Terraform writes it in addresses: ``[0]`` or ``["name"]``."""
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
