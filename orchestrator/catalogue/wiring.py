"""From a name in a reference to the unit that it means (CATALOGUE.md, rules 3 and 5)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from orchestrator.catalogue.files import Files
from orchestrator.catalogue.near import near_miss
from orchestrator.catalogue.scalars import Kind
from orchestrator.catalogue.scopes import Draft, Scope
from orchestrator.errors import Location, Problem


class UnboundError(Exception):
    """A name means nothing here. ``problem`` is None when another problem already says why."""

    def __init__(self, problem: Problem | None) -> None:
        super().__init__(problem.what if problem else "")
        self.problem = problem


@dataclass(frozen=True, slots=True)
class Wiring:
    """All scopes, and the units of each of their stacks by region."""

    scopes: Mapping[str, Scope]
    units: Mapping[tuple[str, str], Mapping[str, str]]
    files: Files

    @classmethod
    def of(cls, scopes: Mapping[str, Scope], drafts: Iterable[Draft], files: Files) -> Wiring:
        """Index the units."""
        units: dict[tuple[str, str], dict[str, str]] = {}
        for draft in drafts:
            units.setdefault((draft.scope.name, draft.stack), {})[draft.region] = draft.id
        return cls(scopes, units, files)

    def find(self, scope: Scope, name: str, region: str | None, reader: str, at: Location) -> str | None:
        """The unit that a name means for a reader; None where the stage says null.

        Args:
            scope: of the reader.
            name: as written, without the region.
            region: as written after ``@``.
            reader: the region of the unit that reads.
            at: where the reference stands.

        Raises:
            UnboundError: it means no unit, or several.
        """
        if name in scope.stacks:
            return self._one(scope.name, name, region, reader, at)
        if name in scope.uses:
            return self._used(scope, name, region, reader, at)
        if name in self.scopes[scope.account.name].stacks:
            return self._one(scope.account.name, name, region, reader, at)
        raise UnboundError(self._unbound(scope, name, at))

    def _used(self, scope: Scope, name: str, region: str | None, reader: str, at: Location) -> str | None:
        value = scope.uses[name]
        if value.kind is Kind.NULL:
            return None
        path, _, written = value.value.partition("@")
        stage, _, stack = path.partition("/")
        if stage not in self.scopes:
            if stage in self.files.broken:
                raise UnboundError(None)
            hint = near_miss(stage, self.scopes)
            raise UnboundError(Problem(value.at, f"uses.{name}: there is no stage {stage!r}", hint))
        target = self.scopes[stage]
        if stack not in target.stacks:
            if stack in self.files.broken:
                raise UnboundError(None)
            hint = near_miss(stack, target.stacks) or f"{stage} has: {', '.join(sorted(target.stacks)) or 'no stacks'}"
            raise UnboundError(Problem(value.at, f"uses.{name}: {stage} has no stack {stack!r}", hint))
        return self._one(stage, stack, region or written or None, reader, at)

    def _one(self, stage: str, stack: str, region: str | None, reader: str, at: Location) -> str:
        """The unit in the wanted region, else in the reader's, else the only one."""
        units = self.units.get((stage, stack), {})
        if not units:
            raise UnboundError(None)  # its regions are wrong, which is said already
        if region is not None:
            if region not in units:
                what = f"{stage}/{stack} is not in {region}"
                raise UnboundError(Problem(at, what, f"it is in {', '.join(sorted(units))}"))
            return units[region]
        if reader in units:
            return units[reader]
        if len(units) == 1:
            return next(iter(units.values()))
        first = sorted(units)[0]
        what = f"{stage}/{stack} is in {', '.join(sorted(units))}, and not in {reader}, so one must be named"
        raise UnboundError(Problem(at, what, f"write {stack}@{first}.OUTPUT"))

    def _unbound(self, scope: Scope, name: str, at: Location) -> Problem | None:
        if name in self.files.broken:
            return None
        if name in scope.dropped:
            what = f"{name} is read here, but it is `false` in {scope.name} ({scope.dropped[name]})"
            hint = f"take the reader out as well, or wire it: `{name}: STAGE/{name}` under `uses:` in {scope.file}"
            return Problem(at, what, hint)
        if name in self.files.stacks:
            return Problem(at, f"{scope.name} has no {name}", f"add `{name}:` under `stacks:` in {scope.file}")
        hint = (
            near_miss(name, {*scope.stacks, *scope.uses}) or f"add `{name}: STAGE/STACK` under `uses:` in {scope.file}"
        )
        return Problem(at, f"nothing is called {name} in {scope.name}", hint)
