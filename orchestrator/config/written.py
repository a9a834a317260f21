"""Resolved values as they are written in YAML, and where."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from orchestrator.config.catalogue import Unit
from orchestrator.config.nodes import Node, Ref, SecretRef, Text, Unset
from orchestrator.errors import Location


def written_value(node: Node) -> Any:
    """Return a resolved value as it is written in YAML, with references as ``${{ UNIT.output }}``."""
    value = node.value
    if isinstance(value, Ref | SecretRef | Unset):
        return _reference(value)
    if isinstance(value, Text):
        return "".join(part if isinstance(part, str) else _reference(part) for part in value.parts)
    if isinstance(value, Mapping):
        return {key: written_value(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [written_value(item) for item in value]
    return value


def input_location(unit: Unit, variable: str) -> Location:
    """Return where ``live/`` sets a variable of a unit's module; the unit's entry if nothing sets it."""
    if variable in unit.inputs:
        return unit.inputs[variable].at
    places = {each.variable: each.at for each in unit.name_variables}
    places |= {each.variable: each.at for each in unit.secrets} | {each.variable: each.at for each in unit.archives}
    return places.get(variable, unit.at)


def _reference(ref: Ref | SecretRef | Unset) -> str:
    if isinstance(ref, Unset):
        return f"${{{{ run.{ref.key} }}}}"
    if isinstance(ref, SecretRef):
        return f"${{{{ secrets.{ref.name} }}}}"
    path = "".join(_step(step) for step in ref.path)
    return f"${{{{ {ref.unit}.{ref.output}{path} }}}}"


def _step(step: str | int) -> str:
    if isinstance(step, int):
        return f"[{step}]"
    return f".{step}" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_-]*", step) else f'["{step}"]'
