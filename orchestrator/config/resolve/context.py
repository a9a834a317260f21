"""What all units share while they are resolved: the wiring, module interfaces and problems."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.config.catalogue import Account, ModuleSource, Settings
from orchestrator.config.live.scopes import UnitDraft
from orchestrator.config.live.sources import module_source
from orchestrator.config.resolve.values import ValueCache
from orchestrator.config.resolve.wiring import Wiring
from orchestrator.config.yaml.value import YamlValue
from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.hcl.modules.interface import ModuleInterface
from orchestrator.hcl.modules.read import read_module
from orchestrator.util.suggest import near_miss


@dataclass(slots=True)
class ResolveContext:
    """The state of one load. Each module is read once.

    Attributes:
        root: the repository.
        settings: the settings of ``live/orch.yaml``.
        accounts: accounts by name.
        wiring: finds the unit that a name means.
        shared: literals and texts that units share.
        problems: the problems found, each once, however many stages have it.
        interfaces: unit -> interface of its module; None for modules that Terraform fetches and modules with errors.
    """

    root: Path
    settings: Settings
    accounts: Mapping[str, Account]
    wiring: Wiring
    shared: ValueCache
    problems: list[Problem]
    interfaces: dict[str, ModuleInterface | None] = field(default_factory=dict)
    _sources: dict[YamlValue, ModuleSource | None] = field(default_factory=dict)
    _modules: dict[Path, ModuleInterface | None] = field(default_factory=dict)
    _reported: set[Problem] = field(default_factory=set)

    def report(self, at: Location, what: str, hint: str | None = None) -> None:
        """Add a problem once: a mistake in a stack file appears in every stage that has the stack."""
        problem = Problem(at, what, hint)
        if problem not in self._reported:
            self._reported.add(problem)
            self.problems.append(problem)

    def source(self, draft: UnitDraft) -> ModuleSource | None:
        """Return the module of a unit; None when it is not valid, which is reported."""
        value = draft.body.get("module")
        key = value if value is not None and draft.body.get("version") is None else draft.body
        if key not in self._sources:
            found: list[Problem] = []
            self._sources[key] = module_source(draft.body, self.wiring.files.stacks[draft.stack].at, self.root, found)
            for problem in found:
                self.report(problem.where, problem.what, problem.hint)
        return self._sources[key]

    def read_interface(self, draft: UnitDraft) -> None:
        """Read the module of a unit if it is in this repository."""
        source = self.source(draft)
        self.interfaces[draft.id] = None if source is None or source.path is None else self._module(source.path)

    def _module(self, path: Path) -> ModuleInterface | None:
        if path not in self._modules:
            try:
                self._modules[path] = read_module(path, root=self.root)
            except CatalogueError as error:
                self._modules[path] = None
                self.problems += error.problems
        return self._modules[path]

    def is_variable(self, interface: ModuleInterface | None, name: str, at: Location) -> bool:
        """Return whether a module has a variable, and report it if not. Without interface, every name is accepted."""
        if interface is None or name in interface.variables:
            return True
        known = ", ".join(sorted(interface.variables)) or "none"
        hint = near_miss(name, interface.variables) or f"variables: {known}"
        self.report(at, f"module {interface.path.name} has no variable {name!r}", hint)
        return False
