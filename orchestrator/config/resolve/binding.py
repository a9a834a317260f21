"""Binds the references of a unit to outputs of other units, and collects its upstreams."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestrator.config.live.references import OutputReference
from orchestrator.config.live.scopes import UnitDraft
from orchestrator.config.nodes import Ref
from orchestrator.config.resolve.context import ResolveContext
from orchestrator.config.resolve.values import AlreadyReportedError
from orchestrator.config.resolve.wiring import StackReference, UnboundError
from orchestrator.errors import Location
from orchestrator.util.suggest import near_miss


@dataclass(slots=True)
class ReferenceBinder:
    """Binds the references of one unit. ``bound`` collects the units that they read."""

    context: ResolveContext
    draft: UnitDraft
    bound: set[str] = field(default_factory=set)

    def bind(self, written: OutputReference, at: Location) -> Ref | None:
        """Return the output that a reference means; None where the stage sets it to null.

        Raises:
            AlreadyReportedError: the output does not exist or cannot be read.
        """
        unit = self._find(StackReference(written.stack, written.region, self.draft.region, at))
        if unit is None:
            return None
        foreign = self._is_foreign(unit)
        self._check_output(unit, written.output, at, foreign=foreign)
        self.bound.add(unit)
        return Ref(unit, written.output, written.path, at, foreign=foreign)

    def upstreams(self) -> tuple[str, ...]:
        """Return the units that must be done first: those it reads, ``depends_on``, and the account's own stacks."""
        units = set(self.bound)
        depends = self.draft.body.get("depends_on")
        for item in depends.value if depends is not None else ():
            name, _, region = item.value.partition("@")
            try:
                found = self._find(StackReference(name, region or None, self.draft.region, item.at))
            except AlreadyReportedError:
                continue
            if found is not None:
                units.add(found)
        return tuple(sorted(units.union(self._before())))

    def _before(self) -> Iterable[str]:
        """Return the account's own units for a stage, and the baseline for the account's other units."""
        scope, wiring = self.draft.scope, self.context.wiring
        if not scope.of_account:
            return wiring.own(scope.account.name)
        return () if self.draft.stack == "baseline" else wiring.own(scope.account.name, "baseline")

    def _find(self, read: StackReference) -> str | None:
        try:
            return self.context.wiring.find(self.draft.scope, read)
        except UnboundError as error:
            if error.problem is not None:
                self.context.report(error.problem.where, error.problem.what, error.problem.hint)
            raise AlreadyReportedError from error

    def _is_foreign(self, unit: str) -> bool:
        scope = self.draft.scope
        stage = unit.partition("/")[0]
        return stage != scope.name and self.context.wiring.scopes[stage].account.name != scope.account.name

    def _check_output(self, unit: str, name: str, at: Location, *, foreign: bool) -> None:
        interface = self.context.interfaces.get(unit)
        if interface is None:
            return
        output = interface.outputs.get(name)
        if output is None:
            known = ", ".join(sorted(interface.outputs)) or "none"
            hint = near_miss(name, interface.outputs) or f"outputs: {known}"
            self.context.report(at, f"{unit} has no output {name!r}", hint)
        elif output.ephemeral:
            what = f"output {name!r} of {unit} is ephemeral, so other units cannot read it"
            self.context.report(at, what, f"it is declared in {output.at}")
        elif foreign and output.sensitive:
            what = f"output {name!r} of {unit} is sensitive, so other accounts cannot read it"
            self.context.report(at, what, "store the value as a secret in this account and use `secrets:`")
        else:
            return
        raise AlreadyReportedError
