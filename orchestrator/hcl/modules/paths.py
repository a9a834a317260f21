"""Finds the paths that an expression of a module can evaluate to, as far as its text tells."""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path

from orchestrator.hcl.modules.blocks import Declarations
from orchestrator.hcl.modules.files import ModuleFile, read_module_files
from orchestrator.hcl.tree import Compound, Constant, Expression, Reference, Template, parts_of

UNKNOWN_PATH = "\0?"
"""Stands for a part of a path that only Terraform knows."""
_MODULE = "\0m"
_ROOT = "\0r"
_MOST = 256
_TRANSPARENT = {"parentheses", "interpolation"}
_NO_LOOP = {"var", "local", "path", "module", "data", "count", "self", "terraform"}
"""First names of references that a loop cannot define."""


class ScannedModule:
    """One module of a unit, and what its callers pass to it.

    Args:
        folder: the module's folder, without ``..``.
        files: its parsed files.

    Attributes:
        declared: the blocks of its files.
        arguments: variable -> the expressions that local modules pass for it, each with the calling module.
    """

    def __init__(self, folder: Path, files: tuple[ModuleFile, ...]) -> None:
        self.folder = folder
        self.files = files
        self.declared = Declarations.of(files)
        self.arguments: dict[str, list[tuple[ScannedModule, Expression]]] = {}


def scan_modules(folders: Sequence[Path], root: Path) -> tuple[ScannedModule, ...]:
    """Read modules, and find the arguments that they pass to each other.

    Raises:
        CatalogueError: a module cannot be read.
    """
    normal = [Path(os.path.normpath(folder)) for folder in folders]
    found: dict[Path, ScannedModule] = {}
    for folder in normal:
        found[folder] = ScannedModule(folder, read_module_files(folder, root=root))
    for caller in found.values():
        for call in caller.declared.of_type("module"):
            called = found.get(Path(os.path.normpath(caller.folder / (call.text("source") or "."))))
            if called is not None:
                for name, attribute in call.attributes.items():
                    called.arguments.setdefault(name, []).append((caller, attribute.value))
    return tuple(found.values())


class Paths:
    """The paths that expressions in one place can evaluate to.

    Args:
        module: the module of the expressions.
        loops: the values that ``each.value`` and the names of ``for`` loops can have here.
    """

    def __init__(self, module: ScannedModule, loops: Sequence[Expression] = ()) -> None:
        self._module = module
        self._loops = loops

    def of(self, expression: Expression) -> frozenset[str]:
        """Return every text that the expression can evaluate to; ``UNKNOWN_PATH`` stands for unknown parts."""
        return frozenset(self._of(self._module, expression, frozenset()))

    def _of(self, module: ScannedModule, expression: Expression, seen: frozenset[object]) -> set[str]:
        if isinstance(expression, Constant):
            return {str(expression.value)}
        if isinstance(expression, Reference):
            return self._reference(module, expression, seen)
        if isinstance(expression, Template):
            return self._template(module, expression, seen)
        inner = parts_of(expression)
        if isinstance(expression, Compound) and expression.kind in _TRANSPARENT:
            return self._any(module, inner[:1], seen)
        if isinstance(expression, Compound) and expression.kind == "condition":
            return self._any(module, inner[1:], seen)
        # The result of a function or loop is unknown: each part can be the whole path or its end.
        parts = self._any(module, inner, seen)
        return parts | {UNKNOWN_PATH} | {f"{UNKNOWN_PATH}/{part}" for part in parts if not part.startswith("\0")}

    def _any(self, module: ScannedModule, parts: Sequence[Expression], seen: frozenset[object]) -> set[str]:
        return {found for part in parts for found in self._of(module, part, seen)}

    def _template(self, module: ScannedModule, template: Template, seen: frozenset[object]) -> set[str]:
        choices = [sorted(self._of(module, part, seen)) for part in template.parts]
        if math.prod(map(len, choices)) > _MOST:
            return {f"{UNKNOWN_PATH}/.."}  # too many to check: treated as one that leads out
        return {"".join(chosen) for chosen in itertools.product(*choices)}

    def _reference(self, module: ScannedModule, reference: Reference, seen: frozenset[object]) -> set[str]:
        name = str(reference.steps[0]) if reference.steps else ""
        if reference.root == "path":
            return {f"{_MODULE}{module.folder}" if name == "module" else _ROOT}
        if (module.folder, reference.root, name) in seen:
            return {UNKNOWN_PATH}
        deeper = seen | {(module.folder, reference.root, name)}
        found = {UNKNOWN_PATH}
        for owner, value in self._meanings(module, reference.root, name):
            found |= self._of(owner, value, deeper)
        # `local.x` with a known value is exactly that value
        alone = reference.root == "local" and len(reference.steps) == 1 and len(found) > 1
        return found - {UNKNOWN_PATH} if alone else found

    def _meanings(self, module: ScannedModule, kind: str, name: str) -> Iterator[tuple[ScannedModule, Expression]]:
        if kind == "local" and name in module.declared.locals:
            yield module, module.declared.locals[name].value
        elif kind == "var":
            variable = module.declared.named.get(("variable", (name,)))
            if variable and "default" in variable.attributes:
                yield module, variable.attributes["default"].value
            yield from module.arguments.get(name, ())
        elif kind not in _NO_LOOP and module is self._module:
            yield from ((module, each) for each in self._loops)


def leaves_modules(path: str, folders: Mapping[Path, object] | Sequence[Path]) -> bool:
    """Return whether a path leads out of the modules and of the rendered root.

    Args:
        path: one of ``Paths.of``.
        folders: the modules' folders, all of which are copied into the root.
    """
    if path.startswith(_MODULE):
        target = Path(os.path.normpath(path.removeprefix(_MODULE).replace("\0", "")))
        return not any(target.is_relative_to(folder) for folder in folders)
    if path.startswith(_ROOT):
        path = "." + path.removeprefix(_ROOT)
    if path.startswith(UNKNOWN_PATH):
        return ".." in path.split("/")
    return len(path) > 1 and (path.startswith(("/", "~")) or os.path.normpath(path).split("/")[0] == "..")


def module_file(path: str) -> Path | None:
    """Return the file that a path names, if it is below ``path.module`` and fully known; else None."""
    if not path.startswith(_MODULE) or UNKNOWN_PATH in path:
        return None
    return Path(os.path.normpath(path.removeprefix(_MODULE)))


def display_path(path: str) -> str:
    """Return a path for messages."""
    if path.startswith(_MODULE):
        return "a path below path.module"
    return path.replace(_ROOT, "${path.root}").replace(UNKNOWN_PATH, "…")
