"""Finds secrets that stand in the repository: literals of sensitive variables, and text that is a credential."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.nodes import Node
from orchestrator.config.sensitive import (
    has_reference,
    looks_secret,
    may_be_secret,
    module_variables,
    secret_variables,
    written_out,
)
from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.hcl.modules.interface import Variable
from orchestrator.hcl.modules.read import local_closure
from orchestrator.hcl.modules.types import Collection, parse_type
from orchestrator.util.file_tree import file_tree
from orchestrator.util.secret_text import credential_lines

_LARGEST = 1_000_000
"""Bytes of a file that is searched."""
_MOST = 20_000_000
"""Bytes of an archive's folder that are searched, the smallest files first: secrets are in small ones."""
_SEARCHED = ("live", "policies")
_NOT_OURS = frozenset({".git", ".orch", ".terraform", ".schema", "__pycache__", "node_modules", "site-packages"})
"""Folders that are not searched. Packages of others have credentials of their tests."""
_WAY_OUT = (
    "put the value into SSM Parameter Store or Secrets Manager, make the variable ephemeral, and name the place under "
    "`secrets:` in the stack"
)
_LEAKED = "replace the credential at its issuer: whoever has the repository has it"


def literal_secrets(catalogue: Catalogue, units: Iterable[Unit]) -> Iterator[Problem]:
    """Yield each place in ``live/`` that sets a sensitive variable to a literal, once."""
    found: set[Problem] = set()
    for unit in units:
        try:
            secret, variables = secret_variables(catalogue, unit), module_variables(catalogue, unit)
        except CatalogueError:
            continue  # The check of the modules reports it.
        for name, node in unit.inputs.items():
            if name in secret:
                literals = [(name, each) for each in _secret_literals(node, alike=_is_map(variables.get(name)))][:1]
            else:
                literals = list(_named_secrets(name, node)) if unit.module.path is None else []
            for shown, literal in literals:
                found.add(Problem(literal.at, f"the sensitive variable {shown!r} is set to a literal", _WAY_OUT))
    yield from sorted(found)


def credentials_in_files(catalogue: Catalogue) -> Iterator[Problem]:
    """Yield each line of ``live/``, ``policies/``, the units' modules and archives that contains a credential."""
    root = catalogue.root
    folders = [root / name for name in _SEARCHED]
    for path in sorted({unit.module.path for unit in catalogue.units.values() if unit.module.path is not None}):
        try:
            folders += local_closure(path, root)
        except CatalogueError:
            folders.append(path)  # The check of the modules reports it.
    files = {file for folder in folders for file in _files(folder)}
    for archive in {archive.folder for unit in catalogue.units.values() for archive in unit.archives}:
        files |= set(_uploaded(archive, root))
    for file in sorted(files):
        for number, kind in credential_lines(_text(file)):
            where = Location(file.relative_to(root).as_posix(), number)
            yield Problem(where, f"this looks like {kind}", f"{_LEAKED}; then {_WAY_OUT}")


def _secret_literals(node: Node, *, alike: bool = False) -> Iterator[Node]:
    """Yield the literals in a sensitive value.

    Beside a reference in an object they are names and numbers, unless their key says otherwise.

    Args:
        node: the value.
        alike: it is a map, whose values are all of one kind.
    """
    value = node.value
    if isinstance(value, Mapping):
        mixed = not alike and has_reference(node)
        for key, item in value.items():
            if not mixed or looks_secret(key) or has_reference(item):
                yield from _secret_literals(item)
    elif isinstance(value, tuple):
        for item in value:
            yield from _secret_literals(item)
    elif may_be_secret(node):
        yield node


def _named_secrets(name: str, node: Node) -> Iterator[tuple[str, Node]]:
    """Yield what looks like a secret inside of a value that nothing declares: ``NAME.KEY``."""
    if isinstance(node.value, Mapping | tuple):
        yield from ((f"{name}.{key}", each) for key, each in written_out("", node) if may_be_secret(each))


def _is_map(variable: Variable | None) -> bool:
    wanted = parse_type(variable.type) if variable is not None else None
    return isinstance(wanted, Collection) and wanted.name == "map"


def _files(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        hidden = not _NOT_OURS.isdisjoint(file.relative_to(folder).parts)
        if not hidden and file.is_file() and not file.is_symlink() and file.stat().st_size <= _LARGEST:
            yield file


def _uploaded(folder: Path, root: Path) -> Iterator[Path]:
    """Yield the files of an archive's folder that are searched."""
    if not folder.is_dir():
        return  # Rendering reports it.
    found = {file.resolve() for file in file_tree(folder, root, _NOT_OURS.__contains__).files.values()}
    left = _MOST
    for size, file in sorted((file.stat().st_size, file) for file in found if file.is_relative_to(root.resolve())):
        left -= size
        if size > _LARGEST or left < 0:
            return
        yield root / file.relative_to(root.resolve())


def _text(file: Path) -> str:
    """Return the text of a file; empty if it is not text."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
