"""Adds a waiver to ``policies/waivers.yaml`` without changing the rest of the file."""

from __future__ import annotations

import io
from typing import Any

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedSeq

from orchestrator.guard.marked import load_tree
from orchestrator.guard.trust.waivers import Waiver, parse_waivers

_KEYS = ("id", "rule", "unit", "address", "owner", "reason", "expires", "plan")


def entry_text(waiver: Waiver, indent: int = 0) -> str:
    """Return one waiver as an entry of the file, ``- id: …`` and a line for each key, indented by ``indent`` spaces."""
    entry = {key: getattr(waiver, key) for key in _KEYS if getattr(waiver, key) != ""}
    lines = _dump([entry]).splitlines()
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
    tree = load_tree(data, shown_as)
    added = _added(text, tree, waiver)
    if not _reads_as(added, (*before, waiver), shown_as):
        added = _dump([*(tree or ()), *load_tree(entry_text(waiver).encode(), shown_as)])
    parse_waivers(added.encode(), shown_as=shown_as)
    return added.encode()


def _added(text: str, tree: Any, waiver: Waiver) -> str:
    """Return the text with the new entry after the others, or in place of ``[]``."""
    newline = "\r\n" if "\r\n" in text else "\n"
    entry = entry_text(waiver, _indent(tree)).replace("\n", newline)
    if isinstance(tree, CommentedSeq) and not tree:
        lines = text.splitlines(keepends=True)
        line, column = tree.lc.line, tree.lc.col
        rest = lines[line][column:]
        after = rest[rest.index("]") + 1 :] if "]" in rest else rest
        comment = after.strip()
        lines[line] = (f"{comment}{newline}" if comment else "") + entry
        return "".join(lines)
    gap = "" if not text or text.endswith("\n") else newline
    return f"{text}{gap}{entry}"


def _indent(tree: Any) -> int:
    """Return the column of the dashes of the entries."""
    if isinstance(tree, CommentedSeq) and tree:
        return max(0, int(tree.lc.item(0)[1]) - 2)
    return 0


def _reads_as(text: str, wanted: tuple[Waiver, ...], shown_as: str) -> bool:
    """Return whether the text parses to exactly these waivers."""
    try:
        found = parse_waivers(text.encode(), shown_as=shown_as)
    except Exception:  # noqa: BLE001 - whatever the error is, the text is not as intended
        return False
    return [_facts(each) for each in found] == [_facts(each) for each in wanted]


def _facts(waiver: Waiver) -> tuple[Any, ...]:
    return tuple(getattr(waiver, key) for key in _KEYS)


def _dump(entries: Any) -> str:
    yaml = YAML(typ="rt")
    yaml.width = 4096  # do not wrap lines
    out = io.StringIO()
    yaml.dump(entries, out)
    return out.getvalue()
