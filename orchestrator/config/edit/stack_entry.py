"""Writes inputs and imports of one unit into its stack's entry in ``live/``, with comments and order unchanged."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, SingleQuotedScalarString

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.edit.rename import FileEdit
from orchestrator.config.nodes import Node
from orchestrator.errors import UsageError

_PLAIN = re.compile(r"[A-Za-z][A-Za-z0-9_./-]*")
"""Text that needs no quotes, unless it is one of the next."""

_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})
_ONE_LINE = 100
"""A map of plain values that takes fewer characters is written on one line."""

_REFERENCE = "${{"


def stack_entry_edit(
    catalogue: Catalogue, unit: Unit, inputs: Mapping[str, Any], imports: Mapping[str, str]
) -> FileEdit:
    """Return the change to the file of a unit's stage or account.

    Args:
        catalogue: the configuration.
        unit: the unit. Its entry gets what it needs so that its inputs are exactly ``inputs``.
        inputs: variable -> value: text, numbers, booleans, lists and maps. Empty: the inputs stay as they are.
        imports: resource address in the module -> import id, in addition to those that it has.

    Raises:
        UsageError: the entry cannot be written.
    """
    path = f"live/{'accounts' if unit.of_account else 'stages'}/{unit.stage}.yaml"
    before = (catalogue.root / path).read_text(encoding="utf-8")
    yaml = _round_trip()
    document = yaml.load(before)
    stacks = document.get("stacks")
    if not isinstance(stacks, dict):
        stacks = document["stacks"] = CommentedMap()
    stacks.fa.set_block_style()
    entry = stacks.get(unit.stack)
    if not isinstance(entry, dict):
        entry = stacks[unit.stack] = CommentedMap()
    if inputs:
        _merge(entry, "inputs", _missing(plain_inputs(unit), inputs))
    _merge(entry, "imports", imports)
    text = io.StringIO()
    yaml.dump(document, text)
    return FileEdit(path, path, before, text.getvalue())


def check_writable(unit: Unit, inputs: Mapping[str, Any]) -> None:
    """Check that no text would be a reference in ``live/``.

    Raises:
        UsageError: one would.
    """
    for name, value in inputs.items():
        if _REFERENCE in repr(value):
            message = f"{name} of {unit.id} contains {_REFERENCE!r}, which live/ reads as a reference"
            raise UsageError(message, hint="change it in AWS first, or write this input by hand")


def plain_inputs(unit: Unit) -> dict[str, Any]:
    """Return a unit's inputs as plain values; a reference is an object that equals nothing."""
    return {name: _value_of(node) for name, node in unit.inputs.items()}


def _round_trip() -> YAML:
    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 1 << 20
    yaml.indent(mapping=2, sequence=4, offset=2)
    return yaml


def _value_of(node: Node) -> Any:
    value = node.value
    if isinstance(value, Mapping):
        return {key: _value_of(item) for key, item in value.items()}
    if isinstance(value, tuple):
        return [_value_of(item) for item in value]
    return value


def _missing(current: Mapping[str, Any], wanted: Mapping[str, Any]) -> dict[str, Any]:
    """Return what must be merged over ``current`` to make it ``wanted``; None removes a key."""
    found: dict[str, Any] = {key: None for key in current if key not in wanted}
    for key, value in wanted.items():
        if key not in current or not isinstance(value, Mapping) or not isinstance(current[key], Mapping):
            if key not in current or current[key] != value:
                found[key] = value
        elif inner := _missing(current[key], value):
            found[key] = inner
    return found


def _merge(entry: CommentedMap, key: str, values: Mapping[str, Any]) -> None:
    """Merge values into a map of the document."""
    if not values:
        return
    if not isinstance(entry.get(key), dict):
        entry[key] = CommentedMap()
    found = entry[key]
    for each in (entry, found):
        each.fa.set_block_style()
    for name, value in values.items():
        if isinstance(value, Mapping) and isinstance(found.get(name), dict) and value:
            _merge(found, name, value)
        else:
            found[_text(name)] = _styled(value)


def _styled(value: Any) -> Any:
    """Return a value as ruamel writes it: short maps and lists on one line, text quoted where it could be misread."""
    if isinstance(value, Mapping):
        made = CommentedMap((_text(key), _styled(item)) for key, item in value.items())
        if not _nested(value) and len(repr(dict(value))) < _ONE_LINE and None not in value.values():
            made.fa.set_flow_style()
        return made
    if isinstance(value, list):
        return _list(value)
    return _text(value) if isinstance(value, str) else value


def _list(value: list[Any]) -> Any:
    made = CommentedSeq(_styled(item) for item in value)
    if len(repr(value)) < _ONE_LINE:
        made.fa.set_flow_style()
    return made


def _nested(value: Mapping[str, Any]) -> bool:
    return any(isinstance(item, Mapping) for item in value.values())


def _text(text: str) -> str:
    if _PLAIN.fullmatch(text) and text.lower() not in _WORDS:
        return text
    single = '"' in text and "'" not in text and text.isprintable()
    quoted: str = SingleQuotedScalarString(text) if single else DoubleQuotedScalarString(text)
    return quoted
