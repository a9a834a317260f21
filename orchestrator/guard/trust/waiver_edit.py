"""Adds a waiver to ``policies/waivers.yaml`` without changing the rest of the file."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.scalarstring import DoubleQuotedScalarString

from orchestrator.config.yaml.scalars import AmbiguousScalarError, scalar
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.guard.trust.waivers import Waiver, parse_waivers, read_waivers

_KEYS = ("id", "rule", "unit", "address", "owner", "reason", "expires", "plan")


def entry_text(waiver: Waiver, indent: int = 0) -> str:
    """Return one waiver as an entry of the file, ``- id: …`` and a line for each key, indented by ``indent`` spaces."""
    lines = _dump([_entry(waiver)]).splitlines()
    return "".join(f"{' ' * indent}{line}\n" for line in lines)


def with_waiver(data: bytes, waiver: Waiver, *, shown_as: str) -> bytes:
    """Return the content of the file with one more waiver at its end.

    Args:
        data: the content of the file; can be empty.
        waiver: the waiver to add.
        shown_as: the name of the file in error messages.

    Raises:
        CatalogueError: the file or the waiver is invalid.
    """
    before = parse_waivers(data, shown_as=shown_as)
    text = data.decode("utf-8")
    tree = read_waivers(data, shown_as=shown_as)
    added = _added(text, tree, waiver)
    if not _reads_as(added, (*before, waiver), shown_as):
        added = _dump([*(_entry(each) for each in before), _entry(waiver)])
    parse_waivers(added.encode(), shown_as=shown_as)
    return added.encode()


def _added(text: str, tree: YamlValue | None, waiver: Waiver) -> str:
    """Return the text with the new entry after the others, or in place of ``[]``."""
    newline = "\r\n" if "\r\n" in text else "\n"
    entry = entry_text(waiver, _indent(tree)).replace("\n", newline)
    if tree is not None and not tree.value:
        lines = text.splitlines(keepends=True)
        line, column = tree.at.line - 1, tree.at.column - 1
        rest = lines[line][column:]
        after = rest[rest.index("]") + 1 :] if "]" in rest else rest
        comment = after.strip()
        lines[line] = (f"{comment}{newline}" if comment else "") + entry
        return "".join(lines)
    gap = "" if not text or text.endswith("\n") else newline
    return f"{text}{gap}{entry}"


def _indent(tree: YamlValue | None) -> int:
    """Return how far the dashes of the entries are indented."""
    return max(0, tree.value[0].at.column - 3) if tree is not None and tree.value else 0


def _reads_as(text: str, wanted: tuple[Waiver, ...], shown_as: str) -> bool:
    """Return whether the text parses to exactly these waivers."""
    try:
        found = parse_waivers(text.encode(), shown_as=shown_as)
    except Exception:  # noqa: BLE001 - whatever the error is, the text is not as intended
        return False
    return [_facts(each) for each in found] == [_facts(each) for each in wanted]


def _facts(waiver: Waiver) -> tuple[Any, ...]:
    return tuple(getattr(waiver, key) for key in _KEYS)


def _entry(waiver: Waiver) -> dict[str, Any]:
    found = {key: getattr(waiver, key) for key in _KEYS}
    return {key: _quoted(value) for key, value in found.items() if value != ""}


def _quoted(value: Any) -> Any:
    """Return text in quotes when a YAML parser could read it as something else."""
    if not isinstance(value, str):
        return value
    try:
        return value if scalar(value)[0] is YamlKind.TEXT else DoubleQuotedScalarString(value)
    except AmbiguousScalarError:
        return DoubleQuotedScalarString(value)


def _dump(entries: Any) -> str:
    yaml = YAML(typ="rt")
    yaml.width = 4096  # do not wrap lines
    out = io.StringIO()
    yaml.dump(entries, out)
    return out.getvalue()
