"""Parses HCL templates: quoted text, heredocs, and the ``${…}`` and ``%{…}`` in them."""

from __future__ import annotations

import re
from abc import ABC, abstractmethod

from orchestrator.hcl.lexer import Scanner
from orchestrator.hcl.tree import Compound, Constant, Expression, HclError, Template

_GO_SPACE = "\t\n\v\f\r \x85\xa0\u1680\u2028\u2029\u202f\u205f\u3000" + "".join(map(chr, range(0x2000, 0x200B)))
"""White space in Go (``unicode.IsSpace``), and so in Terraform."""
_SPACE = f"(?!\n)[{_GO_SPACE}]"
"""White space that Terraform skips around the end marker of a heredoc."""
_KINDS = {"newline": "the end of the line", "end": "the end of the file"}


class TemplateReader(ABC):
    """The half of the parser that reads text; the other half reads the expressions in it.

    Args:
        text: the whole text.
    """

    def __init__(self, text: str) -> None:
        self.scanner = Scanner(text)

    @abstractmethod
    def expression(self) -> Expression:
        """Parse the expression that begins at the current token.

        Raises:
            HclError: no expression begins here.
        """

    def fail(self, wanted: str) -> HclError:
        """Return an error that the current token is not the expected one."""
        token = self.scanner
        found = _KINDS.get(token.kind) or repr(token.value)
        return HclError(f"{wanted} expected, found {found}", token.start)

    def take(self, kind: str, wanted: str | None = None) -> str:
        """Consume a token of this kind and return its text.

        Raises:
            HclError: the current token is of another kind.
        """
        if self.scanner.kind != kind:
            raise self.fail(wanted or f"'{kind}'")
        value = self.scanner.value
        self.scanner.advance()
        return value

    def loop_head(self) -> None:
        """Consume ``key, value in`` of a loop.

        Raises:
            HclError: the current token does not begin one.
        """
        self.take("word", "a name")
        if self.scanner.kind == ",":
            self.scanner.advance()
            self.take("word", "a name")
        if self.scanner.value != "in":
            raise self.fail("'in'")
        self.scanner.advance()

    def text(self) -> Expression:
        """Parse the quoted text or heredoc that begins at the current token.

        Raises:
            HclError: it is not closed, or a template sequence in it is broken.
        """
        return self._heredoc() if self.scanner.kind == "heredoc" else self._quoted()

    def _quoted(self) -> Expression:
        scanner = self.scanner
        start, position = scanner.start, scanner.end
        parts: list[Expression] = []
        while True:
            text, end = scanner.quoted(position)
            if text:
                parts.append(Constant(text, position))
            if scanner.text.startswith('"', end):
                scanner.jump(end + 1)
                scanner.advance()
                return _template(parts, start)
            position = self._sequence(parts, end, start)

    def _sequence(self, parts: list[Expression], position: int, start: int) -> int:
        """Parse one ``${…}`` or ``%{…}``; return the offset after it."""
        scanner = self.scanner
        opening = scanner.text[position : position + 2]
        if opening not in {"${", "%{"}:
            raise HclError("missing closing quote on this line", start)
        before, scanner.over_lines = scanner.over_lines, True
        scanner.jump(position + (3 if scanner.text.startswith("~", position + 2) else 2))
        scanner.advance()
        if opening == "${":
            # a compound, to distinguish "${x}" from "x"
            parts.append(Compound("interpolation", (self.expression(),), position))
        else:
            parts.append(self._directive(position))
        if scanner.kind == "~" and scanner.text.startswith("}", scanner.end):
            scanner.advance()
        if scanner.kind != "}":
            raise self.fail("'}'")
        scanner.over_lines = before
        return scanner.end

    def _directive(self, position: int) -> Expression:
        keyword = self.take("word", "if, for, else, endif or endfor")
        if keyword in {"else", "endif", "endfor"}:
            return Compound(keyword, (), position)
        if keyword == "for":
            self.loop_head()
        elif keyword != "if":
            raise HclError(f"unknown template keyword {keyword!r}", self.scanner.last)
        return Compound(keyword, (self.expression(),), position)

    def _heredoc(self) -> Expression:
        scanner = self.scanner
        start, position = scanner.start, scanner.end
        flush = scanner.value.startswith("<<-")
        marker = scanner.value.strip().lstrip("<-")
        closing = re.compile(rf"(?P<before>(?:{_SPACE})*){re.escape(marker)}(?P<after>(?:{_SPACE})*)(?=\n)")
        parts: list[Expression] = []
        while (found := closing.match(scanner.text, position)) is None:
            position = self._heredoc_line(parts, position, start)
        for side in ("before", "after"):
            scanner.refuse_odd_space(*found.span(side))
        scanner.jump(found.end())
        scanner.advance()
        whole = _template(parts, start)
        if flush and isinstance(whole, Constant):
            return Constant(_flushed(str(whole.value)), start)
        return whole

    def _heredoc_line(self, parts: list[Expression], position: int, start: int) -> int:
        """Parse one line of a heredoc; return the offset of the next one."""
        scanner = self.scanner
        while True:
            text, end = scanner.template_line(position)
            if scanner.text.startswith("\n", end):
                parts.append(Constant(text + "\n", position))
                return end + 1
            if text:
                parts.append(Constant(text, position))
            if end >= len(scanner.text):
                raise HclError("the heredoc is not closed", start)
            scanner.refuse_odd_space(end, end + scanner.text.startswith("\r", end))
            position = self._sequence(parts, end, start)

    def bare_template(self) -> Expression:
        """Parse the whole text as one template in JSON syntax: no quotes, no escapes.

        Raises:
            HclError: a template sequence is broken.
        """
        scanner = self.scanner
        parts: list[Expression] = []
        position = 0
        while position < len(scanner.text):
            found, end = scanner.template_line(position)
            ended = scanner.text.startswith("\n", end)
            if found or ended:
                parts.append(Constant(found + "\n" * ended, position))
            if scanner.text.startswith("\r", end):  # Terraform's scanner ends here and takes the rest as it is.
                parts.append(Constant(scanner.text[end:], end))
                break
            at_sequence = not ended and end < len(scanner.text)
            position = self._sequence(parts, end, 0) if at_sequence else end + ended
        return _template(parts, 0)


def _template(parts: list[Expression], start: int) -> Expression:
    """Return a constant if nothing in the parts needs evaluation, else a template."""
    texts = [str(part.value) for part in parts if isinstance(part, Constant)]
    if len(texts) == len(parts):
        return Constant("".join(texts), start)
    _check_balance([part for part in parts if isinstance(part, Compound)], start)
    return Template(tuple(parts), start)


def _check_balance(parts: list[Compound], start: int) -> None:
    """Check that every ``%{if}`` and ``%{for}`` is closed by its keyword."""
    waiting: list[str] = []
    for part in parts:
        match part.kind:
            case "if" | "for":
                waiting.append("end" + part.kind)
            case "endif" | "endfor":
                if not waiting or waiting.pop() != part.kind:
                    raise HclError(f"%{{ {part.kind} }} closes nothing", part.position)
            case "else" if waiting[-1:] != ["endif"]:
                raise HclError("%{ else } is outside an if", part.position)
    if waiting:
        raise HclError(f"%{{ {waiting[-1]} }} is missing", start)


def _flushed(text: str) -> str:
    """Return the text of a ``<<-`` heredoc without the indentation that its lines share, blank lines apart."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", text)
    indented = [len(line) - len(line.lstrip(_GO_SPACE)) for line in lines]
    shared = min((width for width, line in zip(indented, lines, strict=True) if line.strip(_GO_SPACE)), default=0)
    return "".join(line[shared:] if line.strip(_GO_SPACE) else line for line in lines)
