"""Checks that modules protect their resources: with ``prevent_destroy``, and with the resource's own protection on.

The check reads constants in the configuration: literals, and the defaults and values of variables from other modules
and ``live/``. A value that only Terraform knows gives a note; the guard checks it in each plan.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import Location, Problem
from orchestrator.guard.modules.constants import Constants, PossibleValue, attribute_in
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.policies.protected_types import Loss, ProtectedType
from orchestrator.guard.policies.safeguards import AttributeValue
from orchestrator.hcl.modules.blocks import Declaration
from orchestrator.hcl.modules.read import local_closure
from orchestrator.hcl.modules.scanned import ScannedModule, scan_modules
from orchestrator.hcl.tree import Block, Constant

MODULES = "modules"


@dataclass(frozen=True, slots=True)
class ModuleCheck:
    """The result of checking the modules.

    Attributes:
        folders: the modules that were checked, sorted.
        problems: what is wrong, sorted by location.
        notes: values that only a plan knows, sorted by location.
    """

    folders: tuple[Path, ...]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]


def check_modules(catalogue: Catalogue, protected: Protected) -> ModuleCheck:
    """Check every module below ``modules/``, and the modules in this repository that the units' modules call.

    Raises:
        CatalogueError: a module cannot be read.
    """
    problems: set[Problem] = set()
    notes: set[Problem] = set()
    folders: set[Path] = set()
    for start, units in _starts(catalogue):
        closure = local_closure(start, catalogue.root)
        folders.update(closure)
        for module in scan_modules(closure, catalogue.root):
            for resource in module.declared.of_type("resource"):
                entry = protected.get(resource.labels[0])
                if entry is not None:
                    of_start = units if module.folder == start else ()
                    found = _Resource(module, resource, entry, Constants(module, of_start), catalogue)
                    problems.update(found.problems())
                    notes.update(found.notes())
    return ModuleCheck(tuple(sorted(folders)), tuple(sorted(problems, key=_place)), tuple(sorted(notes, key=_place)))


def _place(problem: Problem) -> tuple[Location, str]:
    return problem.where, problem.what


def _starts(catalogue: Catalogue) -> Iterator[tuple[Path, Sequence[Unit]]]:
    """Yield each module folder with the units that use it directly."""
    units: dict[Path, list[Unit]] = {}
    below = catalogue.root / MODULES
    for folder in sorted(below.iterdir()) if below.is_dir() else ():
        if folder.is_dir() and any(folder.glob("*.tf*")):
            units.setdefault(folder, [])
    for unit in catalogue.units.values():
        if unit.module.path is not None:
            units.setdefault(unit.module.path, []).append(unit)
    yield from units.items()


@dataclass(frozen=True, slots=True)
class _Resource:
    """One resource block of a protected type."""

    module: ScannedModule
    declared: Declaration
    entry: ProtectedType
    constants: Constants
    catalogue: Catalogue

    @property
    def name(self) -> str:
        return ".".join(self.declared.labels)

    def problems(self) -> Iterator[Problem]:
        if self.entry.severity is not Loss.HISTORY and not self._prevents():
            what = f"{self.name} is not protected by `prevent_destroy`; destroying it loses {self.entry.lost}"
            yield Problem(self.declared.at, what, "add: lifecycle { prevent_destroy = true }")
        yield from self._protection()
        for name, rule in self.entry.attributes.items():
            for value in self._values(name):
                kept = rule.keep is None or any(map(value.equals, rule.keep))
                if value.known and (not kept or any(map(value.equals, rule.never or ()))):
                    what = f"{self.name}: {name} = {_hcl(value.value)} removes a safeguard against data loss"
                    yield Problem(value.at, what, "remove it, or use another value")

    def _protection(self) -> Iterator[Problem]:
        protection = self.entry.protection
        if protection is None:
            return
        name, required = protection.attribute, protection.value
        if name not in self.declared.attributes and required is not False:
            what = f"{self.name} does not set {name}, its deletion protection"
            yield Problem(self.declared.at, what, f"add: {name} = {_hcl(required)}")
        for value in self._values(name):
            if value.known and not value.equals(required) and not self._disposable(value):
                what = (
                    f"{self.name}: {name}, its deletion protection, is {_hcl(value.value)} instead of {_hcl(required)}"
                )
                hint = "remove the input" if value.stage else f"set it to {_hcl(required)}"
                yield Problem(value.at, what, hint)

    def notes(self) -> Iterator[Problem]:
        """Yield a note for each protection whose value only a plan knows."""
        protection = self.entry.protection
        if protection is None:
            return
        for value in self._values(protection.attribute):
            if not value.known:
                what = f"{self.name}: the value of {protection.attribute} is known only in a plan"
                yield Problem(value.at, what, "the guard checks it in each plan")

    def _disposable(self, value: PossibleValue) -> bool:
        """Return whether a value belongs to a disposable stage, whose resources need no protection."""
        stage = self.catalogue.stages.get(value.stage) if value.stage is not None else None
        return stage is not None and stage.disposable

    def _prevents(self) -> bool:
        found = [block.body.attributes.get("prevent_destroy") for block in self._blocks("lifecycle")]
        set_ = [each.value for each in found if each is not None]
        return bool(set_) and isinstance(set_[-1], Constant) and set_[-1].value in {True, "true"}

    def _blocks(self, kind: str) -> Iterator[Block]:
        return (block for _, block in self.declared.blocks if block.type == kind)

    def _values(self, name: str) -> Iterable[PossibleValue]:
        found = attribute_in(self.declared, name)
        return self.constants.of(found, self.declared.place_of(name.split(".", maxsplit=1)[0])) if found else ()


def _hcl(value: AttributeValue | float | None) -> str:
    return "null" if value is None else f'"{value}"' if isinstance(value, str) else str(value).lower()
