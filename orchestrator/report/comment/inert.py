"""Text from plans as Markdown that does nothing: no HTML, no link, no image, no mention, no reference.

Code hosts look for mentions, references and addresses after the Markdown is rendered, in every text outside of code. So
a word that is more than letters is put into code, where nothing is looked for. Escapes would not help against that.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from urllib.parse import quote

from orchestrator.errors import Location
from orchestrator.report.comment.context import CommentContext
from orchestrator.report.model import RunReport
from orchestrator.report.text import clean, shorten

PROSE_LIMIT = 1_500
"""Characters shown of one sentence or paragraph from a record."""

_WORD = re.compile(r"(?P<before>[(\"“]*)(?P<core>.*?)(?P<after>[)\"”,;:.?]*)")
_PLAIN = re.compile(r"[^\W\d_]+(?:[-'’][^\W\d_]+)*|\d{1,6}|\d{1,3}(?:,\d{3})+|[—–→…±]")
_TOGETHER = "\N{NO-BREAK SPACE}"
_SHORT_WORDS = 16
_COMMIT = re.compile(r"[0-9a-f]{7,64}")
_SAFE_FILE = re.compile(r"(?!.*(?:^|/)\.{1,2}(?:/|$))[^/\\].*")
_BACKTICKS = re.compile(r"`+")


def code(text: str) -> str:
    """Return a text as code on one line, for a paragraph, a list or a cell of a table; empty for an empty text."""
    shown = clean(text)
    if "|" in shown:
        # Nothing else keeps a pipe, after a backslash too, from ending the cell. Markdown is read inside of <code>, and
        # an address of a page or of mail would become a link: a word joiner after these signs prevents it.
        return re.sub(r"(&#(?:58|64);)", "\\1\u2060", html_code(shown))
    if "`" in shown or shown != shown.strip():
        ticks = "`" * (1 + max((len(run) for run in _BACKTICKS.findall(shown)), default=0))
        return f"{ticks} {shown} {ticks}" if shown.strip() else html_code(shown)
    return f"`{shown}`" if shown else ""


def html_code(text: str) -> str:
    """Return a text as ``<code>``, for places in which Markdown is not read, such as ``<summary>``."""
    return f"<code>{''.join(_entity(c) for c in clean(text))}</code>"


def prose(text: str, *, limit: int = PROSE_LIMIT) -> str:
    """Return a sentence as Markdown: words stay words, everything else (addresses, names, values) becomes code.

    Args:
        text: the sentence.
        limit: characters shown of it.
    """
    return " ".join(_pieces(clean(shorten(text, limit=limit)).split()))


def signed(sign: str, word: str) -> str:
    """Return a word with a sign in front of it, for a cell: a narrow column must not part the two, nor short words."""
    return f"{sign}{_TOGETHER}{word.replace(' ', _TOGETHER) if len(word) <= _SHORT_WORDS else word}"


def fence(lines: Iterable[str], language: str = "") -> str:
    """Return lines as a code block that none of them can close."""
    shown = [clean(line) for line in lines]
    longest = max((len(run) for line in shown for run in _BACKTICKS.findall(line)), default=0)
    ticks = "`" * max(3, longest + 1)
    return "\n".join([f"{ticks}{language}", *shown, ticks])


def place_link(where: Location, source_url: str) -> str:
    """Return a place in a file as code, with a link to it.

    Args:
        where: the place; a path that leaves the repository gets no link.
        source_url: address of the repository's files at the commit, without a slash at its end; empty: no link.
    """
    name = f"{where.file}:{where.line}" if where.line else where.file
    if not source_url or not _SAFE_FILE.fullmatch(where.file) or clean(where.file) != where.file:
        return code(name)
    line = f"#L{where.line}" if where.line else ""
    return f"[{code(name)}]({source_url}/{quote(where.file)}{line})"


def changed_place(where: Location, report: RunReport, context: CommentContext) -> str:
    """Return a place in a file with a link to it, and whether its line is part of the change.

    Args:
        where: the place.
        report: the run; it knows the lines of the change.
        context: where the files are, and what the code host calls a change.
    """
    parts = report.changed_lines.get(where.file, ())
    mark = f", in this {context.change}" if any(first <= where.line <= last for first, last in parts) else ""
    return place_link(where, context.source_url) + mark


def _pieces(words: Iterable[str]) -> Iterator[str]:
    """Yield words, and each run of words that must be code as one piece."""
    waiting: list[str] = []
    for word in words:
        parts = _WORD.fullmatch(word)
        before, core, after = parts.group("before", "core", "after") if parts else ("", word, "")
        if core and (not _PLAIN.fullmatch(core) or _COMMIT.fullmatch(core)):
            if waiting and before:
                yield code(" ".join(waiting))
                waiting = []
            waiting.append(core)
            if before or after:
                yield f"{before}{code(' '.join(waiting))}{after}"
                waiting = []
            continue
        if waiting:
            yield code(" ".join(waiting))
            waiting = []
        yield word
    if waiting:
        yield code(" ".join(waiting))


def _entity(character: str) -> str:
    return character if character.isalnum() or character in " /-" else f"&#{ord(character)};"
