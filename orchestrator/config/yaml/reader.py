"""YAML with a place for every value. ruamel.yaml's C parser gives the events; what a value may be is decided here.

Anchors and merge keys work within a file; tags, keys that are there twice, and whatever one reader of YAML reads
differently from another are errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]  # its name for the two builds of the C parser
from ruamel.yaml.error import MarkedYAMLError, YAMLError
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

from orchestrator.config.yaml.scalars import AmbiguousScalarError, YamlKind, is_null, scalar
from orchestrator.errors import CatalogueError, Location, Problem

MAX_BYTES = 1_000_000
"""A file of ``live/`` is short; a megabyte is a mistake or an attack."""
MAX_VALUES = 50_000
"""Values of one file with every alias written out: what a few nested aliases make a million of stops here."""
MAX_DEPTH = 40
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_TOO_DEEP = f"values are nested deeper than {MAX_DEPTH} levels"
_EMPTY_HINT = "delete it, or write what it is for"


@dataclass(frozen=True, slots=True)
class YamlValue:
    """One value of a file.

    Attributes:
        kind: what it is.
        value: dict of text to ``Yaml``, tuple of ``Yaml``, str, int, float, bool or None.
        at: where it stands.
        raw: a scalar as it is written.
        size: how many values it holds, itself included.
        depth: how many levels of values it holds, itself included.
        has_ref: ``${`` stands somewhere in it.
        key_at: for a map, where each key stands.
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
        """The value of a key of a map; None when there is none, or this is no map."""
        return self.value.get(key) if self.kind is YamlKind.MAP else None

    def items(self) -> Iterator[tuple[str, YamlValue]]:
        """Keys and values of a map; nothing for anything else."""
        return iter(self.value.items() if self.kind is YamlKind.MAP else ())

    def where(self, key: str) -> Location:
        """Where a key of a map stands."""
        return (self.key_at or {}).get(key, self.at)


def read_yaml(path: Path, *, root: Path) -> YamlValue:
    """Read one file.

    Args:
        path: the file.
        root: the repository; places are relative to it.

    Raises:
        CatalogueError: it cannot be read, is empty, binary, too large, or not YAML that means one thing only.
    """
    file = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    try:
        with path.open("rb") as content:
            data = content.read(MAX_BYTES + 1)  # of what is far too large, no more than shows that it is
    except OSError as error:
        raise CatalogueError([Problem(Location(file), f"the file cannot be read: {error.strerror}")]) from error
    return parse_yaml(data, file)


def parse_yaml(data: bytes, file: str) -> YamlValue:
    """Parse the content of one file.

    Raises:
        CatalogueError: as for ``read_yaml``.
    """
    text = _decoded(data, file)
    try:
        return _Builder(file).document(_events(text))
    except _ProblemFoundError as error:
        raise CatalogueError([error.problem]) from error
    except YAMLError as error:
        raise CatalogueError([_parser_problem(error, text, file)]) from error


def _events(text: str) -> Iterator[Event]:
    parser = CParser(text)
    try:
        while parser.check_event():
            yield parser.get_event()
    finally:
        parser.dispose()


def _decoded(data: bytes, file: str) -> str:
    if len(data) > MAX_BYTES:
        what = f"the file has more than {MAX_BYTES:,} bytes"
        raise CatalogueError([Problem(Location(file), what, "files of live/ are short: move data to where it belongs")])
    if not data.strip():
        raise CatalogueError([Problem(Location(file), "the file is empty", _EMPTY_HINT)])
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        problem = Problem(
            Location(file, line), "the file is not UTF-8 text", "it is binary, or saved in another encoding"
        )
        raise CatalogueError([problem]) from error
    if (found := _CONTROL.search(text)) is not None:
        line = text.count("\n", 0, found.start()) + 1
        what = f"the file holds the control character {found[0]!r}: it is binary"
        raise CatalogueError([Problem(Location(file, line), what, "write it anew as text")])
    return text


def _parser_problem(error: YAMLError, text: str, file: str) -> Problem:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    if mark is None:
        return Problem(Location(file), f"this is not YAML: {str(error).splitlines()[0]}")
    what = f"this is not YAML: {getattr(error, 'problem', None) or error}"
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    hint = None
    if "${{" in line and re.search(r"[\[{].*\$\{\{", line.split("#")[0]):
        hint = 'inside { } and [ ] a reference must be quoted: "${{ … }}"'
    elif "\t" in line[: mark.column + 1]:
        hint = "indent with spaces, not tabs"
    return Problem(Location(file, mark.line + 1, mark.column + 1), what, hint)


class _ProblemFoundError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.what)
        self.problem = problem


class _Builder:
    """Builds values from events."""

    def __init__(self, file: str) -> None:
        self._file = file
        self._anchors: dict[str, YamlValue | None] = {}

    def document(self, events: Iterator[Event]) -> YamlValue:
        """The one document of a stream."""
        root: YamlValue | None = None
        for event in events:
            if isinstance(event, DocumentStartEvent):
                if root is not None:
                    raise self._wrong(event, "a second document begins here", "one file holds one document")
                root = self._value(next(events), events, 1)
        if root is None:
            raise _ProblemFoundError(Problem(Location(self._file), "the file holds nothing but comments", _EMPTY_HINT))
        return root

    def _at(self, event: Event) -> Location:
        return Location(self._file, event.start_mark.line + 1, event.start_mark.column + 1)

    def _wrong(self, event: Event, what: str, hint: str | None = None) -> _ProblemFoundError:
        return _ProblemFoundError(Problem(self._at(event), what, hint))

    def _value(self, event: Event, events: Iterator[Event], depth: int) -> YamlValue:
        if isinstance(event, AliasEvent):
            return self._alias(event, depth)
        if not isinstance(event, ScalarEvent | CollectionStartEvent):
            raise self._wrong(event, "this is not YAML that is understood here")
        self._refuse_tag(event)
        if depth > MAX_DEPTH:
            raise self._wrong(event, _TOO_DEEP)
        if event.anchor is None:
            value = self._untagged(event, events, depth)
        else:
            self._anchors[event.anchor] = None
            value = self._anchors[event.anchor] = self._untagged(event, events, depth)
        if value.size > MAX_VALUES:
            hint = "aliases of aliases multiply: write out what is meant"
            raise self._wrong(event, f"with all aliases written out this is more than {MAX_VALUES:,} values", hint)
        return value

    def _alias(self, event: AliasEvent, depth: int) -> YamlValue:
        if event.anchor not in self._anchors:
            raise self._wrong(event, f"there is no &{event.anchor} before it in this file")
        found = self._anchors[event.anchor]
        if found is None:
            raise self._wrong(event, f"*{event.anchor} stands inside of &{event.anchor}, so it would never end")
        if depth + found.depth - 1 > MAX_DEPTH:
            raise self._wrong(event, _TOO_DEEP)
        return found

    def _refuse_tag(self, event: ScalarEvent | CollectionStartEvent) -> None:
        if event.tag is not None:
            raise self._wrong(event, f"the tag {event.tag!r} means nothing here", "write the value without a tag")

    def _untagged(self, event: NodeEvent, events: Iterator[Event], depth: int) -> YamlValue:
        if isinstance(event, ScalarEvent):
            return self._scalar(event)
        if isinstance(event, MappingStartEvent):
            return self._map(event, events, depth)
        items = []
        while not isinstance(inner := next(events), SequenceEndEvent):
            items.append(self._value(inner, events, depth + 1))
        return YamlValue(
            YamlKind.LIST,
            tuple(items),
            self._at(event),
            size=1 + sum(item.size for item in items),
            has_ref=any(item.has_ref for item in items),
            depth=1 + max((item.depth for item in items), default=0),
        )

    def _map(self, start: Event, events: Iterator[Event], depth: int) -> YamlValue:
        own: dict[str, YamlValue] = {}
        places: dict[str, Location] = {}
        merged: list[YamlValue] | None = None
        while not isinstance(event := next(events), MappingEndEvent):
            if not isinstance(event, ScalarEvent):
                raise self._wrong(event, "a key must be text")
            if event.value == "<<" and not event.style:
                if merged is not None:
                    raise self._wrong(event, "the key '<<' is here twice", "<< takes a list of maps: [*one, *two]")
                merged = self._merged(next(events), events, depth)
                continue
            key = self._key(event)
            if key in own:
                raise self._wrong(event, f"the key {key!r} is here twice", f"it is already in line {places[key].line}")
            places[key] = self._at(event)
            own[key] = self._value(next(events), events, depth + 1)
        for other in merged or ():
            for key, value in other.items():
                if key not in own:
                    own[key] = value
                    places[key] = other.where(key)
        return YamlValue(
            YamlKind.MAP,
            own,
            self._at(start),
            size=1 + sum(value.size for value in own.values()),
            has_ref=any(value.has_ref for value in own.values()),
            depth=1 + max((value.depth for value in own.values()), default=0),
            key_at=places,
        )

    def _key(self, event: ScalarEvent) -> str:
        self._refuse_tag(event)
        key: str = event.value
        if event.anchor is not None:
            raise self._wrong(event, "an anchor stands on a key", "anchors are for values")
        if not event.style and is_null(key):
            raise self._wrong(event, "a key must be text", f'quote it if it is meant: "{key}"')
        if "${{" in key:
            raise self._wrong(event, "a reference cannot be a key", "keys are as they are written")
        return key

    def _merged(self, event: Event, events: Iterator[Event], depth: int) -> list[YamlValue]:
        value = self._value(event, events, depth + 1)
        sources = list(value.value) if value.kind is YamlKind.LIST else [value]
        if any(source.kind is not YamlKind.MAP for source in sources):
            raise self._wrong(event, "<< takes a map, or a list of maps")
        return sources

    def _scalar(self, event: ScalarEvent) -> YamlValue:
        at, raw = self._at(event), event.value
        if event.style:
            return YamlValue(YamlKind.TEXT, raw, at, raw, has_ref="${" in raw)
        try:
            kind, value = scalar(raw)
        except AmbiguousScalarError as error:
            raise self._wrong(event, str(error), error.hint) from error
        return YamlValue(kind, value, at, raw, has_ref=kind is YamlKind.TEXT and "${" in raw)
