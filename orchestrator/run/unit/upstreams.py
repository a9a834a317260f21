"""The outputs of a unit's upstreams: from their states when they are applied, from their plans in a preview."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.aws.state.outputs import StateStore
from orchestrator.config.catalogue import Catalogue, Unit, declared_outputs
from orchestrator.errors import NotAppliedError
from orchestrator.render.values import Outputs, Upstream, merge_unknown, unit_references
from orchestrator.run.unit.planned import Planned
from orchestrator.terraform.model import Action, PlanRecord


@dataclass(frozen=True, slots=True)
class UpstreamValues:
    """The upstream outputs of a unit.

    Attributes:
        values: outputs of each unit that it reads; None where no output is known yet.
        pending: upstreams that have changes to apply or cannot be planned yet, sorted. Any makes the plan a preview.
    """

    values: Upstream
    pending: tuple[str, ...]


class Upstreams:
    """Reads the outputs of upstreams. Safe to use from several threads.

    Args:
        catalogue: the configuration.
        store: reads states and published outputs, each once per run.
    """

    def __init__(self, catalogue: Catalogue, store: StateStore) -> None:
        self._catalogue = catalogue
        self._store = store

    def for_preview(self, unit: Unit, planned: Mapping[str, Planned]) -> UpstreamValues:
        """Return the outputs that the plans of a unit's upstreams announce.

        Args:
            unit: the unit to plan.
            planned: the plans of this run so far; contains every upstream that is part of the run.

        Raises:
            DeniedError, ThrottledError, SetupError: a state cannot be read.
        """
        values = {name: self._expected(name, unit, planned.get(name)) for name in _read_units(unit)}
        pending = {name for name in unit.upstreams if name in planned and planned[name].pending}
        pending |= {name for name, outputs in values.items() if outputs is None}
        return UpstreamValues(values=values, pending=tuple(sorted(pending)))

    def _expected(self, name: str, reader: Unit, planned: Planned | None) -> Outputs | None:
        upstream = self._catalogue.units[name]
        foreign = upstream.account != reader.account
        if planned is None or not planned.pending:
            outputs = self._applied(name, reader)
            if planned is None or planned.plan is None or outputs is None or foreign:
                return outputs
            # It is up to date, so what it lacks is null. Of another account it may be a value that is not published.
            return {**dict.fromkeys(declared_outputs(self._catalogue, upstream)), **outputs}
        if planned.plan is None:
            return None
        outputs = _planned_outputs(planned.plan, foreign=foreign)
        if _wanted(name, reader) <= set(outputs):
            return outputs  # The plan contains every output, including unchanged ones: no need to read the state.
        return {**(self._applied(name, reader) or {}), **outputs}

    def for_apply(self, unit: Unit) -> Upstream:
        """Return the outputs in the states of a unit's upstreams.

        Raises:
            NotAppliedError: an upstream has no state yet. Its values are never made up.
            DeniedError, ThrottledError, SetupError: a state cannot be read.
        """
        values: dict[str, Outputs] = {}
        for name in _read_units(unit):
            outputs = self._applied(name, unit)
            if outputs is None:
                ref = next(ref for _, ref in unit_references(unit) if ref.unit == name)
                what = f"{unit.id} reads {name}.{ref.output}, but {name} has not been applied yet"
                raise NotAppliedError(what, where=ref.at, hint=f"orch apply {name}")
            values[name] = outputs
        return values

    def _applied(self, name: str, reader: Unit) -> Outputs | None:
        unit = self._catalogue.units[name]
        if unit.account != reader.account:
            return self._store.published(unit)
        state = self._store.read(unit)
        if state is None:
            return None
        outputs = {key: output.value for key, output in state.outputs.items()}
        if not outputs.keys() >= _wanted(name, reader):
            outputs = {**dict.fromkeys(self._store.null_outputs(unit)), **outputs}
        return outputs if state.addresses or outputs else None  # otherwise it was destroyed


def _wanted(name: str, reader: Unit) -> set[str]:
    return {ref.output for _, ref in unit_references(reader) if ref.unit == name}


def _read_units(unit: Unit) -> tuple[str, ...]:
    return tuple(sorted({ref.unit for _, ref in unit_references(unit)}))


def _planned_outputs(plan: PlanRecord, *, foreign: bool) -> dict[str, Any]:
    return {
        name: merge_unknown(change.after, change.after_unknown)
        for name, change in plan.outputs.items()
        if change.action is not Action.DELETE and not (foreign and change.sensitive)
    }
