"""YAML files of ``policies/``: read with positions, so that every problem is told with file, line and column."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import ValidationError
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import MarkedYAMLError, YAMLError

from orchestrator.errors import CatalogueError, Location, Problem


def load_tree(data: bytes, name: str) -> Any:
    """The YAML tree with positions; None when the file is empty.

    Args:
        data: the file's bytes.
        name: how problems name the file.

    Raises:
        CatalogueError: it is no text, or no YAML.
    """
    try:
        return YAML(typ="rt").load(data.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise CatalogueError([Problem(Location(name), "this is not a text file in UTF-8")]) from error
    except (YAMLError, ValueError) as error:
        raise CatalogueError([_syntax(error, name)]) from error


def problems_of(
    error: ValidationError, tree: Any, name: str, said: Mapping[str, str], known: Iterable[str]
) -> list[Problem]:
    """Pydantic's errors as problems, each at the line that it is about.

    Args:
        error: what pydantic found.
        tree: what it read, from ``load_tree``.
        name: how problems name the file.
        said: words for kinds of error, beside those that every file shares.
        known: the keys of an entry, for the hint about an unknown one.
    """
    hint = "known keys: " + ", ".join(known)
    # a union complains once for each of its members, in the same words: once is enough
    return list({_problem(each, tree, name, {**_SAID, **said}, hint) for each in error.errors()})


def place(tree: Any, keys: Iterable[str | int], name: str) -> Location:
    """Line and column of the deepest key of a path that is in the file."""
    node: Any = tree
    line, column = 0, 0
    for key in map(str, keys):
        if isinstance(node, CommentedMap) and key in node:
            line, column = node.lc.key(key)
        elif isinstance(node, CommentedSeq) and re.fullmatch(r"\d+", key) and int(key) < len(node):
            line, column = node.lc.item(int(key))
        else:
            break
        node = node[int(key)] if isinstance(node, CommentedSeq) else node[key]
    return Location(name, line + 1, column + 1)


def _syntax(error: Exception, name: str) -> Problem:
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    where = Location(name, mark.line + 1, mark.column + 1) if mark is not None else Location(name)
    said = error.problem if isinstance(error, MarkedYAMLError) else None
    first = (said or str(error)).strip().splitlines()[0]
    return Problem(where, f"not YAML: {first}")


def _problem(error: Mapping[str, Any], tree: Any, name: str, said: Mapping[str, str], known: str) -> Problem:
    path = [step for step in error["loc"] if step not in _UNION_STEPS]
    keys = [str(step) for step in path if step != "[key]"]
    words = said.get(error["type"], error["msg"]) if len(path) == len(error["loc"]) else _SCALAR
    shown = ".".join(keys)
    what = f"{shown}: {words}" if shown else words
    return Problem(place(tree, keys, name), what, known if error["type"] == "extra_forbidden" else None)


_UNION_STEPS = frozenset({"bool", "int", "str", "constrained-str"})
"""Steps that pydantic adds to a path for each member of a union: no keys of the file."""

_SCALAR = "must be text, a whole number, true or false"

_SAID = {
    "model_type": "must be a map of keys",
    "string_type": "must be text",
    "tuple_type": "must be a list",
    "list_type": "must be a list",
    "extra_forbidden": "unknown key",
    "missing": "is missing",
}
