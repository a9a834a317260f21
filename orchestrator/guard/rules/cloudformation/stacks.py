"""Reports what the update of a CloudFormation stack would lose; Terraform shows such an update as one change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from orchestrator.guard.causes import MODULE
from orchestrator.guard.checkov.annotate import label
from orchestrator.guard.findings import TEMPLATE, FindingBuilder, finding_id
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.policies.protected_types import Loss, ProtectedType
from orchestrator.guard.rules.cloudformation.companions import companion_losses
from orchestrator.guard.rules.cloudformation.diff import (
    TemplateLoss,
    hides_protected,
    protected_in,
    template_losses,
)
from orchestrator.guard.rules.cloudformation.macros import has_macros, hidden_types
from orchestrator.guard.rules.cloudformation.schema import CfnLintMissingError
from orchestrator.guard.rules.cloudformation.template import UNRESOLVED, StackTemplate, TemplateError
from orchestrator.terraform.model import Action, ResourceChange

STACKS = frozenset({"aws_cloudformation_stack", "aws_cloudformation_stack_set"})
"""Terraform's types that have a template."""

INSTALL_HINT = "pip install 'orch[cloudformation]'"

_STACK = "AWS::CloudFormation::Stack"
_LOSSES = {
    Action.DELETE: "would be deleted",
    Action.REPLACE: "would be replaced by a new, empty one",
    Action.FORGET: "would be removed from the stack, and nothing would protect it",
    Action.UPDATE: "would lose its protection",
}
_SAVED = "would be replaced by a new, empty one; UpdateReplacePolicy keeps the old one, but nothing manages it"
_UNCERTAIN = "may be lost"


def template_findings(changes: Sequence[ResourceChange], builder: FindingBuilder) -> Iterator[Finding]:
    """Report what the stack updates of a plan would lose. The deletion of a whole stack is reported by another rule.

    Args:
        changes: the changes of a plan.
        builder: has the plan's unit and the protected types.
    """
    for change in changes:
        if change.type in STACKS and change.action is Action.CREATE:
            yield from (_finding(change, loss, builder) for loss in _created(change, builder.protected))
        if change.type in STACKS and change.action is Action.UPDATE:
            for loss in _losses(change, builder.protected, builder.unit.region):
                yield _finding(change, loss, builder)


def _losses(change: ResourceChange, protected: Protected, region: str) -> Iterator[TemplateLoss]:
    """Return what one stack loses. If that cannot be determined, every protected resource in it counts as lost."""
    try:
        yield from _compare(change, protected, region)
    except CfnLintMissingError as error:
        yield _whole_stack(protected, f"its templates cannot be compared: {error}", INSTALL_HINT)


def _compare(change: ResourceChange, protected: Protected, region: str) -> tuple[TemplateLoss, ...]:
    before = change.before or {}
    try:
        old = StackTemplate.of(str(before.get("template_body") or ""), before.get("parameters") or {})
    except TemplateError as error:
        hint = "give the stack a readable template in template_body"
        return (_whole_stack(protected, f"the deployed template cannot be read: {error}", hint),)
    inside = protected_in(old, protected)
    if not inside and not hides_protected(old, protected):
        return _beside(change, old, protected)
    try:
        new = _new(change)
    except TemplateError as error:
        hint = "set template_body to a template that is known when the stack is planned"
        if not inside:
            return (_whole_stack(protected, str(error), hint),)
        return tuple(
            TemplateLoss(name, kind, entry, Action.DELETE, str(error), hint, uncertain=True)
            for name, kind, entry in inside
        )
    return (*template_losses(old, new, protected, region), *companion_losses(old, new, protected))


def _beside(change: ResourceChange, old: StackTemplate, protected: Protected) -> tuple[TemplateLoss, ...]:
    """Return what a stack without protected resources makes less safe elsewhere, e.g. with the policy of a bucket."""
    try:
        new = _new(change)
    except TemplateError:
        return ()
    unknown = has_macros(new.body) and hidden_types(new.body) is None
    return () if unknown else tuple(companion_losses(old, new, protected))


def _created(change: ResourceChange, protected: Protected) -> tuple[TemplateLoss, ...]:
    """Return what a new stack makes less safe elsewhere. One that cannot be read is no finding: it has nothing yet."""
    try:
        return _beside(change, StackTemplate({"Resources": {}}), protected)
    except CfnLintMissingError:
        return ()


def _new(change: ResourceChange) -> StackTemplate:
    """Return the template that the stack would have.

    Raises:
        TemplateError: the plan does not contain it, or it is invalid.
    """
    after = change.after or {}
    unknown = change.after_unknown if isinstance(change.after_unknown, Mapping) else {}
    if after.get("template_url") or unknown.get("template_url"):
        raise TemplateError("the template is behind template_url, and the plan does not contain it")
    if unknown.get("template_body"):
        raise TemplateError("the template is known only after the apply")
    try:
        return StackTemplate.of(str(after.get("template_body") or ""), _given(after, unknown))
    except TemplateError as error:
        message = f"the new template cannot be read: {error}"
        raise TemplateError(message) from error


def _given(after: Mapping[str, Any], unknown: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return the parameters; ``UNRESOLVED`` for those that are not known yet."""
    mirror = unknown.get("parameters")
    given = after.get("parameters") or {}
    if mirror is True:
        return _Unknown()
    missing = {name for name, each in mirror.items() if each} if isinstance(mirror, Mapping) else set()
    return {**given, **dict.fromkeys(missing, UNRESOLVED)}


class _Unknown(dict[str, Any]):
    """Parameters that are all unknown: every name is ``UNRESOLVED``."""

    def get(self, key: str, default: Any = None) -> Any:
        del key, default
        return UNRESOLVED


def _whole_stack(protected: Protected, why: str, hint: str) -> TemplateLoss:
    entry = protected.of_cloudformation(_STACK) or ProtectedType(
        lost="every resource of the stack", severity=Loss.DATA, delete_apis=("cloudformation:DeleteStack",)
    )
    return TemplateLoss("", _STACK, entry, Action.DELETE, why, hint, uncertain=True)


def _finding(change: ResourceChange, loss: TemplateLoss, builder: FindingBuilder) -> Finding:
    """Build a finding whose address names the resource in the stack: ``aws_cloudformation_stack.this/UserPool``."""
    address = f"{label(change)}/{loss.name}" if loss.name else label(change)
    what = _SAVED if loss.saved else _UNCERTAIN if loss.uncertain else _LOSSES[loss.action]
    return Finding(
        id=finding_id(TEMPLATE, builder.unit.id, address, loss.action.value),
        rule=TEMPLATE,
        unit=builder.unit.id,
        address=address,
        action=loss.action.value,
        cause=loss.why,
        message=f"{address.removeprefix(MODULE)} ({loss.type}) {what}",
        hint=loss.hint,
        lost="" if loss.saved else loss.entry.lost,
        severity=Severity.WARN if loss.saved else Severity.BLOCK,
        where=builder.locator.locate(change, ("template_body", "template_url", "parameters")),
    )
