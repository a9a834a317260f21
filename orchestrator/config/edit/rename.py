"""Renames a stage, a stack or a unit in ``live/``. Edits only the names, so that comments and layout stay.

What is renamed gets ``named: OLD``, so that its names in AWS stay. The parser gives the location of every name. Only
references are found by a text search.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path

from orchestrator.config.yaml.reader import read_yaml
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import CatalogueError, Location, Problem

_FOLDERS = ("accounts", "stages", "stacks")


class RenameKind(StrEnum):
    """The kind of thing that is renamed."""

    STAGE = "stage"
    STACK = "stack"
    UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Rename:
    """A rename in ``live/``. ``scope`` is the stage or account of a unit."""

    what: RenameKind
    old: str
    new: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class FileEdit:
    """A change of one file in ``live/``. Paths are relative to the repository.

    Attributes:
        path: the present path; empty for a new file.
        to: the new path.
        before, after: the whole text; ``before`` is empty for a new file.
    """

    path: str
    to: str
    before: str
    after: str

    def diff(self) -> str:
        """Return the change as a unified diff."""
        old, new = (text.splitlines(keepends=True) for text in (self.before, self.after))
        lines = list(difflib.unified_diff(old, new, self.path or "/dev/null", self.to, n=1))
        return "".join(lines) or f"--- {self.path}\n+++ {self.to}\n"


@dataclass(slots=True)
class _File:
    """A file that is being edited. Lines and columns count from 1, as in the parser."""

    path: str
    text: str
    yaml: YamlValue
    to: str
    changes: list[tuple[int, int, int, str]] = field(default_factory=list)

    def put(self, at: Location, old: str, new: str) -> None:
        """Replace a name that starts at a location, or after a quote at that location."""
        line = self.text.splitlines()[at.line - 1]
        column = at.column - 1
        if line[column : column + 1] in {'"', "'"}:
            column += 1
        if line[column : column + len(old)] != old:
            raise _manual(at, f"orch cannot rename {old!r} as it is written here")
        self.changes.append((at.line, column, len(old), new))

    def insert(self, at: Location, text: str) -> None:
        """Insert text before a location."""
        self.changes.append((at.line, at.column - 1, 0, text))

    def edited(self) -> FileEdit:
        lines = self.text.splitlines(keepends=True)
        for number, column, length, text in sorted(set(self.changes), reverse=True):
            line = lines[number - 1]
            lines[number - 1] = line[:column] + text + line[column + length :]
        return FileEdit(self.path, self.to, self.text, "".join(lines))


def rename_edits(root: Path, rename: Rename) -> tuple[FileEdit, ...]:
    """Return the files that a rename changes, sorted by path.

    Args:
        root: the folder that contains ``live/``.
        rename: what is renamed.

    Raises:
        CatalogueError: a file cannot be read, the new name is taken, or a name is written in a way that orch cannot
            edit.
    """
    files = {path: _read(path, root) for folder in _FOLDERS for path in sorted((root / "live" / folder).glob("*.yaml"))}
    by_path = {file.path: file for file in files.values()}
    if rename.what is RenameKind.STAGE:
        _rename_stage(by_path, rename)
    elif rename.what is RenameKind.STACK or _alone(by_path, rename):
        _rename_stack(by_path, rename)
    else:
        return _rename_unit(by_path, rename)
    return _changed(by_path)


def _changed(files: dict[str, _File], *more: FileEdit) -> tuple[FileEdit, ...]:
    edits = [file.edited() for file in files.values() if file.changes or file.to != file.path]
    return tuple(sorted([*edits, *more], key=lambda edit: edit.to))


def _read(path: Path, root: Path) -> _File:
    name = path.relative_to(root).as_posix()
    yaml = read_yaml(path, root=root)
    return _File(name, path.read_text(encoding="utf-8"), yaml, name)


def _rename_stage(files: dict[str, _File], rename: Rename) -> None:
    own = _move_file(files, "stages", rename)
    _add_named(own, own.yaml, rename.old)
    for file in _in(files, "stages"):
        extends = file.yaml.get("extends")
        if extends is not None and extends.value == rename.old:
            file.put(extends.at, rename.old, rename.new)
        for value in _values(file.yaml.get("uses")):
            if str(value.value).startswith(f"{rename.old}/"):
                file.put(value.at, f"{rename.old}/", f"{rename.new}/")


def _rename_stack(files: dict[str, _File], rename: Rename) -> None:
    own = _move_file(files, "stacks", rename)
    _add_named(own, own.yaml, rename.old)
    for file in files.values():
        for key in ("stacks", "uses"):
            where = file.yaml.get(key)
            if where is not None and rename.old in dict(where.items()):
                file.put(where.where(rename.old), rename.old, rename.new)
        for value in _values(file.yaml.get("uses")):
            stage, _, unit = str(value.value).partition("/")
            if unit.partition("@")[0] == rename.old:
                file.put(value.at, f"{stage}/{rename.old}", f"{stage}/{rename.new}")
        for body in (file.yaml, *_values(file.yaml.get("stacks"))):
            for item in _items(body.get("depends_on")):
                if str(item.value).partition("@")[0] == rename.old:
                    file.put(item.at, rename.old, rename.new)
        _rename_references(file, rename)


def _rename_references(file: _File, rename: Rename) -> None:
    """Rename ``${{ OLD.output }}`` everywhere, and the schema in the first line of a file."""
    old = re.escape(rename.old)
    patterns = (rf"\$\{{\{{\s*({old})(?=\s*[@.])", rf"\.schema/stacks/({old})\.json")
    for number, line in enumerate(file.text.splitlines(), start=1):
        for pattern in patterns:
            for found in re.finditer(pattern, line):
                file.changes.append((number, found.start(1), len(rename.old), rename.new))


def _rename_unit(files: dict[str, _File], rename: Rename) -> tuple[FileEdit, ...]:
    file = _scope_file(files, rename)
    stacks = file.yaml.get("stacks")
    entry = stacks.get(rename.old) if stacks is not None else None
    if stacks is None or entry is None:
        raise _manual(file.yaml.at, f"{rename.scope} inherits {rename.old} from the stage it extends")
    file.put(stacks.where(rename.old), rename.old, rename.new)
    _add_named(file, entry, rename.old, key=stacks.where(rename.old))
    target = f"live/stacks/{rename.new}.yaml"
    if target in files:
        return _changed(files)
    stack = files.get(f"live/stacks/{rename.old}.yaml")
    if stack is None:
        raise _manual(file.yaml.at, f"live/stacks/{rename.old}.yaml does not exist")
    return _changed(files, FileEdit("", target, "", stack.text))


def _alone(files: dict[str, _File], rename: Rename) -> bool:
    """Return whether no other stage or account has the stack, so that the stack file itself can be renamed."""
    others = (file for file in (*_in(files, "stages"), *_in(files, "accounts")) if Path(file.path).stem != rename.scope)
    taken = f"live/stacks/{rename.new}.yaml" in files
    extended = any(_text(file.yaml.get("extends")) == rename.scope for file in _in(files, "stages"))
    used = any(rename.old in dict(stacks.items()) for file in others if (stacks := file.yaml.get("stacks")) is not None)
    return not (taken or extended or used)


def _move_file(files: dict[str, _File], folder: str, rename: Rename) -> _File:
    path, target = (f"live/{folder}/{name}.yaml" for name in (rename.old, rename.new))
    if target in files:
        raise CatalogueError([Problem(Location(target), f"{rename.new!r} already exists", "choose another name")])
    file = files[path]
    file.to = target
    return file


def _scope_file(files: dict[str, _File], rename: Rename) -> _File:
    for folder in ("stages", "accounts"):
        if (file := files.get(f"live/{folder}/{rename.scope}.yaml")) is not None:
            return file
    raise CatalogueError([Problem(Location("live"), f"unknown stage or account {rename.scope!r}")])


def _add_named(file: _File, body: YamlValue, name: str, *, key: Location | None = None) -> None:
    """Add ``named``, unless it is already set."""
    if body.get("named") is not None:
        return
    if body.kind is YamlKind.NULL and key is not None:
        line = file.text.splitlines()[key.line - 1]
        colon = line.index(":", key.column - 1)
        file.changes.append((key.line, colon + 1, 0, f" {{named: {name}}}"))
        return
    if body.kind is not YamlKind.MAP or file.text.splitlines()[body.at.line - 1][body.at.column - 1] in "&*":
        raise _manual(body.at, f"orch cannot add `named: {name}` here")
    line = file.text.splitlines()[body.at.line - 1]
    if line[body.at.column - 1] == "{":
        separator = ", " if body.value else ""
        file.changes.append((body.at.line, body.at.column, 0, f"named: {name}{separator}"))
    else:
        indent = " " * (body.at.column - 1)
        file.insert(body.at, f"named: {name}  # keeps its names in AWS\n{indent}")


def _manual(at: Location, what: str) -> CatalogueError:
    hint = "edit live/ yourself and set `named:` to the old name; then run the same command to move the states"
    return CatalogueError([Problem(at, what, hint)])


def _in(files: dict[str, _File], folder: str) -> Iterator[_File]:
    return (file for file in files.values() if file.path.startswith(f"live/{folder}/"))


def _values(yaml: YamlValue | None) -> Iterator[YamlValue]:
    return iter([value for _, value in yaml.items()] if yaml is not None else ())


def _items(yaml: YamlValue | None) -> Iterator[YamlValue]:
    return iter(yaml.value if yaml is not None and yaml.kind is YamlKind.LIST else ())


def _text(yaml: YamlValue | None) -> str:
    return str(yaml.value) if yaml is not None else ""
