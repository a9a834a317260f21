"""Finds changes that are planned as an update, but end in a replacement or fail during the apply."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

from orchestrator.guard.checkov.annotate import Change
from orchestrator.guard.policies.values import contains_unknown, value_at
from orchestrator.terraform.model import Action


class UpdateIsUpdate(BaseResourceCheck):  # type: ignore[misc]  # checkov is not followed by mypy
    """Fails if an update changes what cannot be updated, e.g. an attribute in the schema of a user pool."""

    def __init__(self) -> None:
        super().__init__(
            name="planned as an update, but it cannot be changed in place",
            id="ORCH_HIDDEN_REPLACE",
            categories=[CheckCategories.BACKUP_AND_RECOVERY],
            supported_resources=["*"],
            guideline="restore it; adding elements is allowed",
        )

    def scan_resource_conf(self, conf: dict[str, Any]) -> CheckResult:
        """Compare the attributes in ``replaced_by``."""
        change = Change.of(conf)
        if change.protected is None or change.action is not Action.UPDATE:
            return CheckResult.PASSED
        for name, which in change.protected.replaced_by.items():
            self.details.extend(_objections(change, name, whole=which == "any"))
        return CheckResult.FAILED if self.details else CheckResult.PASSED


def _objections(change: Change, name: str, *, whole: bool) -> Iterator[str]:
    before, after = _plain(value_at(change.current, name)), _plain(value_at(change.planned, name))
    if whole:
        if contains_unknown(after) or before != after:
            yield f"{name} would change"
        return
    remaining = list(_elements(after))
    for element in _elements(before):
        if element in remaining:
            remaining.remove(element)
        else:
            yield f"{name}: {_name(element)} would be changed or removed"


def _elements(value: Any) -> Iterable[Any]:
    """Return the elements of a list or set, or the entries of a map; any other value is one element."""
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, list):
        return value
    return [] if _unset(value) else [value]


def _plain(value: Any) -> Any:
    """Return the value without its unset parts."""
    if isinstance(value, Mapping):
        filled = {key: _plain(each) for key, each in value.items()}
        return {key: each for key, each in filled.items() if not _unset(each)}
    if isinstance(value, list):
        return [each for each in map(_plain, value) if not _unset(each)]
    return value


def _unset(value: Any) -> bool:
    """Return whether a value is one that providers use interchangeably for "not set"."""
    return value is None or value is False or value in ("", [], {})


def _name(element: Any) -> str:
    """Return the name of an element; never its value, which may be secret."""
    if isinstance(element, Mapping) and isinstance(element.get("name"), str):
        return repr(element["name"])
    if isinstance(element, tuple):
        return repr(element[0])
    return "an element"


check = UpdateIsUpdate()
