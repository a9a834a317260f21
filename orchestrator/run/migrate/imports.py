"""``orch adopt UNIT --pool ID`` and ``--resource ADDR=ID``: imports that are accepted only if they change nothing.

Nothing in AWS and no state is written: a plan with the ``import`` blocks shows what they would do, and ``orch apply``
imports.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.errors import Location, UsageError
from orchestrator.hcl.modules.blocks import Declaration, Declarations
from orchestrator.hcl.modules.files import read_module_files
from orchestrator.hcl.tree import Expression, Reference, attributes_of, walk
from orchestrator.report.model import AttributeChange, ChangeLine, Status, UnitReport
from orchestrator.terraform.model import Action

_THIS = "module.this."
_TAGS = "tags_all"
"""The attribute with the tags of ``live/``, which every resource gets; the first apply adds them."""

_WOULD = {
    Action.CREATE: "does not exist in the state and is not imported: the next apply would create it",
    Action.REPLACE: "would be replaced",
    Action.DELETE: "would be deleted",
    Action.FORGET: "would no longer be managed",
    Action.UPDATE: "would be updated, although it is not imported",
}


@dataclass(frozen=True, slots=True)
class ImportVerdict:
    """What a plan with imports says about them.

    Attributes:
        report: the plan's report, blocked if it is not accepted.
        problems: why it is not accepted, one line each.
        tagged: addresses that the first apply will tag; nothing else of them changes.
    """

    report: UnitReport
    problems: tuple[str, ...]
    tagged: tuple[str, ...]


def parse_imports(pairs: Sequence[str]) -> dict[str, str]:
    """Parse the values of ``--resource``: ``ADDRESS=ID``, split at the first ``=`` outside of brackets.

    Raises:
        UsageError: one is not of this form, or an address is given twice.
    """
    found: dict[str, str] = {}
    for pair in pairs:
        end = pair.find("]=") + 1 or pair.find("=")
        address, id_ = pair[:end].removeprefix(_THIS), pair[end + 1 :]
        if end <= 0 or not address or not id_:
            message = f"{pair!r} is not ADDRESS=ID"
            hint = "for example --resource aws_cloudwatch_log_group.this=/ecs/orders"
            raise UsageError(message, hint=hint)
        if address in found:
            message = f"{address} is given twice"
            raise UsageError(message, hint="import each resource once")
        found[address] = id_
    return found


def judge_imports(report: UnitReport, imports: Mapping[str, str], module: Path | None, root: Path) -> ImportVerdict:
    """Decide whether a plan imports what it should and changes nothing.

    Args:
        report: of the plan.
        imports: address in the module -> import id.
        module: folder of the unit's module, for advice; None: Terraform downloads it.
        root: the repository; locations are relative to it.
    """
    if report.status not in {Status.PLANNED, Status.UNCHANGED}:
        return ImportVerdict(report, (), ())
    problems = [*_not_imported(report, imports)]
    advice = _Advice.of(module, root)
    for change in report.changes:
        problems += _problems(change, advice)
    if report.preview:
        problems.append("it reads outputs that are not applied yet: apply its upstreams first")
    tagged = tuple(change.address for change in report.changes if change.action is Action.UPDATE)
    if problems:
        cause = f"the import would not leave everything as it is: {problems[0]}"
        report = replace(report, status=Status.BLOCKED, cause=cause)
    return ImportVerdict(report, tuple(problems), () if problems else tagged)


def _not_imported(report: UnitReport, imports: Mapping[str, str]) -> Iterator[str]:
    planned = {change.address for change in report.changes if change.imported_id is not None}
    for address in imports:
        if address not in planned:
            yield f"{address} is already in the state of {report.unit}: leave it out"


def _problems(change: ChangeLine, advice: _Advice) -> Iterator[str]:
    if change.action in {Action.NOOP, Action.READ}:
        return
    if change.imported_id is None or change.action not in {Action.UPDATE, Action.REPLACE}:
        yield f"{change.address} {_WOULD[change.action]}"
        return
    for attribute in change.attributes:
        if not attribute.path.startswith(_TAGS):
            yield f"{change.address}.{attribute.path} {_both(attribute)}{advice.on(change.address, attribute)}"
    if change.action is Action.REPLACE and not change.attributes:
        yield f"{change.address} {_WOULD[change.action]}: {change.reason}"


def _both(attribute: AttributeChange) -> str:
    force = ", which replaces it" if attribute.forces_replacement else ""
    return f"is {attribute.before or 'not set'} in AWS and {attribute.after or 'not set'} in the configuration{force}"


@dataclass(frozen=True, slots=True)
class _Advice:
    """Says which input sets an attribute, as far as the module's text shows it."""

    declarations: Declarations | None

    @classmethod
    def of(cls, module: Path | None, root: Path) -> _Advice:
        return cls(Declarations.of(read_module_files(module, root=root)) if module is not None else None)

    def on(self, address: str, attribute: AttributeChange) -> str:
        """Return the advice as the rest of a line; empty if nothing is known."""
        found = self._resource(address)
        if found is None:
            return ""
        name = attribute.path.partition(".")[0].partition("[")[0]
        own = found.attributes.get(name)
        if own is not None:
            return _from(own.value, found.place_of(name), found, attribute)
        for file, block in found.blocks:
            if block.type == name or block.labels[:1] == (name,):
                inside = [expression for each in attributes_of(block.body) for expression in walk(each.value)]
                return _read(inside, file.at(block.position), found)
        return f" — {found.at} does not set it"

    def _resource(self, address: str) -> Declaration | None:
        type_, _, name = address.partition(".")
        if self.declarations is None or type_ == "module":
            return None
        return self.declarations.named.get(("resource", (type_, name.partition("[")[0])))


def _from(value: Expression, at: Location, resource: Declaration, attribute: AttributeChange) -> str:
    """Return the advice on an attribute: the input to write, if the attribute is just an input."""
    if isinstance(value, Reference) and value.root == "var" and attribute.before:
        name, *inner = (str(step) for step in value.steps)
        written = attribute.before
        for step in reversed(inner):
            written = f"{{{step}: {written}}}"
        return f" — write under inputs: {name}: {written} ({at})"
    return _read(list(walk(value)), at, resource)


def _read(expressions: Sequence[Expression], at: Location, resource: Declaration) -> str:
    """Return the advice on something that is computed: the inputs that it reads."""
    names = [each for each in expressions if isinstance(each, Reference) and each.root in {"var", "each"}]
    loop = resource.attributes.get("for_each")
    if loop is not None and any(each.root == "each" for each in names):
        names += [each for each in walk(loop.value) if isinstance(each, Reference)]
    variables = dict.fromkeys(str(each.steps[0]) for each in names if each.root == "var" and each.steps)
    if not variables:
        return f" — the module sets it itself: {at}"
    return f" — change it under inputs: {', '.join(variables)} ({at})"
