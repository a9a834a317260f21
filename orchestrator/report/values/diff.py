"""Compares two redacted trees, leaf by leaf.

Lists are aligned, not compared by index: an element added at the front is one addition. Lists of blocks with names
(``schema`` of Cognito, the statements of a policy) are compared by name. No difference is lost: if no leaf shows it,
the container does.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import NamedTuple

from orchestrator.report.text import quote, shorten
from orchestrator.report.values.redact import Hidden, Tree, UnknownValue, Values, digest

_DEPTH = 24
_ALIGN_LIMIT = 250_000
_IDENTITIES = ("name", "Name", "Sid", "sid", "key", "id")
_IDENTIFIER = re.compile(r"[A-Za-z_][A-Za-z0-9_-]*\Z")


class PathStep(NamedTuple):
    """A step into a value: ``raw`` as in the paths of Terraform, ``shown`` as people read it."""

    raw: str | int
    shown: str


Path = tuple[PathStep, ...]


@dataclass(frozen=True, slots=True)
class Difference:
    """Two values at one path; None if there is no value."""

    path: Path
    before: Tree
    after: Tree


def differences(before: Tree, after: Tree) -> tuple[Difference, ...]:
    """Return every difference between two trees, sorted by key.

    If one is None, everything in the other is a difference, except nulls and empty maps and lists.
    """
    differ = _Differ()
    differ.walk(before, after, (), lone=before is None or after is None)
    return tuple(differ.found)


def path_text(path: Sequence[PathStep]) -> str:
    """Return a path as text: ``schema["company"].string_attribute_constraints[0].max_length``."""
    return "".join(step.shown for step in path).removeprefix(".")


def key_step(key: str) -> PathStep:
    """Return the step to a key of a map or an attribute of an object."""
    return PathStep(key, f".{key}" if _IDENTIFIER.match(key) else f"[{quote(shorten(key, limit=60))}]")


def same(one: Tree, other: Tree) -> bool:
    """Return whether two trees are certainly equal; a missing key equals null, an unknown value equals nothing."""
    if isinstance(one, Mapping) and isinstance(other, Mapping):
        return all(same(one.get(key), other.get(key)) for key in {*one, *other})
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(same(a, b) for a, b in zip(one, other, strict=True))
    if isinstance(one, Values) and isinstance(other, Values):
        return one.digest == other.digest
    if isinstance(one, Hidden) or isinstance(other, Hidden):
        return _digest(one) is not None and _digest(one) == _digest(other)
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other  # True == 1 in Python, but not in Terraform
    return one == other


def _digest(tree: Tree) -> bytes | None:
    """Return the digest of a hidden or plain value: a mark that appears or disappears is not a change."""
    if isinstance(tree, Hidden):
        return tree.digest
    return digest(tree) if isinstance(tree, (str, bool, int, float)) else None


class _Differ:
    """Collects the differences between two values."""

    def __init__(self) -> None:
        self.found: list[Difference] = []

    def walk(self, before: Tree, after: Tree, path: Path, *, lone: bool) -> None:
        """Collect what differs. ``lone``: the parent exists on one side only, so empty values do not count."""
        if same(before, after) or (lone and _empty(before) and _empty(after)):
            return
        count = len(self.found)
        below = lone or before is None or after is None
        if len(path) < _DEPTH and _all((before, after), Mapping):
            self._maps(before or {}, after or {}, path, lone=below)  # type: ignore[arg-type]
        elif len(path) < _DEPTH and _all((before, after), list) and not _compact(before, after):
            self._lists(before or [], after or [], path, lone=below)  # type: ignore[arg-type]
        elif _all((before, after), Values):
            self.walk(_inside(before), _inside(after), path, lone=below)
        else:
            self.found.append(Difference(path, before, after))
        if len(self.found) == count and not (lone and _empty(before) and _empty(after)):
            self.found.append(Difference(path, before, after))

    def _maps(self, before: Mapping[str, Tree], after: Mapping[str, Tree], path: Path, *, lone: bool) -> None:
        for key in sorted({*before, *after}):
            self.walk(before.get(key), after.get(key), (*path, key_step(key)), lone=lone)

    def _lists(self, before: list[Tree], after: list[Tree], path: Path, *, lone: bool) -> None:
        olds, news = _identities(before, after)
        if olds or news:
            self._named(dict(zip(olds, before, strict=True)), dict(zip(news, after, strict=True)), path)
        elif len(before) * len(after) > _ALIGN_LIMIT:
            self._pair(before, after, path, (0, len(before), 0, len(after)), lone=lone)
        else:
            keys = [
                [_key(item, f"{side}{i}") for i, item in enumerate(items)]
                for side, items in (("before", before), ("after", after))
            ]
            for tag, *span in SequenceMatcher(None, keys[0], keys[1], autojunk=False).get_opcodes():
                if tag != "equal":
                    self._pair(before, after, path, (span[0], span[1], span[2], span[3]), lone=lone)

    def _named(self, before: Mapping[str, Tree], after: Mapping[str, Tree], path: Path) -> None:
        """Compare elements by name, then their order if nothing else differs."""
        count = len(self.found)
        positions = {name: i for i, name in enumerate(before)} | {name: i for i, name in enumerate(after)}
        for name in positions:
            step = PathStep(positions[name], f"[{quote(shorten(name, limit=60))}]")
            one_side = name not in before or name not in after
            self.walk(before.get(name), after.get(name), (*path, step), lone=one_side)
        if len(self.found) == count:
            self.found.append(Difference(path, list(before), list(after)))

    def _pair(
        self, before: list[Tree], after: list[Tree], path: Path, span: tuple[int, int, int, int], *, lone: bool
    ) -> None:
        """Compare a part of two lists: element by element if equally long, else the old, then the new ones."""
        old, new = before[span[0] : span[1]], after[span[2] : span[3]]
        if len(old) == len(new):
            for index, (one, other) in enumerate(zip(old, new, strict=True), start=span[2]):
                self.walk(one, other, (*path, _index(index)), lone=lone)
            return
        if any(isinstance(item, Hidden) for item in (*old, *new)):
            # elements cannot be matched: one that is marked on one side can be unmarked on the other
            old, new = [_hide(item) for item in old], [_hide(item) for item in new]
        for index, one in enumerate(old, start=span[0]):
            self._alone(one, None, (*path, _index(index)))
        for index, other in enumerate(new, start=span[2]):
            self._alone(None, other, (*path, _index(index)))

    def _alone(self, before: Tree, after: Tree, path: Path) -> None:
        """Collect an element that exists on one side only, even if it is empty."""
        count = len(self.found)
        self.walk(before, after, path, lone=True)
        if len(self.found) == count:
            self.found.append(Difference(path, before, after))


def _hide(tree: Tree) -> Tree:
    return tree if tree is None or isinstance(tree, UnknownValue) else Hidden(None)


def _index(index: int) -> PathStep:
    return PathStep(index, f"[{index}]")


def _all(pair: Iterable[Tree], kind: type) -> bool:
    """Return whether both are of a type, or one is and the other is missing."""
    there = [tree for tree in pair if tree is not None]
    return bool(there) and all(isinstance(tree, kind) for tree in there)


def _inside(tree: Tree) -> Tree:
    return tree.tree if isinstance(tree, Values) else None


def _empty(tree: Tree) -> bool:
    """Return whether a value is null or contains nothing."""
    if isinstance(tree, Mapping):
        return all(_empty(item) for item in tree.values())
    return tree is None or (isinstance(tree, list) and not tree)


def _compact(before: Tree, after: Tree) -> bool:
    """Return whether a list of plain values appears or disappears as a whole, to show it on one line."""
    if not (_empty(before) or _empty(after)):
        return False
    items = [item for tree in (before, after) if isinstance(tree, list) for item in tree]
    return not any(isinstance(item, (list, Mapping, Values)) for item in items)


def _identities(before: list[Tree], after: list[Tree]) -> tuple[list[str], list[str]]:
    """The names of both lists' elements, if each element is a map and has a name of its own; else two empty lists."""
    for key in _IDENTITIES:
        olds, news = _names(before, key), _names(after, key)
        if olds is not None and news is not None:
            return olds, news
    return [], []


def _names(items: list[Tree], key: str) -> list[str] | None:
    names = [item.get(key) if isinstance(item, Mapping) else None for item in items]
    texts = [name for name in names if isinstance(name, str) and name]
    return texts if len(texts) == len(items) == len(set(texts)) else None


def _key(tree: Tree, place: str) -> str:
    """A text that is equal for trees that are the same; ``place`` makes that of an unknown value unique."""
    if isinstance(tree, Mapping):
        items = sorted((key, item) for key, item in tree.items() if item is not None)
        return "{" + ",".join(f"{key!r}:{_key(item, place)}" for key, item in items) + "}"
    if isinstance(tree, list):
        return "[" + ",".join(_key(item, place) for item in tree) + "]"
    if isinstance(tree, Values):
        return f"json:{tree.digest.hex()}"
    if isinstance(tree, Hidden):
        return f"hidden:{tree.digest.hex() if tree.digest else place}"
    if isinstance(tree, UnknownValue):
        return f"unknown:{place}"
    return f"{type(tree).__name__}:{tree!r}"
