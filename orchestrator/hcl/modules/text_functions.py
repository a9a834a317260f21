"""Terraform's functions, by what they say about a path that is computed with them."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Mapping, Sequence

from orchestrator.hcl.tree import Constant, Expression, Items, constant_text

NAMES = frozenset(
    {
        *("abs", "ceil", "floor", "length", "max", "min", "parseint", "sum", "tonumber"),
        *("filemd5", "filesha1", "filesha256", "filesha512", "md5", "sha1", "sha256", "sha512", "uuid", "uuidv5"),
        *("fileset", "timestamp"),
    }
)
"""Their results lead nowhere else: numbers, hexadecimal hashes, and files that ``fileset`` found by its arguments."""

SELECTING = frozenset(
    {
        *("coalesce", "coalescelist", "compact", "concat", "distinct", "element", "flatten", "keys", "lookup", "merge"),
        *("one", "reverse", "setintersection", "setproduct", "setsubtract", "setunion", "slice", "sort", "try"),
        *("values", "zipmap"),
    }
)
"""Their results consist of texts in their arguments."""

TRANSPARENT = frozenset(
    {
        *("abspath", "ephemeralasnull", "issensitive", "nonsensitive", "pathexpand", "sensitive"),
        *("tolist", "tomap", "toset", "tostring"),
    }
)
"""Their results are their first argument; an absolute path stays in the folder that it is in."""


EXACT: Mapping[str, Callable[..., str]] = {
    "basename": posixpath.basename,
    "lower": str.lower,
    "replace": str.replace,
    "trimprefix": str.removeprefix,
    "trimspace": str.strip,
    "trimsuffix": str.removesuffix,
    "upper": str.upper,
}
"""Computed here, if every argument is known."""
_ARGUMENTS = {"replace": 3, "trimprefix": 2, "trimsuffix": 2}


def compute(name: str, arguments: Sequence[str]) -> str | None:
    """Return the result of a function in ``EXACT``; None if an argument is not known, or is a regular expression."""
    if len(arguments) != _ARGUMENTS.get(name, 1) or any("\0" in each for each in arguments):
        return None
    if name == "replace" and arguments[1].startswith("/") and arguments[1].endswith("/"):
        return None
    return EXACT[name](*arguments)


def _join(arguments: Sequence[Expression]) -> list[Expression] | None:
    """Return what ``join(separator, [a, b])`` puts in a row; None if the list is not written out."""
    if len(arguments) != 2 or not isinstance(arguments[1], Items):
        return None
    parts: list[Expression] = []
    for item in arguments[1].items:
        parts += [arguments[0], item] if parts else [item]
    return parts


def _format(arguments: Sequence[Expression]) -> list[Expression] | None:
    """Return what ``format("%s/%s", a, b)`` puts in a row; None for other verbs, or a computed format."""
    text = constant_text(arguments[0]) if arguments else None
    if text is None or "%%" in text:
        return None
    texts = text.replace("%d", "%s").split("%s")
    if any("%" in each for each in texts) or len(texts) != len(arguments):
        return None
    parts: list[Expression] = [Constant(texts[0], 0)]
    for argument, following in zip(arguments[1:], texts[1:], strict=True):
        parts += [argument, Constant(following, 0)]
    return parts


JOINS: Mapping[str, Callable[[Sequence[Expression]], list[Expression] | None]] = {"format": _format, "join": _join}
"""Functions that put texts in a row -> what they put in a row."""
