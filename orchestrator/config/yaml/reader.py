"""Reads YAML files and records where each value is written.

ruamel.yaml's C parser produces events, and `builder` makes values of them. Anchors and merge keys work within a file.
Tags, duplicate keys, and scalars that YAML parsers read differently are errors.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.cyaml import CParser  # type: ignore[attr-defined]  # its name for the two builds of the C parser
from ruamel.yaml.error import MarkedYAMLError, YAMLError
from ruamel.yaml.events import Event

from orchestrator.config.yaml.builder import DocumentBuilder, YamlProblemError
from orchestrator.config.yaml.syntax import parser_problem
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import CatalogueError, Location, Problem

MAX_BYTES = 1_000_000
"""Size limit of one file: a larger one is a mistake or an attack."""
_CONTROL = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
_COLON_IN_FLOW = "found unexpected ':'"


def read_yaml(path: Path, *, root: Path) -> YamlValue:
    """Read one file.

    Args:
        path: the file.
        root: the repository; locations are relative to it.

    Raises:
        CatalogueError: the file cannot be read, is empty, binary or too large, or is not valid, unambiguous YAML.
    """
    file = path.relative_to(root).as_posix() if path.is_relative_to(root) else path.name
    try:
        with path.open("rb") as content:
            data = content.read(MAX_BYTES + 1)  # never read more than proves that it is too large
    except OSError as error:
        raise CatalogueError([Problem(Location(file), f"cannot read the file: {error.strerror}")]) from error
    return parse_yaml(data, file)


def parse_yaml(data: bytes, file: str) -> YamlValue:
    """Parse the content of one file.

    Args:
        data: the content.
        file: the name that problems show.

    Raises:
        CatalogueError: as for ``read_yaml``.
    """
    found = parse_optional_yaml(data, file)
    if found is None:
        raise CatalogueError([Problem(Location(file), "the file is empty", "delete it, or add its content")])
    return found


def parse_optional_yaml(data: bytes, file: str, *, plain_dates: bool = False, aliases: bool = True) -> YamlValue | None:
    """Parse the content of a file that may be empty.

    Args:
        data: the content.
        file: the name that problems show.
        plain_dates: read an unquoted date as text instead of refusing it.
        aliases: allow anchors, aliases and merge keys. A value that an alias repeats has the location of its anchor, so
            refuse them where the lines of a value matter.

    Returns:
        The value; None when the file is empty, has only comments, or is null.

    Raises:
        CatalogueError: the content is binary, too large, or not valid, unambiguous YAML.
    """
    text = _decoded(data, file)
    try:
        found = _document(text, lambda: DocumentBuilder(file, plain_dates=plain_dates, aliases=aliases))
    except YamlProblemError as error:
        raise CatalogueError([error.problem]) from error
    except YAMLError as error:
        raise CatalogueError([parser_problem(error, text, file)]) from error
    return None if found is None or found.kind is YamlKind.NULL else found


def _document(text: str, builder: Callable[[], DocumentBuilder]) -> YamlValue | None:
    try:
        return builder().document(_events(text))
    except MarkedYAMLError as error:
        if error.problem != _COLON_IN_FLOW:
            raise
    # YAML 1.2 allows [service:Action] without quotes. ruamel.yaml's Python parser reads it; its C parser does not.
    return builder().document(YAML(typ="safe", pure=True).parse(text))


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
        raise CatalogueError([Problem(Location(file), what, "configuration files are short: move the data elsewhere")])
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
        what = f"the file contains the control character {found[0]!r}"
        raise CatalogueError([Problem(Location(file, line), what, "it is binary: save it as text")])
    return text
