"""Finds the unknown values of a preview that come from upstream outputs, by tracing the plan's configuration.

The plan JSON lists the references of each argument of each resource. It has no local values; those are read from the
root's copies of the modules. All that a data source answers comes from what it is asked with. What passes through the
local values of a downloaded module is not marked, nor what a local value takes from a data source: it is shown as any
other unknown value.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.errors import CatalogueError
from orchestrator.hcl.modules.read import read_module
from orchestrator.terraform.plan.jsonstream import JsonStream
from orchestrator.terraform.plan.reader import UnreadablePlanError, any_true

_CALL = "this"
_KEYS = re.compile(r'\[(?:\d+|"(?:[^"\\]|\\.)*")\]')


UpstreamMarks = Mapping[tuple[str, str], tuple[str, ...]]
"""Resource address and path of an argument -> the units whose outputs decide its value."""


def upstream_marks(plan_json: Path, root: Path, unknown: Mapping[str, Iterable[str]]) -> UpstreamMarks:
    """Return the unknown values of a preview that come from upstream units.

    Args:
        plan_json: the preview's plan as JSON.
        root: the rendered root, with its copies of modules.
        unknown: variables of the module call ``this`` whose value contains an unknown upstream output -> the units that
            have these outputs.

    Returns:
        (resource address as in the plan, path of the argument, e.g. ``role`` or ``environment[0].variables``) -> the
        units of the variables that it depends on, sorted.

    Raises:
        UnreadablePlanError: the file is not a plan's JSON.
    """
    try:
        (configuration,) = _members(plan_json, "configuration")
        call = configuration["root_module"]["module_calls"].get(_CALL, {})
        marks: dict[str, dict[str, list[str]]] = {}
        for unit in sorted({unit for units in unknown.values() for unit in units}):
            trace = _Trace(root)
            tainted = frozenset(f"var.{name}" for name, units in unknown.items() if unit in units)
            trace.module(call, f"module.{_CALL}.", root, tainted)
            for address, paths in trace.marks.items():
                for path in paths:
                    marks.setdefault(address, {}).setdefault(path, []).append(unit)
        return {
            (change["address"], path): tuple(units)
            for change in _members(plan_json, "resource_changes")
            for path, units in marks.get(_KEYS.sub("", change["address"]), {}).items()
            if any_true(_at(change["change"].get("after_unknown"), path))
        }
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UnreadablePlanError(f"cannot read the plan {plan_json}: {error}") from error


def _members(plan_json: Path, name: str) -> Iterator[Any]:
    """Yield one member of the plan: a list's entries one by one, anything else whole."""
    with plan_json.open(encoding="utf-8", newline="") as file:
        stream = JsonStream(file)
        for key in stream.members():
            if key == name and stream.kind() == "[":
                for _ in stream.items():
                    yield stream.value()
            elif key == name:
                yield stream.value()


@dataclass(frozen=True, slots=True)
class _Module:
    """One module of the plan's configuration: its folder, and what its local values depend on."""

    body: Mapping[str, Any]
    prefix: str
    folder: Path | None
    locals: Mapping[str, frozenset[str]]


class _Trace:
    """Follows tainted references down through modules; ``marks``: address without keys -> argument paths."""

    def __init__(self, root: Path) -> None:
        self._root = root
        self._locals: dict[Path, Mapping[str, frozenset[str]]] = {}
        self.marks: dict[str, set[str]] = {}

    def module(self, call: Mapping[str, Any], prefix: str, parent: Path | None, tainted: frozenset[str]) -> set[str]:
        """Trace one module call.

        Args:
            call: the call in the configuration.
            prefix: address of the module with a trailing dot.
            parent: folder of the calling module; None if it is not in the root.
            tainted: variables of the module, as ``var.NAME``.

        Returns:
            Names of the module's tainted outputs.
        """
        folder = _folder(parent, str(call.get("source", "")))
        module = _Module(call.get("module", {}), prefix, folder, self._read_locals(folder))
        known = set(tainted)
        known |= {f"local.{name}" for name, needs in module.locals.items() if {f"var.{each}" for each in needs} & known}
        while True:  # each round finds what depends on the previous one's; the configuration is finite, so this ends
            before = len(known)
            self._resources(module, known)
            self._calls(module, known)
            if len(known) == before:
                break
        outputs = module.body.get("outputs", {})
        return {name for name, output in outputs.items() if _touches(output.get("expression"), known)}

    def _resources(self, module: _Module, known: set[str]) -> None:
        for resource in module.body.get("resources", []):
            here = known | _each(resource, known)
            for name, expression in resource.get("expressions", {}).items():
                for path in _tainted_paths(name, expression, here):
                    known.add(f"{resource['address']}.{_KEYS.sub('', path)}")
                    if resource.get("mode") == "data":
                        known.add(resource["address"])  # Terraform reads it once it knows what to ask for.
                    self.marks.setdefault(module.prefix + resource["address"], set()).add(path)

    def _calls(self, module: _Module, known: set[str]) -> None:
        for name, call in module.body.get("module_calls", {}).items():
            here = known | _each(call, known)
            given = call.get("expressions", {})
            tainted = frozenset(f"var.{each}" for each, expression in given.items() if _touches(expression, here))
            if tainted:
                outputs = self.module(call, f"{module.prefix}module.{name}.", module.folder, tainted)
                known |= {f"module.{name}.{output}" for output in outputs}

    def _read_locals(self, folder: Path | None) -> Mapping[str, frozenset[str]]:
        if folder is None:
            return {}
        if folder not in self._locals:
            try:
                self._locals[folder] = read_module(folder, root=self._root).locals
            except CatalogueError:
                self._locals[folder] = {}  # Terraform can parse it and orch cannot: nothing is traced through it
        return self._locals[folder]


def _folder(parent: Path | None, source: str) -> Path | None:
    if parent is None or not source.startswith(("./", "../")):
        return None
    folder = (parent / source).resolve()
    return folder if folder.is_dir() else None


def _each(block: Mapping[str, Any], known: set[str]) -> set[str]:
    """Return ``each.value`` and ``each.key`` if ``for_each`` is tainted."""
    return {"each.value", "each.key"} if _touches(block.get("for_each_expression"), known) else set()


def _tainted_paths(path: str, expression: Any, known: set[str]) -> Iterator[str]:
    """Yield the arguments below an expression that refer to something tainted."""
    if _is_expression(expression):
        if _touches(expression, known):
            yield path
    elif isinstance(expression, Mapping):
        for name, part in expression.items():
            yield from _tainted_paths(f"{path}.{name}", part, known)
    elif isinstance(expression, list) and len(expression) == 1:
        yield from _tainted_paths(f"{path}[0]", expression[0], known)
    elif _touches(expression, known):
        yield path  # several blocks: in a set, their order is not stable


def _is_expression(expression: Any) -> bool:
    return isinstance(expression, Mapping) and (
        isinstance(expression.get("references"), list) or "constant_value" in expression
    )


def _touches(expression: Any, known: set[str]) -> bool:
    return any(_KEYS.sub("", reference) in known for reference in _references(expression))


def _references(expression: Any) -> Iterator[str]:
    if isinstance(expression, Mapping):
        found = expression.get("references")
        if isinstance(found, list):
            yield from (str(each) for each in found)
        else:
            for part in expression.values():
                yield from _references(part)
    elif isinstance(expression, list):
        for part in expression:
            yield from _references(part)


def _at(mirror: Any, path: str) -> Any:
    """Return the part of ``after_unknown`` at a path; if the whole is unknown, so is every part."""
    for step in re.findall(r"[^.\[\]]+", path):
        if mirror is True or mirror is None:
            return mirror
        if isinstance(mirror, Mapping):
            mirror = mirror.get(step)
        elif isinstance(mirror, list) and step.isdigit() and int(step) < len(mirror):
            mirror = mirror[int(step)]
        else:
            return None
    return mirror
