"""Whether a pin of orch lets in more than it did: versions that are older, or any that it kept out."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Iterator

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.version import InvalidVersion, Version

PINNING = ("constraints.txt", "requirements.txt", "pyproject.toml")
"""Files at the top of a repository in which the version of orch may be held."""


def is_loosened(old: str, new: str) -> bool:
    """Whether a version specifier was lowered or widened; one that cannot be read counts as loosened.

    Tried out on the versions around those that the two name, which is where specifiers begin and end.
    """
    try:
        before, after = SpecifierSet(old), SpecifierSet(new)
    except InvalidSpecifier:
        return old != new
    versions = sorted(_around(before, after))
    was = [each for each in versions if before.contains(each, prereleases=True)]
    now = [each for each in versions if after.contains(each, prereleases=True)]
    if not now:
        return False  # nothing fits: nothing runs
    lowered = not was or min(now) < min(was)
    widened = set(was) < set(now)
    return lowered or widened


def find_pin(name: str, data: bytes) -> tuple[str | None, int]:
    """The specifier that a file of ``PINNING`` gives ``orch``, and its line; None when it names none."""
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
    """Every text in the lists of a TOML file: that is where requirements stand."""
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
    """The versions next to one, in each of its places."""
    numbers = [*release, 0, 0][: max(3, len(release))]
    for place in range(len(numbers)):
        for step in (-1, 1):
            if numbers[place] + step >= 0:
                tail = [99 if step < 0 else 0] * (len(numbers) - place - 1)
                changed = [*numbers[:place], numbers[place] + step, *tail]
                text = ".".join(map(str, changed))
                yield from (Version(text), Version(f"{text}rc1"))
