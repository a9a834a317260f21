"""What the YAML parser says of a file that is not YAML, with a hint: most such errors are wrong indentation."""

from __future__ import annotations

import re

from ruamel.yaml.error import MarkedYAMLError, YAMLError

from orchestrator.errors import Location, Problem

_VALUE = re.compile(r"^(?P<indent>[ ]*)(?:- )*[^\s#:][^:]*:\s+[^\s#|>&]")
"""A line with a key and its value."""


def parser_problem(error: YAMLError, text: str, file: str) -> Problem:
    """Return an error of the parser as a problem.

    Args:
        error: what the parser raised.
        text: the content of the file.
        file: the name that the problem shows.
    """
    mark = error.problem_mark if isinstance(error, MarkedYAMLError) else None
    if not isinstance(error, MarkedYAMLError) or mark is None:
        return Problem(Location(file), f"invalid YAML: {str(error).splitlines()[0]}")
    what = f"invalid YAML: {error.problem or error}"
    lines = text.splitlines()
    line = lines[mark.line] if mark.line < len(lines) else ""
    hint = None
    if "${{" in line and re.search(r"[\[{].*\$\{\{", line.split("#")[0]):
        hint = 'inside { } and [ ] a reference must be quoted: "${{ … }}"'
    elif "\t" in line[: mark.column + 1]:
        hint = "indent with spaces, not tabs"
    else:
        hint = _of_structure(error, lines, mark.line, mark.column)
    return Problem(Location(file, mark.line + 1, mark.column + 1), what, hint)


def _of_structure(error: MarkedYAMLError, lines: list[str], line: int, column: int) -> str | None:
    """Return a hint about indentation, colons and dashes."""
    problem, begin = error.problem or "", error.context_mark
    if "mapping values are not allowed" in problem:
        return _unexpected_value(lines, line, column)
    if "could not find expected ':'" in problem:
        number = (begin.line if begin is not None else line) + 1
        return f"line {number} needs a colon and a space after its key: KEY: VALUE"
    if "block sequence entries are not allowed" in problem:
        return "begin a list on a line of its own, below its key: - VALUE"
    if "expected <document start>" in problem:
        return _after_the_end(lines, line)
    if begin is not None and problem.startswith(("did not find expected key", "did not find expected '-'")):
        where = f"line {begin.line + 1}, which begins in column {begin.column + 1}"
        return f"indent it like {where}, or below a line in between; a quote may be open above it"
    return None


def _after_the_end(lines: list[str], line: int) -> str | None:
    """Return what to do about a line below a value that is complete, such as the ``[]`` of a new file."""
    above = _line_above(lines, line)
    if above is None:
        return None
    text = lines[above].split(" #")[0].strip()
    if text in {"[]", "{}"}:
        return f"remove the {text} on line {above + 1}, which is a whole file"
    return f"line {above + 1} ends the content of the file: indent this line, or write it like line {above + 1}"


def _unexpected_value(lines: list[str], line: int, column: int) -> str:
    if ": " in lines[line][:column].lstrip(" -"):
        return "put a value that contains a colon and a space in quotes"
    above = _line_above(lines, line)
    if above is not None and _VALUE.match(lines[above]):
        return f"line {above + 1} has a value, so nothing can be below it: indent this line like line {above + 1}"
    return "a key and its value are on one line, or the value is indented below its key"


def _line_above(lines: list[str], line: int) -> int | None:
    """Return the last line above that is neither empty nor a comment."""
    return next(
        (n for n in range(line - 1, -1, -1) if lines[n].strip() and not lines[n].lstrip().startswith("#")), None
    )
