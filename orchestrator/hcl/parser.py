"""Parses HCL files: attributes and blocks in HCL's native syntax."""

from __future__ import annotations

from functools import lru_cache

from orchestrator.hcl.expressions import ExpressionParser
from orchestrator.hcl.tree import Attribute, Block, Body, Constant, HclError

_DEEPEST = 40


class _BodyParser(ExpressionParser):
    """Parses a file. Each parser reads one text, once."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self._blocks_open = 0

    def file(self) -> Body:
        self.scanner.advance()
        body = self._body()
        if self.scanner.kind != "end":
            raise self.fail("a block or an attribute")
        return body

    def _body(self) -> Body:
        attributes: dict[str, Attribute] = {}
        blocks: list[Block] = []
        while True:
            while self.scanner.kind == "newline":
                self.scanner.advance()
            if self.scanner.kind != "word":
                return Body(attributes, tuple(blocks))
            self._member(attributes, blocks)
            if self.scanner.kind not in {"newline", "end"}:
                raise self.fail("the end of the line")

    def _member(self, attributes: dict[str, Attribute], blocks: list[Block]) -> None:
        position = self.scanner.start
        name = self.take("word")
        if self.scanner.kind == "=":
            self._attribute(name, position, attributes)
        else:
            blocks.append(self._block(name, position))

    def _attribute(self, name: str, position: int, attributes: dict[str, Attribute]) -> None:
        if name in attributes:
            raise HclError(f"{name} is set twice in one block", position)
        self.scanner.advance()
        start = self.scanner.start
        value = self.expression()
        text = self.scanner.text[start : self.scanner.last]
        attributes[name] = Attribute(name, value, text, position)

    def _block(self, kind: str, position: int) -> Block:
        labels: list[str] = []
        while self.scanner.kind != "{":
            labels.append(self._label())
        self._blocks_open += 1
        if self._blocks_open > _DEEPEST:
            raise HclError("nested too deeply", position)
        self.scanner.advance()
        body = self._body() if self.scanner.kind == "newline" else self._one_line()
        self.take("}")
        self._blocks_open -= 1
        return Block(kind, tuple(labels), body, position)

    def _one_line(self) -> Body:
        """Parse ``{}`` or ``{ name = value }``: a block on one line has at most one attribute."""
        attributes: dict[str, Attribute] = {}
        if self.scanner.kind == "word":
            position = self.scanner.start
            name = self.take("word")
            if self.scanner.kind != "=":
                raise self.fail("'='")
            self._attribute(name, position, attributes)
        return Body(attributes, ())

    def _label(self) -> str:
        if self.scanner.kind == "word":
            return self.take("word")
        if self.scanner.kind != '"':
            raise self.fail("'=' or '{'")
        label = self.text()
        if not isinstance(label, Constant):
            raise HclError("a label cannot have ${…} in it", label.position)
        return str(label.value)


@lru_cache(maxsize=1024)  # A module is read for its interface, its contents, its programs and its rules.
def parse_hcl(text: str) -> Body:
    """Parse a ``.tf`` file. The same text gives the same tree, which nobody may change.

    Args:
        text: the file's content; a byte order mark is skipped, as in Terraform.

    Raises:
        HclError: the text is not HCL; positions count from the text without its byte order mark.
    """
    return _BodyParser(text.removeprefix("\ufeff")).file()
