"""The values of a YAML file, each with its location."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from orchestrator.errors import Location


class YamlKind(StrEnum):
    """The kind of a YAML value, in words for messages."""

    MAP = "a map"
    LIST = "a list"
    TEXT = "text"
    NUMBER = "a number"
    BOOL = "true or false"
    NULL = "empty"


@dataclass(frozen=True, slots=True, eq=False)
class YamlValue:
    """One value of a file. It is compared and hashed by identity, so caches can use it as a key.

    Attributes:
        kind: the kind of value.
        value: dict of text to ``YamlValue``, tuple of ``YamlValue``, str, int, float, bool or None.
        at: where it is written.
        raw: a scalar as written.
        size: number of values in it, including itself.
        depth: levels of nesting, including its own.
        has_ref: whether it contains ``${``.
        key_at: for a map, where each key is written.
    """

    kind: YamlKind
    value: Any
    at: Location
    raw: str = ""
    size: int = 1
    has_ref: bool = False
    depth: int = 1
    key_at: Mapping[str, Location] | None = None

    def get(self, key: str) -> YamlValue | None:
        """Return the value of a key; None when it is missing or this is not a map."""
        return self.value.get(key) if self.kind is YamlKind.MAP else None

    def items(self) -> Iterator[tuple[str, YamlValue]]:
        """Return the keys and values of a map; nothing for other kinds."""
        return iter(self.value.items() if self.kind is YamlKind.MAP else ())

    def where(self, key: str) -> Location:
        """Return where a key of a map is written."""
        return (self.key_at or {}).get(key, self.at)


def make_map(values: Mapping[str, YamlValue], at: Location, key_at: Mapping[str, Location]) -> YamlValue:
    """Return a map of values.

    Args:
        values: the content.
        at: where the map is written.
        key_at: where each key is written.
    """
    return _container(YamlKind.MAP, values, values.values(), at, key_at)


def make_list(items: tuple[YamlValue, ...], at: Location) -> YamlValue:
    """Return a list of values that is written at a location."""
    return _container(YamlKind.LIST, items, items, at, None)


def _container(
    kind: YamlKind, value: Any, inner: Collection[YamlValue], at: Location, key_at: Mapping[str, Location] | None
) -> YamlValue:
    return YamlValue(
        kind,
        value,
        at,
        size=1 + sum(each.size for each in inner),
        has_ref=any(each.has_ref for each in inner),
        depth=1 + max((each.depth for each in inner), default=0),
        key_at=key_at,
    )
