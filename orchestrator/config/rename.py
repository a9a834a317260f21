"""A stage, a stack or a unit renamed in ``live/``: which files change, letter by letter, so that comments stay.

What is renamed gets ``named: OLD``, so that names in AWS stay. Every place that a name can stand at is known from the
parser; nothing is searched for but references, which have a grammar of their own.
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
    """What is renamed."""

    STAGE = "stage"
    STACK = "stack"
    UNIT = "unit"


@dataclass(frozen=True, slots=True)
class Rename:
    """A rename in ``live/``. ``scope``: for a unit, the stage or account that it is in."""

    what: RenameKind
    old: str
    new: str
    scope: str = ""


@dataclass(frozen=True, slots=True)
class FileEdit:
    """One file of ``live/`` that changes. Paths are relative to the repository.

    Attributes:
        path: where it is; empty for a new file.
        to: where it will be.
        before, after: its whole text; ``before`` is empty for a new file.
    """

    path: str
    to: str
    before: str
    after: str

    def diff(self) -> str:
        """The change as a unified diff."""
        old, new = (text.splitlines(keepends=True) for text in (self.before, self.after))
        lines = list(difflib.unified_diff(old, new, self.path or "/dev/null", self.to, n=1))
        return "".join(lines) or f"--- {self.path}\n+++ {self.to}\n"


@dataclass(slots=True)
class _File:
    """A file that is being edited. Places are lines and columns counted from 1, as the parser gives them."""

    path: str
    text: str
    yaml: YamlValue
    to: str
    changes: list[tuple[int, int, int, str]] = field(default_factory=list)

    def put(self, at: Location, old: str, new: str) -> None:
        """Replace a name that begins at a place, or right after a quote there."""
        line = self.text.splitlines()[at.line - 1]
        column = at.column - 1
        if line[column : column + 1] in {'"', "'"}:
            column += 1
        if line[column : column + len(old)] != old:
            raise _by_hand(at, f"{old!r} is written here in a way that cannot be renamed")
        self.changes.append((at.line, column, len(old), new))

    def insert(self, at: Location, text: str) -> None:
        """Put text before a place."""
        self.changes.append((at.line, at.column - 1, 0, text))

    def edited(self) -> FileEdit:
        lines = self.text.splitlines(keepends=True)
        for number, column, length, text in sorted(set(self.changes), reverse=True):
            line = lines[number - 1]
            lines[number - 1] = line[:column] + text + line[column + length :]
        return FileEdit(self.path, self.to, self.text, "".join(lines))


def rename_edits(root: Path, rename: Rename) -> tuple[FileEdit, ...]:
    """The files that a rename changes, sorted by path.

    Args:
        root: the folder that contains ``live/``.
        rename: what is renamed.

    Raises:
        CatalogueError: a file cannot be read, the new name is taken, or a name is written so that only a person can
            change it.
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
    """``${{ OLD.output }}`` wherever it stands, and the schema that an editor is told in a comment."""
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
        raise _by_hand(file.yaml.at, f"{rename.scope} has {rename.old} from the stage that it extends")
    file.put(stacks.where(rename.old), rename.old, rename.new)
    _add_named(file, entry, rename.old, key=stacks.where(rename.old))
    target = f"live/stacks/{rename.new}.yaml"
    if target in files:
        return _changed(files)
    stack = files.get(f"live/stacks/{rename.old}.yaml")
    if stack is None:
        raise _by_hand(file.yaml.at, f"there is no live/stacks/{rename.old}.yaml")
    return _changed(files, FileEdit("", target, "", stack.text))


def _alone(files: dict[str, _File], rename: Rename) -> bool:
    """Whether no other stage or account has the stack, so that the stack itself may take the new name."""
    others = (file for file in (*_in(files, "stages"), *_in(files, "accounts")) if Path(file.path).stem != rename.scope)
    taken = f"live/stacks/{rename.new}.yaml" in files
    extended = any(_text(file.yaml.get("extends")) == rename.scope for file in _in(files, "stages"))
    used = any(rename.old in dict(stacks.items()) for file in others if (stacks := file.yaml.get("stacks")) is not None)
    return not (taken or extended or used)


def _move_file(files: dict[str, _File], folder: str, rename: Rename) -> _File:
    path, target = (f"live/{folder}/{name}.yaml" for name in (rename.old, rename.new))
    if target in files:
        raise CatalogueError([Problem(Location(target), f"{rename.new!r} is there already", "take another name")])
    file = files[path]
    file.to = target
    return file


def _scope_file(files: dict[str, _File], rename: Rename) -> _File:
    for folder in ("stages", "accounts"):
        if (file := files.get(f"live/{folder}/{rename.scope}.yaml")) is not None:
            return file
    raise CatalogueError([Problem(Location("live"), f"there is no stage or account {rename.scope!r}")])


def _add_named(file: _File, body: YamlValue, name: str, *, key: Location | None = None) -> None:
    """Say which names in AWS stay, unless it is said already."""
    if body.get("named") is not None:
        return
    if body.kind is YamlKind.NULL and key is not None:
        line = file.text.splitlines()[key.line - 1]
        colon = line.index(":", key.column - 1)
        file.changes.append((key.line, colon + 1, 0, f" {{named: {name}}}"))
        return
    if body.kind is not YamlKind.MAP or file.text.splitlines()[body.at.line - 1][body.at.column - 1] in "&*":
        raise _by_hand(body.at, f"`named: {name}` cannot be put in here")
    line = file.text.splitlines()[body.at.line - 1]
    if line[body.at.column - 1] == "{":
        separator = ", " if body.value else ""
        file.changes.append((body.at.line, body.at.column, 0, f"named: {name}{separator}"))
    else:
        indent = " " * (body.at.column - 1)
        file.insert(body.at, f"named: {name}  # names in AWS stay\n{indent}")


def _by_hand(at: Location, what: str) -> CatalogueError:
    hint = "rename it in live/ by hand, with `named:` for the former name; then the same command moves the states"
    return CatalogueError([Problem(at, what, hint)])


def _in(files: dict[str, _File], folder: str) -> Iterator[_File]:
    return (file for file in files.values() if file.path.startswith(f"live/{folder}/"))


def _values(yaml: YamlValue | None) -> Iterator[YamlValue]:
    return iter([value for _, value in yaml.items()] if yaml is not None else ())


def _items(yaml: YamlValue | None) -> Iterator[YamlValue]:
    return iter(yaml.value if yaml is not None and yaml.kind is YamlKind.LIST else ())


def _text(yaml: YamlValue | None) -> str:
    return str(yaml.value) if yaml is not None else ""
