"""Finds the unit that a name in a reference means (``docs/live.md``, "References")."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from orchestrator.config.live.files import LiveFiles
from orchestrator.config.live.scopes import Scope, UnitDraft
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import Location, Problem
from orchestrator.util.suggest import near_miss


class UnboundError(Exception):
    """A name has no unit here. ``problem`` is None when another problem already reports the cause."""

    def __init__(self, problem: Problem | None) -> None:
        super().__init__(problem.what if problem else "")
        self.problem = problem


@dataclass(frozen=True, slots=True)
class StackReference:
    """A stack as a unit refers to it.

    Attributes:
        name: the name as written, without the region.
        region: the region as written after ``@``.
        reader: the region of the unit that contains the reference.
        at: where it is written.
    """

    name: str
    region: str | None
    reader: str
    at: Location


@dataclass(slots=True)
class Wiring:
    """All scopes, and for each scope and stack its units by region."""

    scopes: Mapping[str, Scope]
    units: Mapping[tuple[str, str], Mapping[str, str]]
    files: LiveFiles

    @classmethod
    def of(cls, scopes: Mapping[str, Scope], drafts: Iterable[UnitDraft], files: LiveFiles) -> Wiring:
        """Index the units of all scopes."""
        units: dict[tuple[str, str], dict[str, str]] = {}
        for draft in drafts:
            units.setdefault((draft.scope.name, draft.stack), {})[draft.region] = draft.id
        return cls(scopes, units, files)

    def find(self, scope: Scope, read: StackReference) -> str | None:
        """Return the unit that a name means in a scope; None where the stage sets it to null.

        Raises:
            UnboundError: no unit matches, or several do.
        """
        name = read.name
        if name in scope.stacks:
            return self._one(scope.name, name, read.region, read)
        if name in scope.uses:
            return self._used(scope, read)
        if name in self.scopes[scope.account.name].stacks:
            return self._one(scope.account.name, name, read.region, read)
        raise UnboundError(self._unbound(scope, name, read.at))

    def own(self, account: str, stack: str | None = None) -> Iterator[str]:
        """Yield the units of all stacks of an account itself, or of one of them."""
        for name in self.scopes[account].stacks if stack is None else (stack,):
            yield from self.units.get((account, name), {}).values()

    def problems(self) -> Iterator[Problem]:
        """Yield the problems of every ``uses``, including those that nothing reads."""
        for scope in self.scopes.values():
            for name, value in scope.uses.items():
                try:
                    self._target(scope, name, value)
                except UnboundError as error:
                    if error.problem is not None:
                        yield error.problem

    def _target(self, scope: Scope, name: str, value: YamlValue) -> tuple[str, str, str | None] | None:
        """Return the stage, stack and region of an entry of ``uses``; None for null."""
        if value.kind is YamlKind.NULL:
            return None
        path, _, region = value.value.partition("@")
        stage, _, stack = path.partition("/")
        if stage == scope.name:
            hint = f"refer to it by its own name: {stack}.OUTPUT"
            raise UnboundError(Problem(value.at, f"uses.{name} names a stack of the same stage", hint))
        if stage not in self.scopes:
            hint = near_miss(stage, self.scopes) or f"stages and accounts: {', '.join(sorted(self.scopes))}"
            raise self._unless_broken(stage, Problem(value.at, f"uses.{name}: unknown stage {stage!r}", hint))
        known = self.scopes[stage].stacks
        if stack not in known:
            hint = near_miss(stack, known) or f"stacks of {stage}: {', '.join(sorted(known)) or 'none'}"
            raise self._unless_broken(stack, Problem(value.at, f"uses.{name}: {stage} has no stack {stack!r}", hint))
        if self.scopes[stage].disposable and not scope.disposable:
            what = f"uses.{name}: {stage} is disposable, and {scope.name} is not, so it would lose {stage}/{stack}"
            hint = f"use a unit of a lasting stage, or make {scope.name} disposable before it is created"
            raise UnboundError(Problem(value.at, what, hint))
        units = self.units.get((stage, stack), {})
        if region and units and region not in units:
            hint = f"it is in {', '.join(sorted(units))}"
            raise UnboundError(Problem(value.at, f"uses.{name}: {stage}/{stack} is not in {region}", hint))
        return stage, stack, region or None

    def _unless_broken(self, name: str, problem: Problem) -> UnboundError:
        return UnboundError(None if name in self.files.broken else problem)

    def _used(self, scope: Scope, read: StackReference) -> str | None:
        try:
            target = self._target(scope, read.name, scope.uses[read.name])
        except UnboundError as error:
            raise UnboundError(None) from error  # reported once, where it is written
        if target is None:
            return None
        stage, stack, wired = target
        return self._one(stage, stack, read.region or wired, read)

    def _one(self, stage: str, stack: str, region: str | None, read: StackReference) -> str:
        """Return the unit in the given region, otherwise in the reader's region, otherwise the only one."""
        units = self.units.get((stage, stack), {})
        if not units:
            raise UnboundError(None)  # its regions are not valid, which is already reported
        if region is not None:
            if region not in units:
                what = f"{stage}/{stack} is not in {region}"
                raise UnboundError(Problem(read.at, what, f"it is in {', '.join(sorted(units))}"))
            return units[region]
        if read.reader in units:
            return units[read.reader]
        if len(units) == 1:
            return next(iter(units.values()))
        regions = sorted(units)
        what = f"{stage}/{stack} is in several regions ({', '.join(regions)}) but not in {read.reader}"
        raise UnboundError(Problem(read.at, what, f"write {read.name}@{regions[0]}"))

    def _unbound(self, scope: Scope, name: str, at: Location) -> Problem | None:
        if name in self.files.broken:
            return None
        if name in scope.dropped:
            what = f"{name} is used here, but it is `false` in {scope.name} ({scope.dropped[name]})"
            hint = f"remove this reference too, or add `{name}: STAGE/{name}` under `uses:` in {scope.file}"
            return Problem(at, what, hint)
        if (inherited := self._wired_by_parent(scope, name)) is not None:
            return Problem(at, f"{name} is used here, but {scope.name} does not say which unit it is", inherited)
        if name in self.files.stacks:
            return Problem(at, f"{scope.name} has no stack {name!r}", f"add `{name}:` under `stacks:` in {scope.file}")
        known = {*scope.stacks, *scope.uses, *self.scopes[scope.account.name].stacks, *self.files.stacks}
        hint = near_miss(name, known) or f"add `{name}: STAGE/STACK` under `uses:` in {scope.file}"
        return Problem(at, f"unknown stack {name!r} in {scope.name}", hint)

    def _wired_by_parent(self, scope: Scope, name: str) -> str | None:
        """Return a hint if a stage that this one extends has the name in its ``uses``, which is not inherited."""
        for parent in scope.lineage[1:]:
            wired = self.scopes[parent].uses.get(name) if parent in self.scopes else None
            if wired is not None:
                value = "null" if wired.kind is YamlKind.NULL else wired.value
                add = f"add `{name}: {value}`" + ("" if value == "null" else f" or `{name}: null`")
                return f"`uses` of {parent} is not inherited: {add} under `uses:` in {scope.file}"
        return None
