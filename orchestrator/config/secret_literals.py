"""Secrets that stand in ``live/`` or in a module: literals of sensitive variables, and text that is a credential."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.nodes import Node, Ref, Text
from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.hcl.modules.interface import Variable
from orchestrator.hcl.modules.read import local_closure, read_module
from orchestrator.util.secret_text import credential_in

HIDDEN = "(sensitive)"
_LARGEST = 1_000_000
"""Bytes of a file that is searched."""
_SEARCHED = ("live", "policies")
_WAY_OUT = (
    "put the value into SSM Parameter Store or Secrets Manager, make the variable ephemeral, and name the place under "
    "`secrets:` in the stack"
)
_LEAKED = "replace the credential at its issuer: whoever has the repository has it"


def secret_variables(catalogue: Catalogue, unit: Unit) -> frozenset[str]:
    """Return the names of a unit's variables that are sensitive or ephemeral; none if its module is elsewhere.

    Raises:
        CatalogueError: the module cannot be read.
    """
    return frozenset(each.name for each in _variables(catalogue, unit).values() if each.sensitive or each.ephemeral)


def without_secrets(node: Node, *, sensitive: bool) -> Node:
    """Return a resolved value with ``(sensitive)`` for its literals, or at least for those that are credentials.

    References stay: they show where a value comes from, not what it is.

    Args:
        node: the value.
        sensitive: the variable is sensitive, so each literal may be a secret.
    """
    value = node.value
    if isinstance(value, Mapping):
        return Node({key: without_secrets(item, sensitive=sensitive) for key, item in value.items()}, node.at)
    if isinstance(value, tuple):
        return Node(tuple(without_secrets(item, sensitive=sensitive) for item in value), node.at)
    if isinstance(value, Text):
        parts = tuple(
            HIDDEN if isinstance(part, str) and (sensitive or credential_in(part)) else part for part in value.parts
        )
        return Node(Text(parts, value.at), node.at)
    hides = _may_be_secret(node) and (sensitive or (isinstance(value, str) and bool(credential_in(value))))
    return Node(HIDDEN, node.at) if hides else node


def literal_secrets(catalogue: Catalogue, units: Iterable[Unit]) -> Iterator[Problem]:
    """Yield each place in ``live/`` that sets a sensitive variable to a literal, once."""
    found: set[Problem] = set()
    of_module: dict[Path | None, frozenset[str]] = {}
    for unit in units:
        path = unit.module.path
        if path not in of_module:
            try:
                of_module[path] = secret_variables(catalogue, unit)
            except CatalogueError:
                of_module[path] = frozenset()  # The check of the modules reports it.
        for name in of_module[path] & unit.inputs.keys():
            what = f"the sensitive variable {name!r} is set to a literal"
            found |= {Problem(node.at, what, _WAY_OUT) for node in _secret_literals(unit.inputs[name])}
    yield from sorted(found)


def credentials_in_files(catalogue: Catalogue) -> Iterator[Problem]:
    """Yield each line of ``live/``, of ``policies/`` and of the units' modules that contains a credential."""
    root = catalogue.root
    folders = [root / name for name in _SEARCHED]
    for path in sorted({unit.module.path for unit in catalogue.units.values() if unit.module.path is not None}):
        try:
            folders += local_closure(path, root)
        except CatalogueError:
            folders.append(path)  # The check of the modules reports it.
    for file in sorted({file for folder in folders for file in _files(folder)}):
        for number, line in enumerate(_text(file).splitlines(), start=1):
            if kind := credential_in(line):
                where = Location(file.relative_to(root).as_posix(), number)
                yield Problem(where, f"this looks like {kind}", f"{_LEAKED}; then {_WAY_OUT}")


def _variables(catalogue: Catalogue, unit: Unit) -> Mapping[str, Variable]:
    path = unit.module.path
    return read_module(path, root=catalogue.root).variables if path is not None else {}


def _may_be_secret(node: Node) -> bool:
    """Return whether a value is a literal that can be a secret: text or a number."""
    value = node.value
    return (isinstance(value, str) and value != "") or (isinstance(value, int | float) and not isinstance(value, bool))


def _secret_literals(node: Node) -> Iterator[Node]:
    """Yield the literals in a value; none if a part of it is a reference, beside which they are names and numbers."""
    leaves = list(_leaves(node))
    if not any(isinstance(leaf.value, Ref | Text) for leaf in leaves):
        yield from [leaf for leaf in leaves if _may_be_secret(leaf)][:1]


def _leaves(node: Node) -> Iterator[Node]:
    if isinstance(node.value, Mapping):
        for item in node.value.values():
            yield from _leaves(item)
    elif isinstance(node.value, tuple):
        for item in node.value:
            yield from _leaves(item)
    else:
        yield node


def _files(folder: Path) -> Iterator[Path]:
    for file in folder.rglob("*"):
        hidden = any(part in {".git", ".terraform", ".schema"} for part in file.relative_to(folder).parts)
        if not hidden and file.is_file() and not file.is_symlink() and file.stat().st_size <= _LARGEST:
            yield file


def _text(file: Path) -> str:
    """Return the text of a file; empty if it is not text."""
    try:
        return file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError):
        return ""
