"""Finds the files outside its own folder that a module reads from this machine.

Local files are frozen with the rendered root, which contains copies of the unit's modules. A file outside them is not
frozen: it could change between plan and apply, or be uploaded by mistake.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import Location, Problem
from orchestrator.hcl.expressions import parse_template
from orchestrator.hcl.modules.files import ModuleFile, relative
from orchestrator.hcl.modules.paths import Paths, ScannedModule, display_path, leaves_modules, module_file, scan_modules
from orchestrator.hcl.tree import Attribute, Block, Compound, Expression, FunctionCall, HclError, attributes_of, walk

_READERS = frozenset(
    {
        "file",
        "filebase64",
        "filebase64sha256",
        "filebase64sha512",
        "fileexists",
        "filemd5",
        "fileset",
        "filesha1",
        "filesha256",
        "filesha512",
        "templatefile",
    }
)
_ATTRIBUTES = frozenset({"filename", "output_path", "source", "source_dir", "source_file", "source_path"})
"""Attributes of resources and data sources that name a local file."""
_OTHER_SOURCES = frozenset({"aws_s3_object_copy"})
"""Types whose ``source`` is not a local file."""
_TEMPLATES = (".tftpl", ".tpl", ".tmpl")
_HINT = 'move the file into the module and write "${path.module}/…"'


def reads_outside_module(module_paths: Sequence[Path], root: Path) -> tuple[Problem, ...]:
    """Return every place where a unit's modules name a local file outside themselves.

    Checks the functions that read files, also in the modules' templates; the attributes of resources and data sources
    that name a file; and links. Follows local values, defaults of variables, arguments between the modules, and loops.
    A path that only Terraform can know is not reported.

    Args:
        module_paths: the folders that are copied into the unit's root (``local_closure``).
        root: the repository.

    Returns:
        The problems, each once, sorted by location.

    Raises:
        CatalogueError: a module cannot be read.
    """
    modules = scan_modules(module_paths, root)
    folders = tuple(module.folder for module in modules)
    found: set[Problem] = set()
    for module in modules:
        for each in _reads(module):
            found.update(each.problems(folders))
            for template in each.templates():
                found.update(_in_template(template, module, folders, root))
        for path in _copied(module.folder):
            found.update(_link(path, root))
            if path.suffix in _TEMPLATES:
                found.update(_in_template(path, module, folders, root))
    return tuple(sorted(found, key=lambda problem: (problem.where, problem.what)))


@dataclass(frozen=True, slots=True)
class _Read:
    """A place that names a file. ``name``: the function or attribute."""

    name: str
    arguments: tuple[Expression, ...]
    paths: Paths
    at: Location

    def problems(self, folders: Sequence[Path]) -> Iterator[Problem]:
        for path in sorted(path for argument in self.arguments for path in self.paths.of(argument)):
            if leaves_modules(path, folders):
                call = f"{self.name}(…)" if self.name in _READERS else self.name
                yield Problem(self.at, f"{call} leads out of the module: {display_path(path)}", _HINT)

    def templates(self) -> Iterator[Path]:
        """Yield the template files that are read here."""
        if self.name == "templatefile":
            yield from (path for path in map(module_file, self.paths.of(self.arguments[0])) if path)


def _reads(module: ScannedModule) -> Iterator[_Read]:
    for file, block in _blocks(module):
        each = block.body.attributes.get("for_each")
        outer = (each.value,) if each else ()
        for attribute in attributes_of(block.body):
            loops = (*outer, *_collections(attribute.value))
            paths = Paths(module, loops)
            for call in _calls(attribute.value):
                place = call.position if file.exact else attribute.position
                yield _Read(_bare(call.name), _paths_in(call), paths, file.at(place))
            if _names_file(block, attribute):
                yield _Read(attribute.name, (attribute.value,), paths, file.at(attribute.position))


def _blocks(module: ScannedModule) -> Iterator[tuple[ModuleFile, Block]]:
    for file in module.files:
        yield from ((file, block) for block in file.body.blocks)


def _copied(folder: Path) -> Iterator[Path]:
    """Yield everything in a module's folder that is copied into the root; tests and hidden files are not."""
    for path in folder.rglob("*"):
        parts = path.relative_to(folder).parts
        if "tests" not in parts and not any(part.startswith(".") for part in parts):
            yield path


def _collections(value: Expression) -> Iterator[Expression]:
    """Yield the collections that the ``for`` loops in a value iterate over."""
    return (each.parts[0] for each in walk(value) if isinstance(each, Compound) and each.kind == "for")


def _bare(name: str) -> str:
    return name.removeprefix("core::")


def _calls(value: Expression) -> Iterator[FunctionCall]:
    return (
        each
        for each in walk(value)
        if isinstance(each, FunctionCall) and _bare(each.name) in _READERS and each.arguments
    )


def _paths_in(call: FunctionCall) -> tuple[Expression, ...]:
    """Return the arguments that are paths: a folder and a pattern for ``fileset``, else the first one."""
    return call.arguments[:2] if _bare(call.name) == "fileset" else call.arguments[:1]


def _names_file(block: Block, attribute: Attribute) -> bool:
    if block.type not in {"resource", "data", "ephemeral"} or attribute.name not in _ATTRIBUTES:
        return False
    return attribute.name != "source" or block.labels[:1] == () or block.labels[0] not in _OTHER_SOURCES


def _in_template(path: Path, module: ScannedModule, folders: Sequence[Path], root: Path) -> Iterator[Problem]:
    """Check the file reads of a template. A template that is not UTF-8 text is left to Terraform to refuse."""
    name = relative(path, root)
    if not path.is_file():
        return
    try:
        text = path.read_bytes().decode()
        template = parse_template(text)
    except (OSError, UnicodeDecodeError):
        return
    except HclError as error:
        line = text.count("\n", 0, error.position) + 1
        yield Problem(Location(name, line), f"cannot parse the template: {error.message}")
        return
    for call in _calls(template):
        at = Location(name, text.count("\n", 0, call.position) + 1)
        read = _Read(_bare(call.name), _paths_in(call), Paths(module, tuple(_collections(template))), at)
        yield from read.problems(folders)


def _link(path: Path, root: Path) -> Iterator[Problem]:
    if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(Path(os.path.realpath(root))):
        at = Location(relative(path, root))
        yield Problem(at, "the link leads out of the repository", "copy the file itself into the module")
