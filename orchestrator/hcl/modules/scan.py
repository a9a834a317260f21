"""Finds the files outside its own folder that a module reads from this machine.

Local files are frozen with the rendered root, which contains copies of the unit's modules. A file outside them is not
frozen: it could change between plan and apply, or be uploaded by mistake.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.hcl.expressions import parse_template
from orchestrator.hcl.modules.files import ModuleFile, copied_files, relative
from orchestrator.hcl.modules.path_marks import UNKNOWN_PATH, display_path, leaves_modules, module_file
from orchestrator.hcl.modules.paths import Paths
from orchestrator.hcl.modules.programs import FILES
from orchestrator.hcl.modules.scanned import ScannedModule, scan_modules
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
        "templatestring",
    }
)
_TEXT = "templatestring"
"""Its argument is no path, but a template, which can call the others."""
_ATTRIBUTES = frozenset({*FILES, "output_path", "source_path"})
"""Attributes of resources and data sources that name a local file."""
_OTHER_SOURCES = frozenset({"aws_s3_object_copy"})
"""Types whose ``source`` is not a local file."""
_TEMPLATES = (".tftpl", ".tpl", ".tmpl")
_HINT = 'move the file into the module and write "${path.module}/…"'


def reads_outside_module(module_paths: Sequence[Path], root: Path) -> tuple[Problem, ...]:
    """Return every place where a unit's modules name a local file outside themselves.

    Checks the functions that read files, also in the modules' templates; the attributes of resources and data sources
    that name a file; and links that must not be followed. Follows local values, defaults of variables, arguments
    between the modules, and loops. A path that only Terraform can know is not reported.

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
        for each in reads_of(module.files):
            found.update(each.problems(module, folders))
            found.update(_problems(each.inner(module, root), module, folders))
        copied = copied_files(module.folder, root)
        found.update(Problem(Location(relative(each.path, root)), each.what, each.hint) for each in copied.refused)
        for path in copied.files.values():
            if path.suffix in _TEMPLATES and (text := _template_text(path)) is not None:
                found.update(_problems(_reads_in_template(text, Location(relative(path, root))), module, folders))
    return tuple(sorted(found, key=lambda problem: (problem.where, problem.what)))


@dataclass(frozen=True, slots=True)
class Read:
    """A place in a module that names a file.

    Attributes:
        block: address of the block in the module: ``data.a.b``, ``local.c``, ``output.d``.
        name: the function or attribute.
        arguments: the expressions that are paths; of ``templatestring``, the template.
        loops: the collections that loops around them iterate over, and the variables of the template that they are in.
        at: where.
        certain: whatever it names is a file; an attribute called ``source`` can mean something else.
        variables: what a template gets.
    """

    block: str
    name: str
    arguments: tuple[Expression, ...]
    loops: tuple[Expression, ...]
    at: Location
    certain: bool = True
    variables: tuple[Expression, ...] = ()

    def paths(self, module: ScannedModule) -> list[str]:
        """Return every path that it can name, in the form of ``Paths.of``."""
        paths = Paths(module, self.loops)
        return sorted({path for argument in self.arguments for path in paths.of(argument)})

    def problems(self, module: ScannedModule, folders: Sequence[Path]) -> Iterator[Problem]:
        """Yield each path that leads out of the folders."""
        for path in self.paths(module) if self.name != _TEXT else ():
            if leaves_modules(path, folders):
                yield Problem(self.at, f"{self.shown} leads out of the module: {display_path(path)}", _HINT)

    @property
    def shown(self) -> str:
        """The function or attribute for messages."""
        return f"{self.name}(…)" if self.name in _READERS else self.name

    def inner(self, module: ScannedModule, root: Path) -> Iterator[Read]:
        """Yield the places that name a file in the templates that are read here.

        Raises:
            CatalogueError: a template cannot be parsed.
        """
        if self.name == "templatefile":
            for file in filter(None, map(module_file, self.paths(module))):
                if (text := _template_text(file)) is not None:
                    yield from self._in_text(text, Location(relative(file, root)))
        elif self.name == _TEXT:
            for text in self.paths(module):
                yield from self._in_text(text, self.at)

    def _in_text(self, text: str, at: Location) -> Iterator[Read]:
        for each in _reads_in_template(text, at):
            block, loops = self.block, (*each.loops, *self.variables)
            yield replace(each, block=block, loops=loops, at=each.at if self.name != _TEXT else self.at)


def reads_of(files: Sequence[ModuleFile]) -> Iterator[Read]:
    """Yield the places in a module's files that name a file."""
    for file, block in _blocks(files):
        each = block.body.attributes.get("for_each")
        outer = (each.value,) if each else ()
        for attribute in attributes_of(block.body):
            loops = (*outer, *_collections(attribute.value))
            address = _address(block, attribute)
            for call in _calls(attribute.value):
                at = file.at(call.position if file.exact else attribute.position)
                yield Read(address, _bare(call.name), _paths_in(call), loops, at, variables=call.arguments[1:])
            if _names_file(block, attribute):
                certain = (block.labels[:1] or ("",))[0] in FILES.get(attribute.name, ())
                at = file.at(attribute.position)
                yield Read(address, attribute.name, (attribute.value,), loops, at, certain)


def _blocks(files: Sequence[ModuleFile]) -> Iterator[tuple[ModuleFile, Block]]:
    for file in files:
        for block in file.body.blocks:
            yield file, block
            if block.type == "check":
                yield from ((file, inner) for inner in block.body.blocks if inner.type == "data")


def _address(block: Block, attribute: Attribute) -> str:
    if block.type == "locals":
        return f"local.{attribute.name}"
    if block.type == "module":  # A waiver cannot name a whole module.
        return ".".join(("module", *block.labels, attribute.name))
    return ".".join(block.labels if block.type == "resource" else (block.type, *block.labels))


@dataclass(frozen=True, slots=True)
class FileRead:
    """A file that a unit's configuration reads, or may read, and that is not in the unit's root.

    Attributes:
        block: address of the block in its module.
        what: what is wrong.
        known: the path is known and leads out; otherwise only Terraform knows it.
        at: where.
    """

    block: str
    what: str
    known: bool
    at: Location


def reads_outside_root(
    module: ScannedModule, reads: Sequence[Read], allowed: Sequence[Path], root: Path
) -> Iterator[FileRead]:
    """Yield the places in a module of a unit that name a file outside its root, or one that only Terraform knows.

    Terraform reads such a file while it plans, and again during the apply. Nobody has looked at it, and it can have
    secrets, those of the process too (``/proc/self/environ``).

    Args:
        module: the module, connected with the modules that call it and that it calls.
        reads: its ``reads_of``.
        allowed: folders in which every file is frozen.
        root: locations in templates are relative to it.
    """
    for read in reads:
        for problem in read.problems(module, allowed):
            yield FileRead(read.block, problem.what, known=True, at=read.at)
        unknown = [path for path in read.paths(module) if UNKNOWN_PATH in path]
        if read.certain and unknown:
            what = "evaluates a template that" if read.name == _TEXT else "reads a file whose name"
            shown = f"{read.shown} {what} only Terraform knows: {display_path(unknown[0])}"
            yield FileRead(read.block, shown, known=False, at=read.at)
        try:
            yield from reads_outside_root(module, list(read.inner(module, root)), allowed, root)
        except CatalogueError as error:
            yield FileRead(read.block, error.what, known=False, at=error.where or read.at)


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


def _template_text(path: Path) -> str | None:
    """Return the text of a template. One that is not UTF-8 text is left to Terraform to refuse."""
    try:
        return path.read_bytes().decode()
    except (OSError, UnicodeDecodeError):
        return None


def _reads_in_template(text: str, at: Location) -> Iterator[Read]:
    """Yield the places in a template that name a file.

    Raises:
        CatalogueError: it cannot be parsed.
    """
    try:
        template = parse_template(text)
    except HclError as error:
        place = Location(at.file, text.count("\n", 0, error.position) + 1)
        raise CatalogueError([Problem(place, f"cannot parse the template: {error.message}")]) from error
    for call in _calls(template):
        place = Location(at.file, text.count("\n", 0, call.position) + 1)
        yield Read("", _bare(call.name), _paths_in(call), tuple(_collections(template)), place)


def _problems(reads: Iterator[Read], module: ScannedModule, folders: Sequence[Path]) -> Iterator[Problem]:
    try:
        for read in reads:
            yield from read.problems(module, folders)
    except CatalogueError as error:
        yield from error.problems
