"""Resolves the inputs of a unit and checks them against the variables of its module."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, field

from orchestrator.config.catalogue import NAME_VARIABLES, ONLY_BY_ORCH, NameVariable
from orchestrator.config.live.scopes import UnitDraft
from orchestrator.config.naming import takes_names
from orchestrator.config.nodes import Node, references
from orchestrator.config.resolve.context import ResolveContext
from orchestrator.config.resolve.types import check_input
from orchestrator.config.resolve.values import AlreadyReportedError, Resolver
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import Problem
from orchestrator.hcl.modules.interface import ModuleInterface, Variable

VARIABLE_KEYS = ("inputs", "secrets", "archives")
"""Keys of a stack that set module variables."""


def given_variables(draft: UnitDraft) -> frozenset[str]:
    """Return the module variables that a stack sets."""
    found = (draft.body.get(key) for key in VARIABLE_KEYS)
    return frozenset(name for value in found if value is not None for name, _ in value.items())


@dataclass(slots=True)
class Inputs:
    """Resolves the inputs of units. Each literal is checked once for each variable."""

    context: ResolveContext
    _checked: set[tuple[Variable, YamlValue]] = field(default_factory=set)

    def of(self, draft: UnitDraft, resolver: Resolver) -> dict[str, Node]:
        """Return the inputs of a unit. An input that is not valid is reported and null."""
        written = draft.body.get("inputs")
        interface = self.context.interfaces.get(draft.id)
        inputs: dict[str, Node] = {}
        if written is None:
            return inputs
        for name, value in written.items():
            if interface is not None and name not in interface.variables:
                self.context.is_variable(interface, name, written.where(name))
                continue
            try:
                node = inputs[name] = resolver.node(value)
            except AlreadyReportedError:
                inputs[name] = Node(None, value.at)
                continue
            if interface is not None:
                self._check(interface.variables[name], node, value)
        return inputs

    def check_given(self, draft: UnitDraft, named: Sequence[NameVariable]) -> None:
        """Report every variable that is set twice or that only orch sets, and every required one that is not set.

        Args:
            draft: the unit.
            named: the variables that orch sets to names in AWS.
        """
        given: dict[str, str] = {}
        for key in VARIABLE_KEYS:
            found = draft.body.get(key)
            for name, _ in found.items() if found is not None else ():
                if name in given and found is not None:
                    what = f"{name!r} is set in both `{given[name]}` and `{key}`"
                    self.context.report(found.where(name), what, "keep one of them")
                given[name] = key
                if name in ONLY_BY_ORCH and found is not None:
                    what = f"{name!r} is set by orch, from policies/protected.yaml and the access of the account"
                    self.context.report(
                        found.where(name), what, "remove it; `denied_actions` of the baseline denies more"
                    )
        interface = self.context.interfaces.get(draft.id)
        if interface is not None:
            self._check_missing(draft, interface, {*given, *ONLY_BY_ORCH, *(each.variable for each in named)})

    def _check_missing(self, draft: UnitDraft, interface: ModuleInterface, given: Collection[str]) -> None:
        for variable in interface.variables.values():
            if not variable.has_default and variable.name not in given:
                what = f"{draft.id} does not set {variable.name!r}, which module {interface.path.name} requires"
                kind = f" ({variable.type})" if variable.type != "any" else ""
                named = variable.name in NAME_VARIABLES and takes_names(variable)
                other = ", or set `names: true` to use the name that orch makes" if named else ""
                hint = f"add it under `inputs:`{kind}{other}; it is declared in {variable.at}"
                self.context.report(draft.at, what, hint)

    def _check(self, variable: Variable, node: Node, value: YamlValue) -> None:
        if not value.has_ref:
            key = (variable, value)
            if key in self._checked:
                return
            self._checked.add(key)
        for problem in check_input(variable, node, f"inputs.{variable.name}"):
            written = _as_written(problem, value)
            self.context.report(written.where, written.what, written.hint)
        if value.has_ref and not variable.sensitive and not variable.ephemeral:
            self._check_sensitive(variable, node)

    def _check_sensitive(self, variable: Variable, node: Node) -> None:
        for ref in references(node):
            interface = self.context.interfaces.get(ref.unit)
            if interface is not None and interface.outputs[ref.output].sensitive:
                what = f"{ref.unit}.{ref.output} is sensitive, but variable {variable.name!r} is not"
                self.context.report(ref.at, what, f"add `sensitive = true` to the variable ({variable.at})")


def _as_written(problem: Problem, value: YamlValue) -> Problem:
    """Return the problem with a number as the file has it: 5.100, although its value is 5.1."""
    leaf = next((each for each in _leaves(value) if each.at == problem.where), None)
    if leaf is None or leaf.kind is not YamlKind.NUMBER or problem.hint is None:
        return problem
    shown = json.dumps(leaf.value)
    if shown == leaf.raw or not problem.hint.startswith(f'write it in quotes: "{shown}"'):
        return problem
    what = problem.what.removesuffix(shown) + leaf.raw
    return Problem(problem.where, what, f'write it in quotes: "{leaf.raw}"')


def _leaves(value: YamlValue) -> Iterator[YamlValue]:
    if value.kind is YamlKind.MAP:
        for item in value.value.values():
            yield from _leaves(item)
    elif value.kind is YamlKind.LIST:
        for item in value.value:
            yield from _leaves(item)
    else:
        yield value
