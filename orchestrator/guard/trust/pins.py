"""Reads which versions of orch a repository allows, and tells whether a change allows older or more of them."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

from orchestrator.config.live.privileged import ORCH_FILE
from orchestrator.config.yaml.reader import parse_yaml
from orchestrator.errors import CatalogueError, Location

PINNING = ("constraints.txt", "requirements.txt", "pyproject.toml")
"""Files at the top of a repository that can pin the version of orch."""
PINS = (ORCH_FILE, *PINNING)
"""Files outside ``policies/`` that determine which version of orch judges."""


def pinned(name: str, data: bytes) -> tuple[str | None, Location]:
    """Return the version of orch that a file of ``PINS`` allows, or None; and where it says so."""
    if name != ORCH_FILE:
        found, line = find_pin(name, data)
        return found, Location(name, line)
    try:
        tree = parse_yaml(data, name)
    except CatalogueError:
        return None, Location(name)
    value = tree.get("orch")
    return (value.raw or None if value is not None else None), tree.where("orch")


def is_loosened(old: str, new: str) -> bool:
    """Return whether a version specifier allows older or more versions than before; an invalid one does.

    Both are tried on the versions around those that they name, where specifiers begin and end.
    """
    try:
        before, after = SpecifierSet(old), SpecifierSet(new)
    except InvalidSpecifier:
        return old != new
    versions = sorted(_around(before, after))
    was = [each for each in versions if before.contains(each, prereleases=True)]
    now = [each for each in versions if after.contains(each, prereleases=True)]
    if not now:
        return False  # no version matches, so none runs
    lowered = not was or min(now) < min(was)
    widened = set(was) < set(now)
    return lowered or widened


def find_pin(name: str, data: bytes) -> tuple[str | None, int]:
    """Return the specifier for ``orch`` in a file of ``PINNING``, or None; and its line."""
    try:
        text = data.decode("utf-8")
        lines = text.splitlines()
        texts = _toml(tomllib.loads(text)) if name.endswith(".toml") else iter(lines)
        for each in texts:
            pin = _specifier(each)
            if pin is not None:
                return pin, next((number for number, line in enumerate(lines, start=1) if each in line), 0)
    except ValueError:
        pass
    return None, 0


def _toml(value: object) -> Iterator[str]:
    """Yield every string in the lists of a TOML file, where requirements are."""
    if isinstance(value, dict):
        for each in value.values():
            yield from _toml(each)
    elif isinstance(value, list):
        yield from (each for each in value if isinstance(each, str))


def _specifier(line: str) -> str | None:
    try:
        found = Requirement(line.split(" #", maxsplit=1)[0].split(" --hash", maxsplit=1)[0].strip())
    except InvalidRequirement:
        return None
    if found.name.lower() != "orch":
        return None
    return (f"@ {found.url}" if found.url else str(found.specifier)) or None


def _around(*sets: SpecifierSet) -> Iterator[Version]:
    yield from (Version("0"), Version("99999"))
    for text in {re.sub(r"\.\*$", "", each.version) for one in sets for each in one}:
        try:
            version = Version(text)
        except InvalidVersion:
            continue
        yield version
        yield from _near(version.release)


def _near(release: tuple[int, ...]) -> Iterable[Version]:
    """Yield the versions next to one, for each of its parts."""
    numbers = [*release, 0, 0][: max(3, len(release))]
    for position in range(len(numbers)):
        for step in (-1, 1):
            if numbers[position] + step >= 0:
                tail = [99 if step < 0 else 0] * (len(numbers) - position - 1)
                changed = [*numbers[:position], numbers[position] + step, *tail]
                text = ".".join(map(str, changed))
                yield from (Version(text), Version(f"{text}rc1"))
