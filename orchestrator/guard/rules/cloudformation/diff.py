"""Compares two CloudFormation templates and returns the protected resources that the update would lose.

The comparison follows CloudFormation: a resource that the new template lacks is deleted; one with a changed create-only
property is replaced. cfn-lint knows these properties. Whatever cannot be determined counts as lost.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.guard.findings import sentences
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.policies.protected_types import ProtectedType, camel
from orchestrator.guard.policies.safeguards import weakened
from orchestrator.guard.policies.values import with_references
from orchestrator.guard.rules.cloudformation.macros import has_macros, hidden_types
from orchestrator.guard.rules.cloudformation.schema import replacing_properties
from orchestrator.guard.rules.cloudformation.template import (
    UNRESOLVED,
    StackTemplate,
    looked_up_in,
    references_in,
    unknown_in,
)
from orchestrator.terraform.model import Action

_KEPT = frozenset({"Retain", "RetainExceptOnCreate"})
_SAVED = frozenset({"Retain", "Snapshot"})
_OPAQUE = (
    "Custom::",
    "AWS::CloudFormation::CustomResource",
    "AWS::CloudFormation::Stack",
    "AWS::CloudFormation::Macro",
)
"""Types whose outputs may change in any way when they are updated."""


@dataclass(frozen=True, slots=True)
class TemplateLoss:
    """One protected resource of a stack that an update loses or may lose.

    Attributes:
        name: its logical id; empty for the stack itself.
        type: CloudFormation's type.
        action: delete, replace, forget, or update if only its protection is lost.
        why: the cause; never contains a value.
        hint: what to do.
        saved: ``UpdateReplacePolicy`` keeps the old resource, so nothing is lost.
        uncertain: the loss cannot be ruled out, but is not certain either.
    """

    name: str
    type: str
    entry: ProtectedType
    action: Action
    why: str
    hint: str
    saved: bool = False
    uncertain: bool = False


def template_losses(
    before: StackTemplate, after: StackTemplate, protected: Protected, region: str
) -> tuple[TemplateLoss, ...]:
    """Return the protected resources that an update from one template to another loses, or may lose.

    Args:
        before: the deployed template, with its deployed parameters.
        after: the new template.
        protected: the list of protected types.
        region: the stack's region; resource schemas differ by region.
    """
    changes = before != after or unknown_in(dict(after.parameters))
    if changes and (has_macros(before.body) or has_macros(after.body)):
        return tuple(_behind_macro(before, protected))
    return tuple(_Update(before, after, protected, region).losses())


def marked_values(values: Any) -> Any:
    """Return resolved properties as the safeguards compare them."""
    return with_references(values, UNRESOLVED)


def protected_in(template: StackTemplate, protected: Protected) -> tuple[tuple[str, str, ProtectedType], ...]:
    """Return logical id, type and entry of every protected resource in a template."""
    found = ((name, type_of(each)) for name, each in template.resources.items())
    listed = ((name, kind, protected.of_cloudformation(kind)) for name, kind in found)
    return tuple((name, kind, entry) for name, kind, entry in listed if entry is not None)


def hides_protected(template: StackTemplate, protected: Protected) -> bool:
    """Return whether the macros of a template make a protected resource beside those that it names, or may."""
    if not has_macros(template.body):
        return False
    made = hidden_types(template.body)
    return made is None or any(protected.of_cloudformation(each) is not None for each in made)


def _behind_macro(template: StackTemplate, protected: Protected) -> Iterator[TemplateLoss]:
    why = "a macro transforms the template, so its result is unknown before the update"
    hint = "deploy the template that the macro produces, or keep protected resources in a stack without macros"
    for name, kind, entry in protected_in(template, protected):
        yield TemplateLoss(name, kind, entry, Action.DELETE, why, hint, uncertain=True)
    if not hides_protected(template, protected):
        return
    for entry in [each for each in protected.types.values() if "AWS::CloudFormation::Stack" in each.cloudformation]:
        # resources that only the macro creates have no name here: the stack represents them
        yield TemplateLoss("macro", "AWS::CloudFormation::Stack", entry, Action.DELETE, why, hint, uncertain=True)


def type_of(resource: Mapping[str, Any]) -> str:
    """Return the type of a resource of a template; empty if it has none."""
    return str(resource.get("Type", ""))


class _Update:
    """One update of a stack."""

    def __init__(self, before: StackTemplate, after: StackTemplate, protected: Protected, region: str) -> None:
        self.before = before
        self.after = after
        self.protected = protected
        self.region = region
        self.unstable = self._unstable()

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
            retained = str(self.before.resources[name].get("DeletionPolicy")) in _KEPT
            return TemplateLoss(
                name, kind, entry, Action.FORGET if retained else Action.DELETE, why, self._renamed(name, kind)
            )
        why = self._replaced(name, kind)
        if why:
            hint = "restore it; if the new value is required, create a second resource and migrate the data first"
            return TemplateLoss(name, kind, entry, Action.REPLACE, why, hint, saved=self._saved(name))
        why = sentences(self._hidden(name, kind, entry))
        if why:
            return TemplateLoss(name, kind, entry, Action.UPDATE, why, "restore the previous value")
        return None

    def _gone(self, name: str, kind: str) -> str:
        """Return why a resource is deleted, or may be; empty when it stays."""
        new = self.after.resources.get(name)
        if new is None:
            return "it is no longer in the template"
        if type_of(new) != kind:
            return "its Type changes"
        was, will_be = self.before.exists(name), self.after.exists(name)
        if will_be is False:
            return "its Condition would be false"
        if will_be is not True and (will_be != was or unknown_in(will_be)):
            return "its Condition may be false: the template and its parameters do not determine it"
        return ""

    def _renamed(self, name: str, kind: str) -> str:
        new = [
            each
            for each, resource in self.after.resources.items()
            if each not in self.before.resources and type_of(resource) == kind
        ]
        if name not in self.after.resources and len(new) == 1:
            return (
                f"this looks like a rename to {new[0]}: CloudFormation identifies it by its logical id, so keep {name}"
            )
        return "restore it in the template"

    def _saved(self, name: str) -> bool:
        policies = {str(each.resources[name].get("UpdateReplacePolicy")) for each in (self.before, self.after)}
        return policies <= _SAVED

    def _replaced(self, name: str, kind: str) -> str:
        """Return why CloudFormation would replace a resource, or may; empty when it updates it in place."""
        was, will_be = self._properties(self.before, name), self._properties(self.after, name)
        pointers = replacing_properties(kind, self.region)
        if pointers is None:
            return "it changes, and cfn-lint does not know which of its properties replace it" if was != will_be else ""
        found = [
            pointer for pointer in pointers if self._differs(_at(was, pointer), _at(will_be, pointer), was != will_be)
        ]
        if not found:
            return ""
        names = ", ".join(dict.fromkeys(_shown(pointer) for pointer in found))
        return f"{names} cannot be changed in place"

    def _differs(self, was: Any, will_be: Any, changes: bool) -> bool:
        """Return whether the update changes a value, or may."""
        if was != will_be or unknown_in(will_be):
            return True
        if changes and looked_up_in(will_be):
            return True
        return any(each in self.unstable for each in references_in(will_be))

    def _unstable(self) -> frozenset[str]:
        """Return logical ids that refer to another resource after the update, or may: references to them change."""
        found = {name for name in self.before.resources if name not in self.after.resources or self._opaque(name)}
        while True:
            self.unstable = frozenset(found)
            more = {
                name
                for name, resource in self.before.resources.items()
                if name not in found
                and (self._gone(name, type_of(resource)) or self._replaced(name, type_of(resource)))
            }
            if not more:
                return frozenset(found)
            found |= more

    def _opaque(self, name: str) -> bool:
        kind = type_of(self.before.resources[name])
        changes = self._properties(self.before, name) != self._properties(self.after, name)
        return changes and kind.startswith(_OPAQUE)

    def _hidden(self, name: str, kind: str, entry: ProtectedType) -> Iterator[str]:
        """Return how an update in place removes protection, or changes what the service refuses to change."""
        was, will_be = self._properties(self.before, name), self._properties(self.after, name)
        if kind == "AWS::CloudFormation::Stack" and was != will_be:
            yield "the nested stack changes, and its content is unknown"
        yield from weakened(entry.template_safeguards, marked_values(was), marked_values(will_be))
        for attribute, which in entry.replaced_by.items():
            key = camel(attribute)
            if not _grown(was.get(key), will_be.get(key), may_grow=which == "removal"):
                yield (
                    f"elements of {key} cannot be changed or removed"
                    if which == "removal"
                    else f"{key} cannot be changed"
                )
        for policy in ("DeletionPolicy", "UpdateReplacePolicy"):
            old, new = (str(each.resources[name].get(policy)) for each in (self.before, self.after))
            if old in _KEPT | _SAVED and new not in _KEPT | _SAVED:
                yield f"its {policy} {old} would be removed"

    def _properties(self, template: StackTemplate, name: str) -> Mapping[str, Any]:
        found = template.value(template.resources.get(name, {}).get("Properties") or {})
        return found if isinstance(found, Mapping) else {"Properties": found}


def _grown(was: Any, will_be: Any, *, may_grow: bool) -> bool:
    """Return whether a value is unchanged or, if it may grow, only has additional elements."""
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


def _at(value: Any, pointer: str) -> Any:
    """Return the value at a pointer: ``A/B``; ``*`` is every element. An unresolved function counts as a whole."""
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
