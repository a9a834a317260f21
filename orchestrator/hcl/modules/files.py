"""Parses the files of a module folder: the same files, in the same order, as Terraform."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.hcl.json import parse_json
from orchestrator.hcl.parser import parse_hcl
from orchestrator.hcl.tree import Body, HclError
from orchestrator.util.file_tree import FileTree, file_tree

_OVERRIDE = re.compile(r"(?:.*_)?override\.tf(?:\.json)?", re.DOTALL)
_BINARY = "\0"
_NOT_COPIED = re.compile(r"\.git|\.orch|\.terraform|.*\.tfstate(?:\..*)?|.*\.tfplan", re.DOTALL | re.IGNORECASE)
"""Names of what is no part of a module: its history, Terraform's working folder, states and plans."""


@dataclass(frozen=True, slots=True)
class ModuleFile:
    """A parsed file.

    Attributes:
        name: path relative to the repository.
        text: its content.
        body: its syntax tree.
        override: whether its blocks change blocks of other files (``override.tf``, ``*_override.tf``).
        exact: whether positions inside a value are positions in the file; in JSON syntax, only those of keys are.
    """

    name: str
    text: str
    body: Body
    override: bool
    exact: bool

    def at(self, position: int) -> Location:
        """Return the location of an offset into the file."""
        return _place(self.name, self.text, position)


_SUBMODULE = "the folder is empty; if it is a git submodule: git submodule update --init"


def _place(name: str, text: str, position: int) -> Location:
    before = text[:position]
    return Location(name, before.count("\n") + 1, position - (before.rfind("\n") + 1) + 1)


def relative(path: Path, root: Path) -> str:
    """Return a path for messages: relative to the repository, or absolute if it is outside."""
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else path.as_posix()


def copied_files(folder: Path, root: Path) -> FileTree:
    """Return what is copied of a module's folder: everything but ``.git``, ``.terraform``, ``.orch``, states and plans.

    Args:
        folder: the module.
        root: the repository.
    """
    return file_tree(folder, root, lambda name: _NOT_COPIED.fullmatch(name) is not None)


def read_module_files(path: Path, *, root: Path) -> tuple[ModuleFile, ...]:
    """Parse every ``.tf`` and ``.tf.json`` file of a folder; override files come last.

    Args:
        path: the module's folder.
        root: the repository.

    Raises:
        CatalogueError: the folder is missing, has no such file, or has files that cannot be parsed (all are reported).
    """
    where = Location(relative(path, root))
    if not path.is_dir():
        raise CatalogueError([Problem(where, "the module folder does not exist")])
    problems = [_only_opentofu(each, root) for each in sorted(path.iterdir()) if read_by_opentofu(each)]
    found: list[ModuleFile] = []
    for each in configuration_files(path):
        try:
            found.append(read_file(each, root))
        except CatalogueError as error:
            problems.extend(error.problems)
    if problems:
        raise CatalogueError(problems)
    if not found:
        raise CatalogueError([Problem(where, "the module has no .tf file", _SUBMODULE if _is_empty(path) else None)])
    return tuple(found)


def _is_empty(path: Path) -> bool:
    return not any(each for each in path.iterdir() if each.name != ".git")


def configuration_files(path: Path) -> Iterator[Path]:
    """Yield the files that Terraform reads in a folder, override files last.

    Of the names that Terraform ignores (``.*``, ``*~``, ``#*#``) only the first can end with ``.tf``: it reads
    ``#notes.tf``. A link is a file to it, wherever it leads. Source: ``IsIgnoredFile`` and ``dirFileSet`` in
    https://github.com/hashicorp/terraform/blob/v1.11.4/internal/configs/parser_config_dir.go
    """
    names = [
        each.name
        for each in path.iterdir()
        if each.name.endswith((".tf", ".tf.json")) and not each.name.startswith(".")
        if each.is_symlink() or not each.is_dir()
    ]
    for name in sorted(names, key=lambda name: (bool(_OVERRIDE.fullmatch(name)), name)):
        yield path / name


def read_by_opentofu(path: Path) -> bool:
    """Return whether OpenTofu reads a file that Terraform does not."""
    return path.name.endswith((".tofu", ".tofu.json")) and not path.name.startswith(".")


def _only_opentofu(path: Path, root: Path) -> Problem:
    return Problem(
        Location(relative(path, root)),
        "only OpenTofu reads this file, so the module would differ between Terraform and OpenTofu",
        "rename it to .tf",
    )


def read_file(path: Path, root: Path) -> ModuleFile:
    """Parse one file.

    Raises:
        CatalogueError: the file cannot be read, is not text, or cannot be parsed; with its location.
    """
    name = relative(path, root)
    try:
        text = path.read_bytes().decode("utf-8-sig")  # bytes, so line endings stay as Terraform sees them
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
        raise CatalogueError([Problem(Location(name), f"the file cannot be read: {reason}")]) from error
    if _BINARY in text:
        raise CatalogueError([Problem(Location(name), "the file cannot be read: it is not text")])
    exact = not name.endswith(".json")
    try:
        body = parse_hcl(text) if exact else parse_json(text)
    except HclError as error:
        place = _place(name, text, error.position)
        raise CatalogueError([Problem(place, error.message)]) from error
    return ModuleFile(name, text, body, bool(_OVERRIDE.fullmatch(path.name)), exact)
