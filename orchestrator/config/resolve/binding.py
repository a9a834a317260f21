"""Binds the references of a unit to other units, and gathers what must be done before it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from orchestrator.config.catalogue import Ref
from orchestrator.config.live.references import OutputReference
from orchestrator.config.live.scopes import UnitDraft
from orchestrator.config.resolve.context import ResolveContext
from orchestrator.config.resolve.values import AlreadyReportedError
from orchestrator.config.resolve.wiring import StackReference, UnboundError
from orchestrator.errors import Location
from orchestrator.util.suggest import near_miss


@dataclass(slots=True)
class ReferenceBinder:
    """Binds what one unit reads. ``bound``: the units that were found."""

    context: ResolveContext
    draft: UnitDraft
    bound: set[str] = field(default_factory=set)

    def bind(self, written: OutputReference, at: Location) -> Ref | None:
        """The output that a reference means; None where the stage says null.

        Raises:
            AlreadyReportedError: it means none; the problem is told.
        """
        unit = self._find(StackReference(written.stack, written.region, self.draft.region, at))
        if unit is None:
            return None
        foreign = self._is_foreign(unit)
        self._check_output(unit, written.output, at, foreign=foreign)
        self.bound.add(unit)
        return Ref(unit, written.output, written.path, at, foreign=foreign)

    def upstreams(self) -> tuple[str, ...]:
        """Units that must be done first: those read, those named, and the account's own before its stages."""
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
        """All of the account's own units before those of its stages; among them the baseline before the others."""
        scope, wiring = self.draft.scope, self.context.wiring
        if not scope.of_account:
            return wiring.own(scope.account.name)
        return () if self.draft.stack == "baseline" else wiring.own(scope.account.name, "baseline")

    def _find(self, read: StackReference) -> str | None:
        try:
            return self.context.wiring.find(self.draft.scope, read)
        except UnboundError as error:
            if error.problem is not None:
                self.context.tell(error.problem.where, error.problem.what, error.problem.hint)
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
            hint = near_miss(name, interface.outputs) or f"it has: {known}"
            self.context.tell(at, f"{unit} has no output {name!r}", hint)
        elif output.ephemeral:
            what = f"the output {name!r} of {unit} is ephemeral: it is gone when others could read it"
            self.context.tell(at, what, f"it is declared in {output.at}")
        elif foreign and output.sensitive:
            what = f"the output {name!r} of {unit} is sensitive, so it is not published for other accounts"
            self.context.tell(at, what, "put the value into a secret store of this account, and use `secrets:`")
        else:
            return
        raise AlreadyReportedError
