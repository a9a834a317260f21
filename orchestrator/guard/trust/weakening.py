"""Finds how a change weakens the policies that judge it. Adding types, attributes and cases is allowed."""

from __future__ import annotations

import ast
import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, fields
from typing import Any

from orchestrator.config.yaml.reader import parse_yaml
from orchestrator.config.yaml.validation import locate
from orchestrator.errors import CatalogueError, Location
from orchestrator.guard.policies.load import CHECK_FILE, POLICIES_FOLDER
from orchestrator.guard.policies.protected import PROTECTED_FILE, Protected
from orchestrator.guard.policies.protected_types import Companion, Loss, ProtectedType
from orchestrator.guard.trust.owners import OWNERS_FILE, Owners
from orchestrator.guard.trust.pins import PINS, is_loosened, pinned
from orchestrator.guard.trust.waivers import WAIVERS_FILE

_DATA = (".json", ".md")
"""Files of a policy without code: test cases and text."""

PolicyFiles = Mapping[str, bytes]
"""File name, relative to the folder that contains ``live/`` -> content."""


@dataclass(frozen=True, slots=True, order=True)
class Weakening:
    """One way in which policies become weaker. ``what`` is a sentence; ``where`` of a removed part is its old line."""

    where: Location
    subject: str
    what: str


def weakenings(before: PolicyFiles, after: PolicyFiles, *, code: bool = False) -> tuple[Weakening, ...]:
    """Return what becomes weaker, sorted by location.

    Args:
        before: the files before the change: everything in ``policies/``, and ``PINS``.
        after: the same files after the change.
        code: a new file that can have code, such as the check of a new policy, counts as well.
    """
    gone = _policies(before) - _policies(after)
    found = [
        Weakening(
            Location(f"{POLICIES_FOLDER}/{name}/{CHECK_FILE}"),
            f"{POLICIES_FOLDER}/{name}",
            f"the policy {name} would be removed",
        )
        for name in gone
    ]
    for name in before:
        old, new = before[name], after.get(name)
        if old != new and _policy_of(name) not in gone:
            found += _file(name, old, new)
    owners = f"{POLICIES_FOLDER}/{OWNERS_FILE}"
    if owners in after and owners not in before:
        found += _owners(owners, b"", after[owners])
    if code:
        found += [
            Weakening(Location(name), name, f"the {_kind(name.rpartition('/')[2])} would be added, and it has code")
            for name in after
            if name not in before and _policy_of(name) and not name.endswith(_DATA)
        ]
    return tuple(sorted(found))


def _policies(files: PolicyFiles) -> set[str]:
    return {name for name in map(_policy_of, files) if name}


def _policy_of(name: str) -> str:
    """Return the policy whose folder contains a file, or empty."""
    parts = name.split("/")
    return parts[1] if parts[0] == POLICIES_FOLDER and len(parts) > 2 else ""


def _file(name: str, old: bytes, new: bytes | None) -> Iterator[Weakening]:
    if name in PINS:
        return _pin(name, old, new)
    if name == f"{POLICIES_FOLDER}/{WAIVERS_FILE}" or name.endswith(".md"):
        return iter(())  # removing a waiver allows less, and a new one is valid only after the merge
    if name == f"{POLICIES_FOLDER}/{PROTECTED_FILE}":
        return _protected(name, old, new)
    if name == f"{POLICIES_FOLDER}/{OWNERS_FILE}":
        return _owners(name, old, new) if new is not None else iter(())  # without owners no waiver is valid
    return _policy_file(name, old, new)


def _policy_file(name: str, old: bytes, new: bytes | None) -> Iterator[Weakening]:
    """Compare a check, a test case, or another file of a policy."""
    short = name.rpartition("/")[2]
    if new is None:
        yield Weakening(Location(name), name, f"the {_kind(short)} would be removed")
    elif not _same(short, old, new):
        yield Weakening(Location(name, _first_difference(old, new)), name, f"the {_kind(short)} would change")


def _kind(short: str) -> str:
    if short == CHECK_FILE:
        return "check"
    return "test case" if short.endswith(".json") else "file"


def _same(short: str, old: bytes, new: bytes) -> bool:
    """Return whether two versions of a file are equivalent: comments, spaces and line endings do not matter."""
    try:
        if short.endswith(".py"):
            return ast.dump(ast.parse(old)) == ast.dump(ast.parse(new))
        if short.endswith(".json"):
            return bool(json.loads(old) == json.loads(new))
    except (SyntaxError, ValueError, RecursionError):
        return False
    return old.splitlines() == new.splitlines()


def _first_difference(old: bytes, new: bytes) -> int:
    lines = new.splitlines()
    pairs = enumerate(zip(old.splitlines(), lines, strict=False), start=1)
    return next((number for number, (one, other) in pairs if one != other), max(1, len(lines)))


def _protected(name: str, old: bytes, new: bytes | None) -> Iterator[Weakening]:
    if new is None:
        yield Weakening(Location(name), name, "the list of protected resources would be removed")
        return
    try:
        was = Protected.parse(old, shown_as=name)
    except CatalogueError:
        yield Weakening(
            Location(name), name, "this version of orch cannot read the old list, so it cannot compare them"
        )
        return
    try:
        now = Protected.parse(new, shown_as=name)
    except CatalogueError as error:
        yield Weakening(error.problems[0].where, name, f"the new list is invalid: {error.problems[0].what}")
        return
    tree, old_tree = parse_yaml(new, name), parse_yaml(old, name)
    for kind, entry in was.types.items():
        if kind not in now.types:
            yield Weakening(old_tree.where(kind), kind, f"{kind} would no longer be protected")
            continue
        for keys, what in _entry(entry, now.types[kind]):
            yield Weakening(locate(tree, [kind, *keys])[0], ".".join([kind, *keys]), f"{kind}: {what}")


def _entry(was: ProtectedType | Companion, now: ProtectedType | Companion) -> Iterator[tuple[list[str], str]]:
    """Yield what one entry loses: its keys, and a sentence. Keys that are added to the record later are included."""
    for key in sorted({each.name for each in fields(was)} - {"lost"}):
        old, new = getattr(was, key), getattr(now, key)
        if key in {"when", "kept_by"}:  # they limit what is protected, so that less of them protects more
            yield from (([key, each], f"{key}: {each} would be added") for each in new if new[each] != old.get(each))
        elif isinstance(old, Mapping):
            yield from _members(key, old, new)
        else:
            what = _value(key, old, new)
            if what:
                yield [key], what


def _value(key: str, old: Any, new: Any) -> str:
    """Return how a value gets weaker; empty if it does not."""
    if isinstance(old, tuple):
        missing = [each for each in old if each not in new]
        return f"{key}: {', '.join(map(str, missing))} would be removed" if missing else ""
    if key == "severity":
        lowered = list(Loss).index(new) > list(Loss).index(old)
        return f"severity would fall from {old} to {new}" if lowered else ""
    if key == "replaceable":
        return "it could be replaced" if new and not old else ""
    return f"{key} would be removed or changed" if old not in {None, False} and old != new else ""


def _members(key: str, old: Mapping[str, object], new: Mapping[str, object]) -> Iterator[tuple[list[str], str]]:
    """Compare the parts of a key, a companion by its own keys."""
    for name, was in old.items():
        now = new.get(name)
        if isinstance(was, Companion) and isinstance(now, Companion):
            yield from (([key, name, *keys], f"{name}: {what}") for keys, what in _entry(was, now))
        elif now != was and (key, now) != ("replaced_by", "any"):
            yield [key, name], f"{key}: {name} would be removed or changed"


def _owners(name: str, old: bytes, new: bytes) -> Iterator[Weakening]:
    try:
        was = Owners.parse(old, shown_as=name)
    except CatalogueError:
        yield Weakening(
            Location(name), name, "this version of orch cannot read the old owners, so it cannot compare them"
        )
        return
    try:
        now = Owners.parse(new, shown_as=name)
    except CatalogueError as error:
        yield Weakening(error.problems[0].where, name, f"the new owners are invalid: {error.problems[0].what}")
        return
    if not now.emails:
        return
    tree = parse_yaml(new, name)
    for owner, emails in now.emails.items():
        if owner not in was.emails:
            yield Weakening(tree.where(owner), f"owner {owner}", f"{owner} would become an owner")
        elif emails != was.emails[owner]:
            what = f"the e-mail addresses of {owner} would change"
            yield Weakening(tree.where(owner), f"owner {owner}", what)


def _pin(name: str, old: bytes, new: bytes | None) -> Iterator[Weakening]:
    """Compare the version of orch that may run: a lower, wider or missing pin is weaker."""
    was, _ = pinned(name, old)
    if was is None:
        return
    now, where = pinned(name, new or b"")
    if now is None:
        yield Weakening(Location(name), f"{name}: orch", f"orch would no longer be pinned to {was}")
    elif is_loosened(was, now):
        yield Weakening(where, f"{name}: orch", f"the version of orch would change from {was} to {now or 'any'}")
