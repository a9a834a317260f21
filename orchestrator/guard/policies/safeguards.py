"""What must not get worse in an attribute: the one mechanism behind every safeguard in ``policies/protected.yaml``.

Terraform's attributes, CloudFormation's properties and the desired states of Cloud Control are all judged by it.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from orchestrator.guard.policies.levels import BEST, WORST, Level
from orchestrator.guard.policies.shapes import SHAPES, Shape
from orchestrator.guard.policies.values import (
    ANY_ELEMENT,
    Mark,
    ValueReference,
    contains_unknown,
    elements,
    number,
    one_value,
    value_at,
    values_at,
)

AttributeValue = bool | int | str
Meaning = Literal["age", "backups", "restore", "undo", "lock"]

_EFFECTS: Mapping[Meaning, tuple[str, str]] = {
    "age": ("what is older than {} is deleted", "nothing is kept"),
    "backups": ("backups that are older than {} are deleted", "no backup is kept"),
    "restore": ("no point in time before the last {} can be restored", "no point in time can be restored"),
    "undo": ("a deletion can be undone for {} only", "a deletion cannot be undone"),
    "lock": ("it can be deleted after {}", "it can be deleted at any time"),
}
"""What a lower number does, by what the number means; and what 0 does."""


@dataclass(frozen=True, slots=True)
class Safeguard:
    """What must not get worse in one attribute; exactly one of the first five keys is set.

    Attributes:
        keep: values that it must keep, the best first; every other value is worse.
        never: values that disarm it; every other value is better.
        no_less: a number that must not fall; the unit of it.
        means: for ``no_less``: what the number is, and so what a lower one does; by default the age of what is deleted.
        no_fewer: a list or set that must not lose elements; the member that tells them apart, or ``values``.
        no_new: rules that must not appear; a name of ``shapes.SHAPES``.
        zero: for ``no_less``: 0 is forever.
        default: what the provider takes when the attribute is not set. Without it, an unset value is as bad as can be.
        cloudformation: its name in CloudFormation; by default the same words in camel case.
    """

    keep: tuple[AttributeValue, ...] | None = None
    never: tuple[AttributeValue, ...] | None = None
    no_less: str | None = None
    no_fewer: str | None = None
    no_new: Shape | None = None
    means: Meaning | None = None
    zero: Literal["forever"] | None = None
    default: AttributeValue | None = None
    cloudformation: str | None = None

    def level(self, value: Any, *, unset: Level, unknown: Level) -> Level:
        """Return how safe a value is.

        Args:
            value: the value, with marks for what is not known.
            unset: the level of an unset number without a default.
            unknown: the level of a value that nobody knows.
        """
        value = self.default if value is None else one_value(value)
        if self.no_new is not None:
            return unknown if _is_unknown(value) else SHAPES[self.no_new](value)
        if _is_unknown(value):
            return unknown
        if self.no_fewer is not None:
            return Level(dict.fromkeys(_labels(value, self.no_fewer), 1.0))
        if self.no_less is not None:
            return self._number(value, unset)
        return Level({"": float(self._rank(value))})

    def _number(self, value: Any, unset: Level) -> Level:
        if value is None:
            return unset
        found = number(value)
        if found == 0 and self.zero == "forever":
            return BEST
        return WORST if found is None else Level({"": found})

    def _rank(self, value: Any) -> int:
        """Return how good a value is: of ``keep``, the first is best; of ``never``, everything else is."""
        if self.keep is None:
            return 0 if _one_of(value, self.never or ()) is not None else 1
        found = _one_of(value, self.keep)
        return 0 if found is None else len(self.keep) - found

    @property
    def lowest(self) -> Level:
        """Return the level of a companion that does not exist: it has no number and no value, and no rules either."""
        if self.never is not None:
            return Level({"": 1.0})
        return BEST if self.no_new is not None else Level({"": 0.0})


def _one_of(value: Any, listed: tuple[AttributeValue, ...]) -> int | None:
    """Return the position of a value in a list; unset counts as false, but not as 0 or a text."""
    value = False if value is None else value
    pairs = enumerate(map(one_value, listed))
    return next((at for at, each in pairs if each == value and isinstance(each, bool) == isinstance(value, bool)), None)


def _labels(value: Any, member: str) -> Iterator[str]:
    for each in elements(value):
        label = each if member == "values" else value_at(each, member)
        if not contains_unknown(label) and label is not None:
            yield str(label)


def _is_unknown(value: Any) -> bool:
    return value is Mark.UNKNOWN or isinstance(value, ValueReference)


def weakened(safeguards: Mapping[str, Safeguard], before: Any, after: Any) -> Iterator[str]:
    """Yield a phrase for each attribute that would get worse.

    Args:
        safeguards: path -> what must not get worse there.
        before: the current values.
        after: the planned values, with marks for what is not known.
    """
    for path, rule in safeguards.items():
        will_be = values_at(after, path)
        for element, old in values_at(before, path).items():
            if (
                element in will_be or ANY_ELEMENT in will_be
            ):  # else the element goes, which `no_fewer` of its list is about
                new = will_be.get(element, will_be.get(ANY_ELEMENT))
                yield from _worse(rule, _shown(path, element), old, new)


def _worse(rule: Safeguard, name: str, old: Any, new: Any) -> Iterator[str]:
    if old == new and not contains_unknown(new):
        return
    was = rule.level(old, unset=BEST, unknown=_best(rule))
    will_be = rule.level(new, unset=_worst(rule), unknown=_worst(rule))
    lost = list(will_be.less_than(was))
    if lost:
        yield _phrase(rule, name, (old, new), lost, will_be)


def newly_bad(safeguards: Mapping[str, Safeguard], after: Any, siblings: Iterable[Any]) -> Iterator[str]:
    """Yield a phrase for each attribute of a new companion that contradicts what safeguards its owner now.

    Args:
        safeguards: as for ``weakened``.
        after: the planned values of the new companion.
        siblings: the current values of the other companions of the same type and owner, as far as the plan has them.
    """
    known = list(siblings)
    for path, rule in safeguards.items():
        for element, new in values_at(after, path).items():
            name, will_be = _shown(path, element), rule.level(new, unset=_worst(rule), unknown=_worst(rule))
            left_out = new is None and rule.default is None
            lost = [] if left_out else list(will_be.less_than(_floor(rule)))
            if lost:
                yield _phrase(rule, name, (None, new), lost, will_be)
                continue
            contradicted = (list(_worse(rule, name, values_at(each, path).get(element), new)) for each in known)
            yield from next((each for each in contradicted if each), [])


def without(safeguards: Mapping[str, Safeguard], before: Any) -> bool:
    """Return whether the removal of a companion would make anything worse than it is."""
    return any(
        True
        for path, rule in safeguards.items()
        for value in values_at(before, path).values()
        for _ in rule.lowest.less_than(rule.level(_assumed(rule, value), unset=rule.lowest, unknown=_best(rule)))
    )


def _assumed(rule: Safeguard, value: Any) -> Any:
    """Return a current value; a word that should be there and is not may be any."""
    words = rule.keep is not None and not isinstance(rule.keep[0], bool)
    return Mark.UNKNOWN if value is None and rule.default is None and words else value


def _best(rule: Safeguard) -> Level:
    """Return the level to compare with when nobody knows the current value."""
    if rule.keep is not None:
        return Level({"": float(len(rule.keep))})
    if rule.never is not None:
        return Level({"": 1.0})
    return Level({"its elements": 1.0}) if rule.no_fewer is not None else BEST


def _worst(rule: Safeguard) -> Level:
    """Return the level of a planned value that nobody knows."""
    return WORST if rule.no_new is not None else Level({"": 0.0})


def _floor(rule: Safeguard) -> Level:
    """Return what a new companion must have at least, when nobody knows the others."""
    if rule.no_new is not None:
        return BEST
    return Level({"": 1.0}) if rule.keep is not None or rule.never is not None else Level({"": 0.0})


def _shown(path: str, element: str) -> str:
    name = re.sub(r"\[\w+\]", "", path)
    return name if element in {"", ANY_ELEMENT} else f"{name} of {element}"


def _phrase(rule: Safeguard, name: str, change: tuple[Any, Any], lost: list[str], level: Level) -> str:
    """Return what gets worse, in words. Only values that the list names, numbers and labels are shown."""
    old, new = change
    if _is_unknown(new) or (contains_unknown(new) and lost == [""]):
        return f"{name} would become a value known only after the apply"
    if rule.no_new is not None:
        return f"{name}: {', '.join(dict.fromkeys(level.texts.get(each, 'it cannot be read') for each in lost))}"
    if rule.no_fewer is not None:
        return f"{name}: {', '.join(lost)} would be removed"
    if rule.no_less is not None:
        return f"{name} would change from {old!r} to {new!r}{_effect(rule, new)}"
    return f"{name} would become {new!r}" if rule.never is not None else f"{name} would change from {old!r} to {new!r}"


def _effect(rule: Safeguard, new: Any) -> str:
    """Return what a number that falls to this value does; empty if that is not known."""
    found = number(rule.default if new is None else new)
    if found is None or rule.no_less is None:
        return ""
    unit = rule.no_less.removesuffix("s") if found == 1 else rule.no_less
    some, none = _EFFECTS[rule.means or "age"]
    return f": {some.format(f'{found:g} {unit}')}" if found else f": {none}"
