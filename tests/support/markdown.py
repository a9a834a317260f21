"""Renders Markdown as GitHub does, near enough to see what a comment contains: elements, links, images, text."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from markdown_it import MarkdownIt
from markdown_it.token import Token

_TAG = re.compile(r"<!--.*?-->|<[^>]*>", re.DOTALL)


@dataclass
class Rendered:
    """What a Markdown text becomes.

    Attributes:
        tags: the HTML tags in it, as they are written.
        links: where links lead, written ones and those that a code host makes of addresses in the text.
        images: number of images.
        text: text outside of code, in which a code host looks for mentions and references.
        rows: the cells of each row of each table.
        fences: number of code blocks with a fence.
        headings: texts of headings.
    """

    tags: list[str] = field(default_factory=list)
    links: list[str] = field(default_factory=list)
    images: int = 0
    text: list[str] = field(default_factory=list)
    rows: list[int] = field(default_factory=list)
    fences: int = 0
    headings: list[str] = field(default_factory=list)


def render(text: str) -> Rendered:
    """Parse GitHub-flavored Markdown, HTML included."""
    found = Rendered()
    tokens = MarkdownIt("gfm-like", {"html": True}).parse(text)
    for number, token in enumerate(tokens):
        if token.type == "tr_open":
            found.rows.append(0)
        elif token.type in {"td_open", "th_open"}:
            found.rows[-1] += 1
        elif token.type == "fence":
            found.fences += 1
        elif token.type == "heading_open":
            found.headings.append(tokens[number + 1].content)
        elif token.type == "html_block":
            found.tags += _TAG.findall(token.content)
            found.text.append(re.sub(r"<code>.*?</code>", "", _TAG.sub(_kept, token.content)))
        elif token.children:
            _inline(token.children, found)
    return found


def _kept(tag: re.Match[str]) -> str:
    return tag[0] if tag[0] in {"<code>", "</code>"} else ""


def _inline(tokens: Iterable[Token], found: Rendered) -> None:
    for token in _outside_code(tokens, found):
        if token.type == "text":
            found.text.append(token.content)
        elif token.type == "image":
            found.images += 1


def _outside_code(tokens: Iterable[Token], found: Rendered) -> Iterator[Token]:
    """Yield the tokens that are not in code; count tags and links wherever they are."""
    inside = False
    for token in tokens:
        if token.type == "html_inline":
            found.tags.append(token.content)
            inside = token.content == "<code>" or (inside and token.content != "</code>")
        elif token.type == "link_open":
            found.links.append(str(token.attrs["href"]))
        elif not inside:
            yield token
