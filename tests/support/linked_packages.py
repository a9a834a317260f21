"""Install what a distribution requires by linking it from the environment of the tests, which takes no time."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import Distribution, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name


def link_requirements(project: Distribution, target: Path, *, extra: str = "") -> None:
    """Link the packages that a distribution requires, and what those require, and nothing else.

    Args:
        project: the distribution; it is not linked itself.
        target: the ``site-packages`` folder of another environment of the same Python.
        extra: also the requirements of this extra.
    """
    for each in _closure(project, frozenset({extra})):
        source = Path(str(each.locate_file("")))
        for name in {file.parts[0] for file in each.files or ()} - {"..", "__pycache__"}:
            link = target / name
            if not link.exists():
                link.symlink_to(source / name)


def _closure(project: Distribution, extras: frozenset[str]) -> Iterator[Distribution]:
    """Each required distribution once."""
    seen: set[tuple[str, frozenset[str]]] = set()
    todo = [(project, extras)]
    while todo:
        current, wanted = todo.pop()
        for requirement in map(Requirement, current.requires or ()):
            if requirement.marker is not None and not any(
                requirement.marker.evaluate({"extra": each}) for each in wanted | {""}
            ):
                continue
            key = (canonicalize_name(requirement.name), frozenset(requirement.extras))
            if key in seen:
                continue
            seen.add(key)
            found = project if key[0] == canonicalize_name(project.name) else distribution(requirement.name)
            if found is not project:
                yield found
            todo.append((found, key[1]))
