"""Are the modules armed? Each protected resource says that it may not be destroyed, and that its own protection is on.

Told is what can be read from the text: constants, and what variables have by default or get from other modules and from
``live/``. What only Terraform can know is told apart, as a note; the plan's judgement looks at the value itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import Location, Problem
from orchestrator.guard.modules.constants import Constants, PossibleValue, attribute_in
from orchestrator.guard.policies.protected import AttributeValue, Protected, ProtectedType
from orchestrator.hcl.modules.blocks import Declaration
from orchestrator.hcl.modules.paths import ScannedModule, scan_modules
from orchestrator.hcl.modules.read import local_closure
from orchestrator.hcl.tree import Block, Constant

MODULES = "modules"


@dataclass(frozen=True, slots=True)
class ModuleCheck:
    """What was found about the modules.

    Attributes:
        folders: the modules that were looked at, sorted.
        problems: what is wrong, sorted by place.
        notes: what the text does not say, sorted by place.
    """

    folders: tuple[Path, ...]
    problems: tuple[Problem, ...]
    notes: tuple[Problem, ...]


def check_modules(catalogue: Catalogue, protected: Protected) -> ModuleCheck:
    """Look at every module below ``modules/`` and at what the units' modules call in this repository.

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
    """Each module folder with the units whose module it is."""
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
    """One block of a protected type."""

    module: ScannedModule
    declared: Declaration
    entry: ProtectedType
    constants: Constants
    catalogue: Catalogue

    @property
    def name(self) -> str:
        return ".".join(self.declared.labels)

    def problems(self) -> Iterator[Problem]:
        if not self._prevents():
            what = f"{self.name} may be destroyed, which loses {self.entry.lost}"
            yield Problem(self.declared.at, what, "add: lifecycle { prevent_destroy = true }")
        yield from self._protection()
        for name, danger in self.entry.disarmed_by.items():
            for known in self._values(name):
                if known.is_(danger):
                    what = f"{self.name}: {name} is {danger!r}, which takes a safety net away"
                    yield Problem(known.at, what, "leave it out, or give it another value")

    def _protection(self) -> Iterator[Problem]:
        protection = self.entry.protection
        if protection is None:
            return
        name, armed = protection.attribute, protection.value
        if name not in self.declared.attributes and armed is not False:
            what = f"{self.name} does not set its protection {name}"
            yield Problem(self.declared.at, what, f"add: {name} = {_hcl(armed)}")
        for known in self._values(name):
            if known.sure and not known.is_(armed) and not self._disposable(known):
                what = f"{self.name}: its protection {name} is {known.value!r}, not {armed!r}"
                hint = "leave the input out" if known.stage else f"write {_hcl(armed)}"
                yield Problem(known.at, what, hint)

    def notes(self) -> Iterator[Problem]:
        """Of which protections the text does not say what they will be."""
        protection = self.entry.protection
        if protection is None:
            return
        for known in self._values(protection.attribute):
            if not known.sure:
                what = f"{self.name}: only a plan knows what its protection {protection.attribute} will be"
                yield Problem(known.at, what, "the guard looks at it in each plan")

    def _disposable(self, known: PossibleValue) -> bool:
        """A stage that may be thrown away says itself that what is in it is to go."""
        stage = self.catalogue.stages.get(known.stage) if known.stage is not None else None
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


def _hcl(value: AttributeValue) -> str:
    return f'"{value}"' if isinstance(value, str) else str(value).lower()
