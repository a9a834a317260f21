"""HCL tokens, read one at a time on request: only the parser knows where text ends and a template begins."""

from __future__ import annotations

import re
import unicodedata

from orchestrator.hcl.tree import HclError

# Terraform's scanner: https://github.com/hashicorp/hcl/blob/main/hclsyntax/scan_tokens.rl
_SKIP = r"(?:[ \t{newline}]++|\r(?=\n)|/\*(?s:.*?)\*/|(?:\#|//)[^\n]*+)*+"
_IDENTIFIER = r"(?:[A-Za-z_]|[^\x00-\x7f])(?:[\w-]|[^\x00-\x7f])*+"
"""A name, and perhaps more: ``_is_identifier`` decides about characters that are not ASCII."""
_NEXT = rf"""
    (?: (?P<word>    {_IDENTIFIER} )
      | (?P<number>  [0-9](?:(?:[0-9.]|[eE][+-]?[0-9])*(?:[0-9]|[eE][+-]?[0-9]))?+ )
      | (?P<heredoc> <<-?{_IDENTIFIER}\r?\n )
      | (?P<sign>    \.\.\. | && | \|\| | == | != | <= | >= | => | :: | /(?!\*) | [-+*%!<>?:=.,()\[\]{{}}~"] )
      | (?P<newline> \n )
      | (?P<end>     \Z )
    )
"""
_IN_LINE = re.compile(_SKIP.replace("{newline}", "") + _NEXT, re.VERBOSE)
_OVER_LINES = re.compile(_SKIP.replace("{newline}", r"\n") + _NEXT, re.VERBOSE)
_QUOTED = re.compile(r'(?:[^"\\$%\r\n]++|\\[^\r\n]|\$\$\{|%%\{|\$(?!\{)|%(?!\{))*+')
_LINE = re.compile(r"(?:[^$%\r\n]++|\r(?=\n)|\$\$\{|%%\{|\$(?!\{)|%(?!\{))*+")
_ESCAPE = re.compile(r"\\(?:u([0-9A-Fa-f]{4})|U([0-9A-Fa-f]{8})|(.))|(\$\$\{|%%\{)")
_SIMPLE = {"n": "\n", "r": "\r", "t": "\t", '"': '"', "\\": "\\"}


class Scanner:
    """A text and its current token.

    Args:
        text: the file's content, without a byte order mark.

    Attributes:
        kind: ``word``, ``number``, ``heredoc``, ``newline``, ``end``, or the sign itself: ``{``, ``==``.
        value: the token's text.
        start: offset of the token; ``end``: offset after it; ``last``: offset after the previous token.
        over_lines: whether a newline counts as white space, as inside parentheses; otherwise it is a token.
    """

    __slots__ = ("end", "kind", "last", "over_lines", "start", "text", "value")

    def __init__(self, text: str) -> None:
        self.text = text
        self.kind = self.value = ""
        self.start = self.end = self.last = 0
        self.over_lines = False

    def advance(self) -> None:
        """Read the next token.

        Raises:
            HclError: no token begins here.
        """
        match = (_OVER_LINES if self.over_lines else _IN_LINE).match(self.text, self.end)
        if match is None or match.lastgroup is None:
            raise self._stray()
        self.last = self.end
        kind = match.lastgroup
        self.value = match[kind]
        self.kind = self.value if kind == "sign" else kind
        self.start, self.end = match.span(kind)
        if not self.value.isascii():
            self._check_identifier()

    def _check_identifier(self) -> None:
        """Refuse a character that is not part of an identifier, invisible white space above all.

        Raises:
            HclError: there is one.
        """
        for place, sign in enumerate(self.value, self.start):
            if not sign.isascii() and not f"{'' if place == self.start else 'a'}{sign}".isidentifier():
                raise HclError(f"unexpected character {_named(sign)}", place)

    def jump(self, position: int) -> None:
        """Continue at an offset: the next ``advance`` reads from there."""
        self.end = position

    def line(self, position: int) -> int:
        """Return the line of an offset, counted from 1."""
        return self.text.count("\n", 0, position) + 1

    def quoted(self, position: int) -> tuple[str, int]:
        """Read quoted text up to the closing quote or a template sequence; return the text and the offset after it.

        Raises:
            HclError: the text has an unknown escape.
        """
        match = _QUOTED.match(self.text, position)
        raw, end = (match[0], match.end()) if match else ("", position)
        if "\\" not in raw and "{" not in raw:
            return raw, end
        return _ESCAPE.sub(lambda found: _unescape(found, position), raw), end

    def template_line(self, position: int) -> tuple[str, int]:
        """Read heredoc text up to the end of its line or a template sequence; return the text and its end offset."""
        match = _LINE.match(self.text, position)
        raw, end = (match[0], match.end()) if match else ("", position)
        return raw.replace("$${", "${").replace("%%{", "%{"), end

    def refuse_odd_space(self, start: int, end: int) -> None:
        """Refuse white space between two offsets that is not space, tab, or a carriage return before a newline.

        Raises:
            HclError: there is some.
        """
        for place in range(start, end):
            if not self.text.startswith((" ", "\t", "\r\n"), place):
                raise HclError(f"unexpected character {_named(self.text[place])}", place)

    def _stray(self) -> HclError:
        found = re.compile(_SKIP.replace("{newline}", r"\n"), re.VERBOSE).match(self.text, self.end)
        position = found.end() if found else self.end
        if self.text.startswith("/*", position):
            return HclError("the comment /* is not closed", position)
        return HclError(f"unexpected character {_named(self.text[position : position + 1])}", position)


def _named(sign: str) -> str:
    """Return a character for a message; what cannot be seen by its number: ``U+00A0 (NO-BREAK SPACE)``."""
    if sign.isprintable() and not sign.isspace():
        return repr(sign)
    name = unicodedata.name(sign, "")
    return f"U+{ord(sign):04X}" + (f" ({name})" if name else "")


def _unescape(found: re.Match[str], position: int) -> str:
    short, long, simple, template = found.groups()
    if template:
        return str(template[1:])
    if simple:
        if simple not in _SIMPLE:
            raise HclError(f"unknown escape \\{simple} in text", position + found.start())
        return _SIMPLE[simple]
    code = int(short or long, 16)
    if code > 0x10FFFF:
        raise HclError(f"invalid Unicode character: {found[0]}", position + found.start())
    return chr(code)
