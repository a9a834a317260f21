"""Builds the values of a YAML file from parser events, and refuses what is ambiguous, hostile or not supported."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

from ruamel.yaml.events import (
    AliasEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
)

from orchestrator.config.yaml.scalars import AmbiguousScalarError, is_null, scalar
from orchestrator.config.yaml.value import YamlKind, YamlValue, make_list, make_map
from orchestrator.errors import Location, Problem

MAX_VALUES = 50_000
"""Values allowed in one file after aliases and merge keys are expanded: a few nested ones expand to millions."""
MAX_DEPTH = 40
"""Levels of nesting allowed in one file."""
_TOO_DEEP = f"values are nested deeper than {MAX_DEPTH} levels"


class YamlProblemError(Exception):
    """A problem with the content of a file."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


DATE_KEYS = frozenset({"expires"})
"""Top-level keys of the files in ``live/`` whose value is a date, which needs no quotes there."""


class DocumentBuilder:
    """Builds values from parser events."""

    def __init__(self, file: str, *, plain_dates: bool, aliases: bool) -> None:
        self._file = file
        self._plain_dates = plain_dates
        self._aliases = aliases
        self._anchors: dict[str, YamlValue | None] = {}
        self._count = 0

    def document(self, events: Iterator[Event]) -> YamlValue | None:
        """Return the only document of a stream; None when there is none."""
        root: YamlValue | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    raise self._wrong(event, "a second document begins here", "write one document per file")
                root = self._value(next(events), events, 1)
        return root

    def _at(self, event: Event) -> Location:
        return Location(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _wrong(self, event: Event, what: str, hint: str | None = None) -> YamlProblemError:
        return YamlProblemError(Problem(self._at(event), what, hint))

    def _value(self, event: Event, events: Iterator[Event], depth: int) -> YamlValue:
        if isinstance(event, AliasEvent):
            self._refuse_unless_allowed(event, "aliases")
            return self._alias(event, depth)
        if not isinstance(event, ScalarEvent | CollectionStartEvent):
            raise self._wrong(event, "unsupported YAML")
        self._refuse_tag(event)
        if depth > MAX_DEPTH:
            raise self._wrong(event, _TOO_DEEP)
        self._add(event, 1)
        if event.anchor is None:
            return self._untagged(event, events, depth)
        self._refuse_unless_allowed(event, "anchors")
        self._anchors[event.anchor] = None
        value = self._anchors[event.anchor] = self._untagged(event, events, depth)
        return value

    def _add(self, event: Event, values: int) -> None:
        """Count values before they are built or copied, so that a small file cannot use up the memory."""
        self._count += values
        if self._count > MAX_VALUES:
            hint = "nested aliases multiply: write the values out"
            raise self._wrong(event, f"more than {MAX_VALUES:,} values after aliases are expanded", hint)

    def _alias(self, event: AliasEvent, depth: int) -> YamlValue:
        if event.anchor not in self._anchors:
            raise self._wrong(event, f"unknown alias *{event.anchor}", f"define &{event.anchor} earlier in this file")
        found = self._anchors[event.anchor]
        if found is None:
            raise self._wrong(event, f"*{event.anchor} is inside &{event.anchor}, so it refers to itself")
        if depth + found.depth - 1 > MAX_DEPTH:
            raise self._wrong(event, _TOO_DEEP)
        self._add(event, found.size)
        return found

    def _refuse_unless_allowed(self, event: Event, what: str) -> None:
        if not self._aliases:
            raise self._wrong(event, f"{what} are not allowed here", "write the value out in full")

    def _refuse_tag(self, event: ScalarEvent | CollectionStartEvent) -> None:
        if event.tag is not None:
            raise self._wrong(event, f"unsupported tag {event.tag!r}", "write the value without a tag")

    def _untagged(self, event: NodeEvent, events: Iterator[Event], depth: int) -> YamlValue:
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        if isinstance(event, MappingStartEvent):
            return self._map(event, events, depth)
        items = []
        while not isinstance(inner := next(events), SequenceEndEvent):
            items.append(self._value(inner, events, depth + 1))
        return make_list(tuple(items), self._at(event))

    def _map(self, start: Event, events: Iterator[Event], depth: int) -> YamlValue:
        own: dict[str, YamlValue] = {}
        places: dict[str, Location] = {}
        merged: list[YamlValue] | None = None
        while not isinstance(event := next(events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise self._wrong(event, "a key must be text")
            if event.value == "<<" and not event.style:
                self._refuse_unless_allowed(event, "merge keys")
                if merged is not None:
                    raise self._wrong(event, "duplicate key '<<'", "write a list of maps: <<: [*one, *two]")
                merged = self._merged(next(events), events, depth)
                continue
            key = self._key(event)
            if key in own:
                raise self._wrong(event, f"duplicate key {key!r}", f"it is already set on line {places[key].line}")
            places[key] = self._at(event)
            inner = next(events)
            if depth == 1 and key in DATE_KEYS and _is_plain(inner):
                self._add(inner, 1)
                own[key] = self._scalar(inner, plain_dates=True)
            else:
                own[key] = self._value(inner, events, depth + 1)
        for other in merged or ():
            for key, value in other.items():
                if key not in own:
                    own[key] = value
                    places[key] = other.where(key)
        return make_map(own, self._at(start), places)

    def _key(self, event: ScalarEvent) -> str:
        self._refuse_tag(event)
        key: str = event.value
        if event.anchor is not None:
            raise self._wrong(event, "a key cannot have an anchor", "put the anchor on the value")
        if not event.style and is_null(key):
            raise self._wrong(event, "a key must be text", f'quote it: "{key}"')
        if "${{" in key:
            raise self._wrong(event, "a reference cannot be a key", "write the key out")
        return key

    def _merged(self, event: Event, events: Iterator[Event], depth: int) -> list[YamlValue]:
        value = self._value(event, events, depth + 1)
        sources = list(value.value) if value.kind is YamlKind.LIST else [value]
        if any(source.kind is not YamlKind.MAP for source in sources):
            raise self._wrong(event, "<< must be a map or a list of maps")
        if not isinstance(event, AliasEvent):
            self._add(event, sum(len(source.value) for source in sources))
        return sources

    def _scalar(self, event: ScalarEvent, *, plain_dates: bool = False) -> YamlValue:
        at, raw = self._at(event), event.value
        if event.style:
            return YamlValue(YamlKind.TEXT, raw, at, raw, has_ref="${" in raw)
        try:
            kind, value = scalar(raw, plain_dates=plain_dates or self._plain_dates)
        except AmbiguousScalarError as error:
            raise self._wrong(event, str(error), error.hint) from error
        return YamlValue(kind, value, at, raw, has_ref=kind is YamlKind.TEXT and "${" in raw)


def _is_plain(event: Event) -> TypeGuard[ScalarEvent]:
    """Return whether an event is a scalar without an anchor and a tag."""
    return isinstance(event, ScalarEvent) and event.anchor is None and event.tag is None
