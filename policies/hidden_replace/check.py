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
            guideline="write it as it is in the state; adding elements is allowed",
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
    gone = []
    for element in _elements(before):
        if element in remaining:
            remaining.remove(element)
        else:
            gone.append(element)
    for element in gone:
        counterpart = next((each for each in remaining if _same_but_blocks(element, each)), None)
        if counterpart is None:
            yield f"{name}: {_name(element)} would be changed or removed"
        else:
            yield from _unlike_state(name, element, counterpart)


def _same_but_blocks(element: Any, other: Any) -> bool:
    """Return whether two elements differ only in whether they have certain blocks."""
    if not isinstance(element, Mapping) or not isinstance(other, Mapping):
        return False
    differing = {key for key in element.keys() | other.keys() if element.get(key) != other.get(key)}
    return all(key not in element or key not in other for key in differing) and all(
        isinstance({**element, **other}[key], list) for key in differing
    )


def _unlike_state(name: str, element: Mapping[str, Any], other: Mapping[str, Any]) -> Iterator[str]:
    """Yield how an element that nobody changed differs from the state: AWS has added a block, or never had one.

    The provider takes that for another element, and the apply fails: "cannot modify or remove schema items".
    """
    of = f"{name}: {_name(element)}"
    for key in sorted(element.keys() - other.keys()):
        yield f"{of} has {key} in the state, but not in the configuration: add {_block(key, element[key])} to it"
    for key in sorted(other.keys() - element.keys()):
        yield f"{of} has {key} in the configuration, but not in the state: remove that block"


def _block(name: str, blocks: list[Any]) -> str:
    """Return what to write to have a block as it is in the state; only its numbers are shown."""
    content = blocks[0] if len(blocks) == 1 and isinstance(blocks[0], Mapping) else {}
    numbers = [f"{key} = {value}" for key, value in sorted(content.items()) if str(value).isdecimal()]
    return f"`{name}` with {' and '.join(numbers)}" if numbers else f"`{name} {{}}`"


def _elements(value: Any) -> Iterable[Any]:
    """Return the elements of a list or set, or the entries of a map; any other value is one element."""
    if isinstance(value, Mapping):
        return list(value.items())
    if isinstance(value, list):
        return value
    return [] if _unset(value) else [value]


def _plain(value: Any) -> Any:
    """Return the value without its unset parts. A block counts also if nothing in it is set."""
    if isinstance(value, Mapping):
        filled = {key: _plain(each) for key, each in value.items()}
        return {key: each for key, each in filled.items() if not _unset(each)}
    if isinstance(value, list):
        return [_plain(each) for each in value if isinstance(each, Mapping) or not _unset(_plain(each))]
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
