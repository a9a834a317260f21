"""A terminal small enough to check: keeps what scrolled away, wraps lines, knows the codes that the live view uses."""

from __future__ import annotations

import io
import re

_CODE = re.compile(r"\x1b\[(\?)?([0-9;]*)([A-Za-z])")


class Screen(io.StringIO):
    """A stream that interprets what is written to it. ``resize`` wraps again, as modern terminals do.

    Each logical line is kept whole and wrapped on demand; the cursor is (logical line, column).
    """

    def __init__(self, columns: int, rows: int) -> None:
        super().__init__()
        self.columns, self.rows = columns, rows
        self.lines: list[str] = [""]
        self.line = 0
        self.column = 0
        self.writes: list[str] = []
        self.most = 0

    def isatty(self) -> bool:
        return True

    def resize(self, columns: int, rows: int) -> None:
        self.columns, self.rows = columns, rows

    def write(self, text: str) -> int:
        self.writes.append(text)
        at = 0
        while at < len(text):
            if text[at] == "\x1b":
                code = _CODE.match(text, at)
                assert code, f"unknown code {text[at : at + 12]!r}"
                self._code(code)
                at = code.end()
                continue
            self._put(text[at])
            at += 1
        return len(text)

    def _put(self, char: str) -> None:
        if char == "\n":
            self.line += 1
            self.column = 0
            if self.line == len(self.lines):
                self.lines.append("")
        elif char == "\r":
            self.column -= self.column % self.columns if self.column % self.columns or not self.column else self.columns
        else:
            assert char.isprintable(), f"control character {char!r}"
            row = self.lines[self.line].ljust(self.column)
            self.lines[self.line] = row[: self.column] + char + row[self.column + 1 :]
            self.column += 1

    def _code(self, code: re.Match[str]) -> None:
        number = int(code[2] or 0) if (code[2] or "0").isdigit() else 0
        if code[1] or code[3] == "m":
            return
        if code[3] == "A":
            self._up(number or 1)
        elif code[3] == "J":
            assert number == 0
            self.lines[self.line] = self.lines[self.line][: self.column]
            del self.lines[self.line + 1 :]
        else:
            raise AssertionError(f"unknown code {code[0]!r}")

    def _up(self, number: int) -> None:
        physical = [(i, row) for i, text in enumerate(self.lines) for row in range(self._height(text))]
        here = physical.index((self.line, min(self.column // self.columns, self._height(self.lines[self.line]) - 1)))
        top = max(0, len(physical) - self.rows)
        self.line, row = physical[max(top, here - number)]
        self.column = row * self.columns

    def _height(self, text: str) -> int:
        return max(1, -(-len(text) // self.columns))

    def physical(self) -> list[str]:
        """Every line that was ever shown and not erased, wrapped; the last ``rows`` of them are on the screen."""
        found = []
        for text in self.lines:
            found += [text[i : i + self.columns] for i in range(0, max(1, len(text)), self.columns)]
        return found
