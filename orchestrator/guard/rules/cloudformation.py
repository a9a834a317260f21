"""Findings about CloudFormation stacks: what an update, which Terraform shows as one, would take away in them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.config.catalogue import Unit
from orchestrator.guard.checkov.annotate import label
from orchestrator.guard.findings import TEMPLATE, finding_id
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.places import locate
from orchestrator.guard.policies.protected import Protected, ProtectedType
from orchestrator.guard.rules.cloudformation_diff import TemplateLoss, losses_between, protected_in
from orchestrator.guard.rules.cloudformation_template import UNRESOLVED, StackTemplate, TemplateError
from orchestrator.terraform.model import Action, ResourceChange

STACKS = frozenset({"aws_cloudformation_stack", "aws_cloudformation_stack_set"})
"""Terraform's types that hold a template."""

_STACK = "AWS::CloudFormation::Stack"
_WOULD = {
    Action.DELETE: "would be deleted: this loses {lost}",
    Action.REPLACE: "would be replaced by a new, empty one: this loses {lost}",
    Action.FORGET: "would be forgotten: nothing keeps it any more, and it stands for {lost}",
    Action.UPDATE: "could be lost next: it stands for {lost}",
}
_SAVED = "would be replaced by a new, empty one; UpdateReplacePolicy keeps the old one, which nothing manages any more"


def template_findings(
    unit: Unit, changes: Sequence[ResourceChange], protected: Protected, root: Path
) -> Iterator[Finding]:
    """What the updates of stacks in a plan would take away.

    Args:
        unit: the unit that the plan is of.
        changes: of the plan; a stack that goes altogether is another rule's.
        protected: the list of protected types, with their names in CloudFormation.
        root: the folder that contains ``live/``.
    """
    for change in changes:
        if change.type in STACKS and change.action is Action.UPDATE:
            for loss in _losses(change, protected, unit.region):
                yield _finding(unit, change, loss, root)


def _losses(change: ResourceChange, protected: Protected, region: str) -> Iterator[TemplateLoss]:
    """Inside of one stack. What cannot be judged loses whatever the stack has that is protected."""
    before = change.before or {}
    try:
        old = StackTemplate.of(str(before.get("template_body") or ""), before.get("parameters") or {})
    except TemplateError as error:
        yield _of_stack(protected, f"the deployed template cannot be read: {error}")
        return
    inside = protected_in(old, protected)
    if not inside and not old.has_macros():
        return
    try:
        new = _new(change)
    except TemplateError as error:
        hint = "give the stack its template with template_body, known when it is planned"
        for name, kind, entry in inside:
            yield TemplateLoss(name, kind, entry, Action.DELETE, str(error), hint)
        if not inside:
            yield _of_stack(protected, str(error))
        return
    yield from losses_between(old, new, protected, region)


def _new(change: ResourceChange) -> StackTemplate:
    """The template that the stack would have.

    Raises:
        TemplateError: the plan does not say it, or it is no template.
    """
    after = change.after or {}
    unknown = change.after_unknown if isinstance(change.after_unknown, Mapping) else {}
    if after.get("template_url") or unknown.get("template_url"):
        raise TemplateError("its template is behind template_url, and the plan does not say what is there")
    if unknown.get("template_body"):
        raise TemplateError("its template is known only after the apply")
    try:
        return StackTemplate.of(str(after.get("template_body") or ""), _given(after, unknown))
    except TemplateError as error:
        message = f"the new template cannot be read: {error}"
        raise TemplateError(message) from error


def _given(after: Mapping[str, Any], unknown: Mapping[str, Any]) -> Mapping[str, Any]:
    """The parameters; of those that are not known yet, ``UNRESOLVED``."""
    mirror = unknown.get("parameters")
    given = after.get("parameters") or {}
    if mirror is True:
        return _Unknown()
    missing = {name for name, each in mirror.items() if each} if isinstance(mirror, Mapping) else set()
    return {**given, **dict.fromkeys(missing, UNRESOLVED)}


class _Unknown(dict[str, Any]):
    """Parameters of which nothing is known: whatever is asked for."""

    def get(self, key: str, default: Any = None) -> Any:
        del key, default
        return UNRESOLVED


def _of_stack(protected: Protected, why: str) -> TemplateLoss:
    entry = protected.of_cloudformation(_STACK) or ProtectedType(
        lost="every resource that the stack made", delete_apis=("cloudformation:DeleteStack",)
    )
    hint = "give the stack a template that can be read, with template_body"
    return TemplateLoss("", _STACK, entry, Action.DELETE, why, hint)


def _finding(unit: Unit, change: ResourceChange, loss: TemplateLoss, root: Path) -> Finding:
    """The address names the resource inside of the stack: ``aws_cloudformation_stack.this/UserPool``."""
    address = f"{label(change)}/{loss.name}" if loss.name else label(change)
    what = _SAVED if loss.saved else _WOULD[loss.action].format(lost=loss.entry.lost)
    return Finding(
        id=finding_id(TEMPLATE, unit.id, address, loss.action.value),
        rule=TEMPLATE,
        unit=unit.id,
        address=address,
        action=loss.action.value,
        cause=loss.why,
        message=f"{address} ({loss.type}) {what}",
        hint=loss.hint,
        lost="" if loss.saved else loss.entry.lost,
        severity=Severity.WARN if loss.saved else Severity.BLOCK,
        where=locate(unit, change, ("template_body", "template_url", "parameters"), root),
    )
