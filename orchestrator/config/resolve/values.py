"""Resolves values: binds references to units and fills in built-ins."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import NoReturn

from orchestrator.config.live.files import BUILT_INS
from orchestrator.config.live.references import (
    BuiltIn,
    OutputReference,
    Part,
    ReferenceTextError,
    lookalikes,
    spaced_words,
    split,
)
from orchestrator.config.live.run_values import RunValues
from orchestrator.config.nodes import Node, PlainValue, Ref, SecretRef, Text, Unset, Value
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import Location, Problem
from orchestrator.util.suggest import near_miss

Bind = Callable[[OutputReference, Location], Ref | None]
"""Finds the output of a reference; None where the stage sets it to null. Raises ``AlreadyReportedError``."""


class AlreadyReportedError(Exception):
    """A value cannot be resolved, and its problem is already reported."""


class ValueCache:
    """Literals and parsed texts, so that units that inherit a value share one node. It lasts for one load.

    Args:
        stack_names: names that a reference can start with.
        problems: where problems with texts go, once each.
        run: the values of the run.
    """

    def __init__(self, stack_names: frozenset[str], problems: list[Problem], run: RunValues) -> None:
        self.problems = problems
        self.run = run
        self._stack_names = stack_names
        self._literals: dict[YamlValue, Node] = {}
        self._parts: dict[YamlValue, tuple[Part, ...] | None] = {}

    def literal(self, value: YamlValue) -> Node:
        """Return the node of a value that has no references."""
        node = self._literals.get(value)
        if node is None:
            node = self._literals[value] = Node(self._plain(value), value.at)
        return node

    def _plain(self, value: YamlValue) -> Value:
        if value.kind is YamlKind.MAP:
            return {key: self.literal(item) for key, item in value.items()}
        if value.kind is YamlKind.LIST:
            return tuple(self.literal(item) for item in value.value)
        scalar: str | int | float | bool | None = value.value
        return scalar

    def split(self, value: YamlValue) -> tuple[Part, ...]:
        """Split a text into literal parts and references.

        Raises:
            AlreadyReportedError: a reference in it is not valid.
        """
        if value not in self._parts:
            self._parts[value] = self._split(value)
        found = self._parts[value]
        if found is None:
            raise AlreadyReportedError
        return found

    def _split(self, value: YamlValue) -> tuple[Part, ...] | None:
        for stack, written, right in lookalikes(value.value):
            if stack in self._stack_names:
                what = f"{written!r} looks like a reference to {stack}, but is plain text"
                self.problems.append(Problem(value.at, what, f"write {right}"))
                return None
        for name, written in spaced_words(value.value):
            if name in BUILT_INS:
                what = f"{written!r} looks like a reference to {name}, but is plain text"
                self.problems.append(Problem(value.at, what, f"write ${{{{ {name} }}}}"))
                return None
        try:
            return split(value.value)
        except ReferenceTextError as error:
            self.problems.append(Problem(value.at, str(error)))
            return None


@dataclass(slots=True)
class Resolver:
    """Resolves the values of one unit. ``run_values`` and ``unset`` collect what it reads of the run's values.

    ``secrets``: the secrets that values can refer to; None where they cannot. ``used_secrets`` collects those.
    """

    shared: ValueCache
    built_ins: Mapping[str, str]
    bind: Bind
    run_values: dict[str, PlainValue] = field(default_factory=dict)
    unset: list[Unset] = field(default_factory=list)
    secrets: frozenset[str] | None = None
    used_secrets: set[str] = field(default_factory=set)

    def node(self, value: YamlValue) -> Node:
        """Return a value with its references bound.

        Raises:
            AlreadyReportedError: it cannot be resolved.
        """
        if not value.has_ref:
            return self.shared.literal(value)
        if value.kind is YamlKind.MAP:
            return Node(dict(zip(value.value, self._nodes(value.value.values()), strict=True)), value.at)
        if value.kind is YamlKind.LIST:
            return Node(tuple(self._nodes(value.value)), value.at)
        return self._text(value)

    def _nodes(self, values: Iterable[YamlValue]) -> list[Node]:
        """Resolve several values. A problem in one does not hide problems in the next."""
        nodes: list[Node] = []
        failed: AlreadyReportedError | None = None
        for value in values:
            try:
                nodes.append(self.node(value))
            except AlreadyReportedError as error:
                failed = error
        if failed is not None:
            raise failed
        return nodes

    def text(self, value: YamlValue) -> str:
        """Return a text with its built-ins filled in.

        Raises:
            AlreadyReportedError: it refers to an output or an unknown built-in.
        """
        filled = []
        for part in self.shared.split(value):
            if isinstance(part, OutputReference):
                what = f"an output is not available here; available: {', '.join(sorted(self.built_ins))}"
                self._report(value, what)
            filled.append(self._built_in(part, value) if isinstance(part, BuiltIn) else str(part))
        return "".join(filled)

    def _text(self, value: YamlValue) -> Node:
        parts = self.shared.split(value)
        if len(parts) == 1:
            return Node(self._part(parts[0], value), value.at)
        bound: list[str | Ref | SecretRef] = []
        unset: Unset | None = None
        for part in parts:
            found = self._part(part, value)
            if isinstance(found, Unset):
                unset = found
            elif isinstance(found, Ref | SecretRef):
                bound.append(found)
            else:
                literal = self._literal(part, found, value)
                before = bound[-1] if bound else None
                bound[-1:] = [before + literal] if isinstance(before, str) else [*bound[-1:], literal]
        if unset is not None:
            return Node(unset, value.at)
        if len(bound) == 1 and isinstance(bound[0], str):
            return Node(bound[0], value.at)
        return Node(Text(tuple(bound), value.at), value.at)

    def _part(self, part: Part, value: YamlValue) -> PlainValue | Ref | SecretRef | Unset:
        if isinstance(part, BuiltIn):
            return self._built_in(part, value)
        if isinstance(part, OutputReference):
            if part.stack == "secrets":
                return self._secret(part, value)
            return self._run_value(part, value) if part.stack == "run" else self.bind(part, value.at)
        return part

    def _secret(self, part: OutputReference, value: YamlValue) -> SecretRef:
        name = part.output
        if self.secrets is None:
            what = "secrets can be read only in provider arguments"
            self._report(value, what, f"a module variable gets one under `secrets:`, e.g. {name}: ssm:/…")
        if name not in self.secrets or part.path or part.region:
            known = f"secrets: {', '.join(sorted(self.secrets))}" if self.secrets else None
            hint = near_miss(name, self.secrets) or known or f"add `{name}: ssm:/…` under `secrets:`"
            self._report(value, f"the stack has no secret {name!r}", hint)
        self.used_secrets.add(name)
        return SecretRef(name, value.at)

    def _literal(self, part: Part, found: PlainValue, value: YamlValue) -> str:
        """Return a value as part of a text."""
        if isinstance(part, OutputReference) and found is None:
            shown = f"run.{part.output}" if part.stack == "run" else part.stack
            hint = f"set another value for this input where {shown} is null"
            self._report(value, f"{shown} is null here, so it cannot be part of a text", hint)
        return found if isinstance(found, str) else json.dumps(found)

    def _run_value(self, part: OutputReference, value: YamlValue) -> PlainValue | Unset:
        run, name = self.shared.run, part.output
        if part.region is not None or part.path:
            self._report(value, f"run.{name} is a single value", f"write ${{{{ run.{name} }}}}")
        if name not in run.declared:
            hint = near_miss(name, run.declared) or f"declare it in live/orch.yaml: `run: {{{name}: {{type: string}}}}`"
            self._report(value, f"${{{{ run.{name} }}}} is not declared in live/orch.yaml", hint)
        if name not in run.values:
            unset = Unset(name, value.at)
            self.unset.append(unset)
            return unset
        found = self.run_values[name] = run.values[name]
        return found

    def _built_in(self, part: BuiltIn, value: YamlValue) -> str:
        if part.name not in self.built_ins:
            near = near_miss(part.name, self.built_ins)
            hint = near or "built-ins: " + ", ".join(sorted(self.built_ins)) + "; an output is STACK.OUTPUT"
            self._report(value, f"${{{{ {part.name} }}}} is unknown", hint)
        return self.built_ins[part.name]

    def _report(self, value: YamlValue, what: str, hint: str | None = None) -> NoReturn:
        self.shared.problems.append(Problem(value.at, what, hint))
        raise AlreadyReportedError
