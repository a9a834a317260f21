"""Parses HCL expressions into a syntax tree. Nothing is evaluated, so operators need no precedence."""

from __future__ import annotations

import re

from orchestrator.hcl.templates import TemplateReader
from orchestrator.hcl.tree import (
    Compound,
    Constant,
    Entries,
    Expression,
    FunctionCall,
    HclError,
    Items,
    Reference,
    Scalar,
)

_BINARY = frozenset({"==", "!=", "<", ">", "<=", ">=", "-", "*", "/", "%", "&&", "||", "+"})
_WORDS: dict[str, Scalar] = {"true": True, "false": False, "null": None}
_DEEPEST = 60
_MOST_DIGITS = 1000


class ExpressionParser(TemplateReader):
    """Parses expressions from the scanner's current token. Each parser reads one text, once.

    Args:
        text: the whole text.
    """

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._depth = 0

    def expression(self) -> Expression:
        """Parse the expression that begins at the current token.

        Raises:
            HclError: no expression begins here.
        """
        self._depth += 1
        if self._depth > _DEEPEST:
            raise HclError("nested too deeply", self.scanner.start)
        start = self.scanner.start
        first = self._operand()
        if self.scanner.kind in _BINARY:
            parts = [first]
            while self.scanner.kind in _BINARY:
                self.scanner.advance()
                parts.append(self._operand())
            first = Compound("operation", tuple(parts), start)
        if self.scanner.kind == "?":
            self.scanner.advance()
            yes = self.expression()
            self.take(":")
            first = Compound("condition", (first, yes, self.expression()), start)
        self._depth -= 1
        return first

    def _operand(self) -> Expression:
        start, signs = self.scanner.start, ""
        while self.scanner.kind in {"-", "!"}:
            signs += self.scanner.kind
            self.scanner.advance()
        term = self._after(self._term())
        if not signs:
            return term
        if signs == "-" and isinstance(term, Constant) and type(term.value) in {int, float}:
            return Constant(-float(term.value) if isinstance(term.value, float) else -int(term.value or 0), start)
        return Compound("operation", (term,), start)

    def _term(self) -> Expression:
        start = self.scanner.start
        match self.scanner.kind:
            case "word":
                return self._word()
            case "number":
                return Constant(_number(self._number(start), start), start)
            case '"' | "heredoc":
                return self.text()
            case "(" | "[" | "{":
                return self._enclosed()
        raise self.fail("a value")

    def _number(self, start: int) -> str:
        """Take a number. Terraform has 512 bits for one, which is 155 digits."""
        value = self.take("number")
        if len(value) > _MOST_DIGITS:
            raise HclError(f"a number of {len(value)} digits, more than {_MOST_DIGITS}", start)
        return value

    def _enclosed(self) -> Expression:
        if self.scanner.kind == "[":
            return self._list()
        if self.scanner.kind == "{":
            return self._map()
        start = self.scanner.start
        before = self._open()
        inner = self.expression()
        self._close(")", before=before)
        return Compound("parentheses", (inner,), start)

    def _word(self) -> Expression:
        start = self.scanner.start
        name = self.take("word")
        while self.scanner.kind == "::":
            self.scanner.advance()
            name += "::" + self.take("word", "a function's name")
        if self.scanner.kind == "(":
            return FunctionCall(name, self._arguments(), start)
        if "::" in name:
            raise self.fail("'('")
        return Constant(_WORDS[name], start) if name in _WORDS else Reference(name, (), start)

    def _open(self, *, over_lines: bool = True) -> bool:
        """Consume an opening bracket; return the state that ``_close`` needs."""
        before = self.scanner.over_lines
        self.scanner.over_lines = over_lines
        self.scanner.advance()
        return before

    def _close(self, sign: str, *, before: bool) -> None:
        if self.scanner.kind != sign:
            raise self.fail(f"'{sign}'")
        self.scanner.over_lines = before
        self.scanner.advance()

    def _arguments(self) -> tuple[Expression, ...]:
        before = self._open()
        found: list[Expression] = []
        while self.scanner.kind != ")":
            found.append(self.expression())
            if self.scanner.kind == "...":
                self.scanner.advance()
                break
            if self.scanner.kind != ",":
                break
            self.scanner.advance()
        self._close(")", before=before)
        return tuple(found)

    def _after(self, term: Expression) -> Expression:
        """Parse what follows a term: ``.name``, ``[0]``, ``.*``, ``[*]``."""
        splat = False  # in what follows `.*`, until the next index
        while self.scanner.kind in {".", "["}:
            if self.scanner.kind == "[":
                term, splat = self._indexed(term), False
                continue
            self.scanner.advance()
            if splat and self.scanner.kind == "*":
                raise HclError("a second .* after .* is written [*]", self.scanner.start)
            splat = splat or self.scanner.kind == "*"
            term = self._dotted(term)
        return term

    def _dotted(self, term: Expression) -> Expression:
        """Parse what follows a dot."""
        if self.scanner.kind == "*":
            self.scanner.advance()
            return Compound("splat", (term,), term.position)
        if self.scanner.kind == "number":
            position = self.scanner.start
            step = self._number(position)
            if "." in step:
                raise HclError(f"an index is written [{step.replace('.', '][')}], not .{step}", position)
            return _step(term, _number(step, position))
        return _step(term, self.take("word", "a name"))

    def _indexed(self, term: Expression) -> Expression:
        before = self._open()
        if self.scanner.kind == "*":
            self.scanner.advance()
            self._close("]", before=before)
            return Compound("splat", (term,), term.position)
        index = self.expression()
        self._close("]", before=before)
        if isinstance(index, Constant):
            return _step(term, index.value)
        return Compound("index", (term, index), term.position)

    def _list(self) -> Expression:
        start = self.scanner.start
        before = self._open()
        if self._at_for():
            return self._for("]", start, before=before)
        found: list[Expression] = []
        while self.scanner.kind != "]":
            found.append(self.expression())
            if self.scanner.kind != ",":
                break
            self.scanner.advance()
        self._close("]", before=before)
        return Items(tuple(found), start)

    def _map(self) -> Expression:
        start = self.scanner.start
        before = self._open()
        if self._at_for():
            return self._for("}", start, before=before)
        self.scanner.over_lines = False
        # The current token was read with newlines skipped, which HCL allows at the start of an object.
        found: list[tuple[Expression, Expression]] = []
        while self.scanner.kind != "}":
            found.append(self._entry())
            if self.scanner.kind not in {",", "newline", "}"}:
                raise self.fail("',' or the end of the line")
            if self.scanner.kind == ",":
                self.scanner.advance()
            while self.scanner.kind == "newline":
                self.scanner.advance()
        self._close("}", before=before)
        return Entries(tuple(found), start)

    def _entry(self) -> tuple[Expression, Expression]:
        key = self.expression()
        if isinstance(key, Reference) and not key.steps:
            key = Constant(key.root, key.position)
        if self.scanner.kind not in {"=", ":"}:
            raise self.fail("'='")
        self.scanner.advance()
        return key, self.expression()

    def _at_for(self) -> bool:
        """Return whether ``for`` begins a loop here; it can also be a key: ``{ for = 1 }``."""
        scanner = self.scanner
        if scanner.kind != "word" or scanner.value != "for":
            return False
        return re.compile(r"\s*(?:=|:)").match(scanner.text, scanner.end) is None

    def _for(self, closing: str, start: int, *, before: bool) -> Expression:
        self.scanner.advance()
        self.loop_head()
        parts = [self.expression()]
        self.take(":")
        parts.append(self.expression())
        if closing == "}":
            self.take("=>")
            parts.append(self.expression())
            if self.scanner.kind == "...":
                self.scanner.advance()
        if self.scanner.kind == "word" and self.scanner.value == "if":
            self.scanner.advance()
            parts.append(self.expression())
        self._close(closing, before=before)
        return Compound("for", tuple(parts), start)


def _step(term: Expression, step: Scalar) -> Expression:
    if isinstance(term, Reference):
        return Reference(term.root, (*term.steps, step), term.position)
    return Compound("index", (term,), term.position)


def _number(text: str, position: int) -> int | float:
    if text.isdigit():
        return int(text)
    try:
        return float(text)
    except ValueError as error:
        raise HclError(f"{text} is not a number", position) from error


def parse_expression(text: str) -> Expression:
    """Parse one expression; newlines count as white space.

    Raises:
        HclError: the text is not one expression.
    """
    parser = ExpressionParser(text)
    parser.scanner.over_lines = True
    parser.scanner.advance()
    found = parser.expression()
    if parser.scanner.kind != "end":
        raise parser.fail("the end")
    return found


def parse_template(text: str) -> Expression:
    """Parse a template in JSON syntax: text with ``${…}``, without quotes and escapes.

    Raises:
        HclError: a template sequence is broken.
    """
    return ExpressionParser(text).bare_template()
