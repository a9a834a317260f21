"""Reads the interface of a Terraform module from its files, and finds the modules that it calls."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TypeVar

from orchestrator.errors import CatalogueError, Problem
from orchestrator.hcl.modules.blocks import Declaration, Declarations
from orchestrator.hcl.modules.files import read_module_files, relative
from orchestrator.hcl.modules.interface import ModuleCall, ModuleInterface, Output, Variable
from orchestrator.hcl.modules.providers import aliases_of, providers_of, required_providers_of
from orchestrator.hcl.modules.types import TypeTextError, parse_type
from orchestrator.hcl.tree import Attribute, Reference, walk
from orchestrator.util.suggest import near_miss

_Made = TypeVar("_Made")


def read_module(path: Path, *, root: Path) -> ModuleInterface:
    """Read a module's variables, outputs, providers and calls. Nothing is evaluated.

    Args:
        path: the module's folder.
        root: the repository; locations in messages are relative to it.

    Raises:
        CatalogueError: the folder is missing, has no ``.tf`` file, has files that cannot be parsed, or has blocks that
            Terraform would refuse (a duplicate, a module without a source, an invalid type); all problems are reported.
    """
    declared = Declarations.of(read_module_files(path, root=root))
    problems = list(declared.problems)
    found = ModuleInterface(
        path=path,
        variables=_each(declared.of_type("variable"), _variable, problems),
        outputs=_each(declared.of_type("output"), _output, problems),
        required_providers=required_providers_of(declared),
        aliases=aliases_of(declared),
        calls=_each(declared.of_type("module"), _call, problems),
        providers=providers_of(declared),
        locals=_locals(declared.locals),
        resources=frozenset(".".join(each.labels) for each in declared.of_type("resource")),
    )
    if problems:
        raise CatalogueError(problems)
    return found


def local_closure(path: Path, root: Path) -> tuple[Path, ...]:
    """Return the folders of a module and of all local modules that it calls, directly or indirectly.

    Args:
        path: the module's folder.
        root: the repository.

    Returns:
        Folders below ``root``, without ``..``: the module's folder first, the others sorted.

    Raises:
        CatalogueError: a module cannot be read, is outside the repository, or calls itself.
    """
    first = _normal(path)
    found: set[Path] = set()
    _enter(first, root, (), found)
    return (first, *sorted(found - {first}))


def _normal(path: Path) -> Path:
    return Path(os.path.normpath(path))


def _enter(path: Path, root: Path, above: tuple[Path, ...], found: set[Path]) -> None:
    if path in found:
        return
    chain = (*above, path)
    for call in read_module(path, root=root).calls.values():
        target = _target(path, root, call)
        if target in chain:
            cycle = " → ".join(relative(each, root) for each in (*chain[chain.index(target) :], target))
            raise CatalogueError([Problem(call.at, f"the module calls itself: {cycle}")])
        if target is not None:
            _enter(target, root, chain, found)
    found.add(path)


def _target(path: Path, root: Path, call: ModuleCall) -> Path | None:
    """Return the folder that a call refers to, or None if Terraform downloads the module."""
    if call.source.startswith(("/", "~", "file:")):
        raise _outside(call)
    if not call.local:
        return None
    target = _normal(path / call.source)
    if not target.is_relative_to(_normal(root)) or not target.resolve().is_relative_to(root.resolve()):
        raise _outside(call)
    if meaning := _meaning(target.relative_to(_normal(root)).parts[:1]):
        what = f"module {call.name!r}: the source {call.source!r} is {meaning}, which cannot be a module"
        raise CatalogueError([Problem(call.at, what, "move the module to a folder below modules/")])
    if not target.is_dir():
        what = f"module {call.name!r}: the folder {relative(target, root)} does not exist"
        raise CatalogueError([Problem(call.at, what, _beside(target, root))])
    return target


def _beside(target: Path, root: Path) -> str:
    """Return a hint about a folder that does not exist: what is there instead."""
    parent = next(each for each in target.parents if each.is_dir())
    known = [each.name for each in parent.iterdir() if each.is_dir() and not each.name.startswith(".")]
    name = target.relative_to(parent).parts[0]
    return near_miss(name, known) or f"{relative(parent, root)}/ contains: {', '.join(sorted(known)) or 'no folder'}"


def _meaning(first: tuple[str, ...]) -> str:
    """Return what a folder means inside a unit's root, by the first part of its path; empty for an ordinary folder.

    Modules keep their paths in a root. Files of the repository's top folder would become files of the root and could
    override it; Terraform looks for providers in ``terraform.d``.
    """
    if not first:
        return "the repository itself"
    if first[0].lower() == "terraform.d":
        return "where Terraform looks for providers"
    return "a hidden folder" if first[0].startswith(".") else ""


def _outside(call: ModuleCall) -> CatalogueError:
    what = f"module {call.name!r}: the source {call.source!r} is outside the repository"
    hint = "copy the module to modules/, or use its address in a registry or git"
    return CatalogueError([Problem(call.at, what, hint)])


def _each(
    declarations: Iterator[Declaration], make: Callable[[Declaration], _Made], problems: list[Problem]
) -> Mapping[str, _Made]:
    found: dict[str, _Made] = {}
    for declaration in declarations:
        try:
            found[declaration.labels[0]] = make(declaration)
        except CatalogueError as error:
            problems.extend(error.problems)
    return found


def _variable(declared: Declaration) -> Variable:
    return Variable(
        name=declared.labels[0],
        type=_type(declared),
        has_default="default" in declared.attributes,
        sensitive=declared.flag("sensitive"),
        ephemeral=declared.flag("ephemeral"),
        nullable=declared.flag("nullable", unset=True),
        description=declared.text("description") or "",
        at=declared.at,
    )


def _type(declared: Declaration) -> str:
    """Return the type constraint on one line, without comments."""
    written = declared.attributes.get("type")
    if written is None:
        return "any"
    try:
        return str(parse_type(written.text))
    except TypeTextError as error:
        what = f"variable {declared.labels[0]!r}: {error}"
        raise CatalogueError([Problem(declared.place_of("type"), what)]) from error


def _output(declared: Declaration) -> Output:
    return Output(
        name=declared.labels[0],
        sensitive=declared.flag("sensitive"),
        ephemeral=declared.flag("ephemeral"),
        description=declared.text("description") or "",
        at=declared.at,
    )


def _call(declared: Declaration) -> ModuleCall:
    source = declared.text("source")
    if not source:
        what = f"module {declared.labels[0]!r}: the source is missing or is not constant text"
        raise CatalogueError([Problem(declared.at, what)])
    return ModuleCall(name=declared.labels[0], source=source, version=declared.text("version"), at=declared.at)


def _locals(declared: Mapping[str, Attribute]) -> Mapping[str, frozenset[str]]:
    """Return the variables that each local value depends on, directly or through other local values."""
    variables: dict[str, set[str]] = {}
    others: dict[str, set[str]] = {}
    for name, attribute in declared.items():
        reads = [each for each in walk(attribute.value) if isinstance(each, Reference) and each.steps]
        variables[name] = {str(each.steps[0]) for each in reads if each.root == "var"}
        others[name] = {str(each.steps[0]) for each in reads if each.root == "local"}
    return {name: frozenset(_below(name, variables, others)) for name in declared}


def _below(name: str, variables: Mapping[str, set[str]], others: Mapping[str, set[str]]) -> set[str]:
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        current = waiting.pop()
        if current not in seen:
            seen.add(current)
            found |= variables.get(current, set())
            waiting.extend(others.get(current, ()))
    return found
