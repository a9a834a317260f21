"""What an update of a CloudFormation stack would take away: Terraform shows it as one update, whatever is in it.

Two templates are compared as CloudFormation would: a resource that is not there any more is deleted, one whose
create-only property changes is replaced. Which properties those are, cfn-lint knows. What cannot be told counts
as lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.guard.policies.protected import Protected, ProtectedType
from orchestrator.guard.rules.cloudformation_template import StackTemplate, looked_up_in, references_in, unknown_in
from orchestrator.terraform.model import Action

_KEPT = frozenset({"Retain", "RetainExceptOnCreate"})
_SAVED = frozenset({"Retain", "Snapshot"})
_OPAQUE = (
    "Custom::",
    "AWS::CloudFormation::CustomResource",
    "AWS::CloudFormation::Stack",
    "AWS::CloudFormation::Macro",
)
"""Types of which nobody knows what a change of them does to what they give."""


@dataclass(frozen=True, slots=True)
class TemplateLoss:
    """One protected resource of a stack that an update takes away, or may.

    Attributes:
        name: its logical id.
        type: CloudFormation's type.
        action: delete, replace, forget, or update where its protection is taken away.
        why: the cause, in words; never a value.
        hint: the way out.
        saved: the old one is kept by ``UpdateReplacePolicy``, so nothing is lost.
    """

    name: str
    type: str
    entry: ProtectedType
    action: Action
    why: str
    hint: str
    saved: bool = False


def losses_between(
    before: StackTemplate, after: StackTemplate, protected: Protected, region: str
) -> tuple[TemplateLoss, ...]:
    """Everything protected that an update from one template to another takes away, or may take away.

    Args:
        before: the deployed template, with the parameters that it was deployed with.
        after: the new one.
        protected: the list of protected types.
        region: of the stack; cfn-lint has a schema for each.
    """
    changes = before != after or unknown_in(dict(after.parameters))
    if changes and (before.has_macros() or after.has_macros()):
        return tuple(_unseen(before, protected))
    return tuple(_Update(before, after, protected, region).losses())


def protected_in(template: StackTemplate, protected: Protected) -> tuple[tuple[str, str, ProtectedType], ...]:
    """Logical id, type and entry of everything protected that a template has."""
    found = ((name, _type(each)) for name, each in template.resources.items())
    listed = ((name, kind, protected.of_cloudformation(kind)) for name, kind in found)
    return tuple((name, kind, entry) for name, kind, entry in listed if entry is not None)


def _unseen(template: StackTemplate, protected: Protected) -> Iterator[TemplateLoss]:
    why = "the template goes through a macro, so what CloudFormation makes of it cannot be seen"
    hint = "deploy the template that the macro makes, or keep what is protected in a stack without one"
    for name, kind, entry in protected_in(template, protected):
        yield TemplateLoss(name, kind, entry, Action.DELETE, why, hint)
    for entry in [each for each in protected.types.values() if "AWS::CloudFormation::Stack" in each.cloudformation]:
        # what only the macro makes has no name here: the stack stands for it
        yield TemplateLoss("macro", "AWS::CloudFormation::Stack", entry, Action.DELETE, why, hint)


def _type(resource: Mapping[str, Any]) -> str:
    return str(resource.get("Type", ""))


class _Update:
    """One update of a stack."""

    def __init__(self, before: StackTemplate, after: StackTemplate, protected: Protected, region: str) -> None:
        self.before = before
        self.after = after
        self.protected = protected
        self.region = region
        self.moving = self._moving()

    def losses(self) -> Iterator[TemplateLoss]:
        for name, kind, entry in protected_in(self.before, self.protected):
            found = self._loss(name, kind, entry)
            if found is not None:
                yield found

    def _loss(self, name: str, kind: str, entry: ProtectedType) -> TemplateLoss | None:
        if self.before.exists(name) is False:
            return None
        why = self._gone(name, kind)
        if why:
            kept = str(self.before.resources[name].get("DeletionPolicy")) in _KEPT
            return TemplateLoss(
                name, kind, entry, Action.FORGET if kept else Action.DELETE, why, self._renamed(name, kind)
            )
        why = self._replaced(name, kind)
        if why:
            hint = "put it back as it was; if it must differ, make a second resource and move the data first"
            return TemplateLoss(name, kind, entry, Action.REPLACE, why, hint, saved=self._saved(name))
        why = "; ".join(self._hidden(name, kind, entry))
        if why:
            return TemplateLoss(name, kind, entry, Action.UPDATE, why, "put it back as it was")
        return None

    def _gone(self, name: str, kind: str) -> str:
        """Why a resource is not there any more, or may not be; empty when it stays."""
        new = self.after.resources.get(name)
        if new is None:
            return "it is no longer in the template"
        if _type(new) != kind:
            return "its Type is another one"
        was, will_be = self.before.exists(name), self.after.exists(name)
        if will_be is False:
            return "its Condition would no longer hold"
        if will_be is not True and (will_be != was or unknown_in(will_be)):
            return "whether its Condition would still hold cannot be told from the template and its parameters"
        return ""

    def _renamed(self, name: str, kind: str) -> str:
        new = [
            each
            for each, resource in self.after.resources.items()
            if each not in self.before.resources and _type(resource) == kind
        ]
        if name not in self.after.resources and len(new) == 1:
            return f"it looks renamed to {new[0]}: CloudFormation knows it by its logical id, so keep {name}"
        return "put it back into the template"

    def _saved(self, name: str) -> bool:
        policies = {str(each.resources[name].get("UpdateReplacePolicy")) for each in (self.before, self.after)}
        return policies <= _SAVED

    def _replaced(self, name: str, kind: str) -> str:
        """Why CloudFormation would make a new one, or may; empty when it updates this one."""
        was, will_be = self._properties(self.before, name), self._properties(self.after, name)
        pointers = _create_only(kind, self.region)
        if pointers is None:
            return "it changes, and cfn-lint does not know which changes replace it" if was != will_be else ""
        found = [
            pointer for pointer in pointers if self._differs(_at(was, pointer), _at(will_be, pointer), was != will_be)
        ]
        if not found:
            return ""
        names = ", ".join(dict.fromkeys(_shown(pointer) for pointer in found))
        return f"a change of {names} cannot be made in place"

    def _differs(self, was: Any, will_be: Any, changes: bool) -> bool:
        """Whether a value is another one after the update, or may be."""
        if was != will_be or unknown_in(will_be):
            return True
        if changes and looked_up_in(will_be):
            return True
        return any(each in self.moving for each in references_in(will_be))

    def _moving(self) -> frozenset[str]:
        """Logical ids that stand for something else after the update, or may: what refers to them changes."""
        found = {name for name in self.before.resources if name not in self.after.resources or self._opaque(name)}
        while True:
            self.moving = frozenset(found)
            more = {
                name
                for name, resource in self.before.resources.items()
                if name not in found and (self._gone(name, _type(resource)) or self._replaced(name, _type(resource)))
            }
            if not more:
                return frozenset(found)
            found |= more

    def _opaque(self, name: str) -> bool:
        kind = _type(self.before.resources[name])
        changes = self._properties(self.before, name) != self._properties(self.after, name)
        return changes and kind.startswith(_OPAQUE)

    def _hidden(self, name: str, kind: str, entry: ProtectedType) -> Iterator[str]:
        """What an update in place takes away: protection, or what the service refuses to change."""
        was, will_be = self._properties(self.before, name), self._properties(self.after, name)
        if kind == "AWS::CloudFormation::Stack" and was != will_be:
            yield "what is in a nested stack cannot be seen, and it changes"
        if entry.protection is not None:
            key, armed = _camel(entry.protection.attribute), str(entry.protection.value)
            wanted = armed.lower() if armed in {"True", "False"} else armed
            if was.get(key) == wanted and (will_be.get(key) != wanted or unknown_in(will_be.get(key))):
                yield f"its protection {key} would be taken away"
        for attribute, which in entry.replaced_by.items():
            key = _camel(attribute)
            if not _grown(was.get(key), will_be.get(key), may_grow=which == "removal"):
                yield f"{key} can only be added to" if which == "removal" else f"{key} cannot be changed"
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            old, new = (str(each.resources[name].get(policy)) for each in (self.before, self.after))
            if old in _KEPT | _SAVED and new not in _KEPT | _SAVED:
                yield f"its {policy} {old} would be taken away"

    def _properties(self, template: StackTemplate, name: str) -> Mapping[str, Any]:
        found = template.value(template.resources.get(name, {}).get("Properties") or {})
        return found if isinstance(found, Mapping) else {"Properties": found}


def _grown(was: Any, will_be: Any, *, may_grow: bool) -> bool:
    """Whether a value is the same, or, where that is fine, has more elements than before."""
    if unknown_in(will_be):
        return was in (None, [])
    if not may_grow or not isinstance(was, list):
        return bool(was == will_be or (may_grow and was is None))
    left = list(will_be) if isinstance(will_be, list) else []
    for each in was:
        if each not in left:
            return False
        left.remove(each)
    return True


def _create_only(kind: str, region: str) -> tuple[str, ...] | None:
    """Pointers to the properties whose change replaces a resource; None where cfn-lint has no schema."""
    from cfnlint.schema import PROVIDER_SCHEMA_MANAGER, ResourceNotFoundError  # noqa: PLC0415 - imported when needed

    for each in (region, "us-east-1"):
        try:
            schema = PROVIDER_SCHEMA_MANAGER.get_resource_schema(each, kind).schema
        except (ResourceNotFoundError, KeyError, ValueError):
            continue
        pointers = [*schema.get("createOnlyProperties", ()), *schema.get("conditionalCreateOnlyProperties", ())]
        return tuple(pointer.removeprefix("/properties/") for pointer in pointers)
    return None


def _at(value: Any, pointer: str) -> Any:
    """What is at a pointer: ``A/B``; ``*`` is every element. What is worked out only as a whole counts as a whole."""
    for number, step in enumerate(steps := pointer.split("/")):
        if step == "*" and isinstance(value, list):
            return [_at(each, "/".join(steps[number + 1 :])) if steps[number + 1 :] else each for each in value]
        if not isinstance(value, Mapping):
            return value
        if step not in value and any(key.startswith("Fn::") for key in value):
            return value
        value = value.get(step)
    return value


def _shown(pointer: str) -> str:
    return pointer.replace("/*", "").replace("/", ".")


def _camel(attribute: str) -> str:
    return "".join(part.capitalize() for part in attribute.split("_"))
