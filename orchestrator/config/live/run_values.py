"""The values of one run: what ``live/orch.yaml`` declares under ``run``, and what the command line gives."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from orchestrator.config.catalogue import RunKey
from orchestrator.config.nodes import PlainValue, Unset
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import CatalogueError, Location, Problem, UsageError
from orchestrator.util.suggest import near_miss

_KINDS = {YamlKind.TEXT: "string", YamlKind.NUMBER: "number", YamlKind.BOOL: "bool", YamlKind.NULL: "null"}
_NUMBER = re.compile(r"-?[0-9]+(\.[0-9]+)?")
_BOOLS = {"true": True, "false": False}
_FORMS = {"number": "a number such as 3 or 0.5", "bool": "true or false"}


@dataclass(frozen=True, slots=True)
class RunValues:
    """The values of one run.

    Attributes:
        declared: name -> declaration.
        values: name -> value, given or by default. What is required and was not given is missing.
    """

    declared: Mapping[str, RunKey] = field(default_factory=dict)
    values: Mapping[str, PlainValue] = field(default_factory=dict)


def declared_values(orch: YamlValue, problems: list[Problem]) -> Mapping[str, RunKey]:
    """Return the declarations of ``live/orch.yaml`` by name. A default of another type is added to ``problems``."""
    found = orch.get("run")
    declared: dict[str, RunKey] = {}
    for name, value in found.items() if found is not None else ():
        type_ = value.get("type")
        wanted = type_.value if type_ is not None else "string"
        default = value.get("default")
        scalar = _default(name, wanted, default, problems)
        declared[name] = RunKey(name, wanted, default is None, scalar, found.where(name) if found else value.at)
    return declared


def _default(name: str, wanted: str, default: YamlValue | None, problems: list[Problem]) -> PlainValue:
    if default is None or default.kind is YamlKind.NULL:
        return None
    if _KINDS.get(default.kind) != wanted or default.has_ref:
        what = f"run.{name}.default must be a {wanted} without references, or null"
        problems.append(Problem(default.at, what, f"or change `type` of {name}"))
        return None
    scalar: PlainValue = default.value
    return scalar


def values_of_run(declared: Mapping[str, RunKey], given: Mapping[str, PlainValue]) -> RunValues:
    """Return the values of a run.

    Args:
        declared: the declarations, by name.
        given: name -> value: the text of ``--set``, or the value that an earlier run recorded.

    Raises:
        UsageError: a value is not declared, or is not of its type.
    """
    values = {key.name: key.default for key in declared.values() if not key.required}
    for name, value in given.items():
        if name not in declared:
            raise _undeclared(name, declared)
        values[name] = _parsed(declared[name], value)
    return RunValues(declared, values)


def values_missing(unset: Iterable[Unset]) -> CatalogueError:
    """Return the error about values that are required and were not given, each where it is read."""
    found = {(each.key, each.at): None for each in unset}
    hint = "give it with --set {0}=VALUE, or declare a default for it under `run:` in live/orch.yaml"
    return CatalogueError([Problem(at, f"run.{key} has no value in this run", hint.format(key)) for key, at in found])


def _undeclared(name: str, declared: Mapping[str, RunKey]) -> UsageError:
    known = f"declared: {', '.join(sorted(declared))}" if declared else f"declare it under `run:`, {name}: {{}}"
    return UsageError(
        f"--set {name}: live/orch.yaml declares no such value",
        where=Location("live/orch.yaml", min((key.at.line for key in declared.values()), default=0)),
        hint=near_miss(name, declared) or known,
    )


def _parsed(key: RunKey, value: PlainValue) -> PlainValue:
    if key.type == "string" or value is None:
        fits = value is None or isinstance(value, str)
    elif key.type == "bool":
        value = _BOOLS.get(value, value) if isinstance(value, str) else value
        fits = isinstance(value, bool)
    else:
        if isinstance(value, str) and _NUMBER.fullmatch(value):
            value = float(value) if "." in value else int(value)
        fits = isinstance(value, int | float) and not isinstance(value, bool)
    if not fits:
        message = f"--set {key.name}: {value!r} is not a {key.type}"
        raise UsageError(message, where=key.at, hint=f"write {_FORMS.get(key.type, 'text')}")
    return value
