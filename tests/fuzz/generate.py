"""Random modules that Terraform may or may not accept, with what two readers of HCL could read differently.

What is in them is built in: `terraform_data`, outputs, locals, modules; and some configure the test provider. What looks
like a block is also put into text, heredocs and comments, and odd characters go anywhere.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Iterator, Mapping, Sequence

ODD = (
    "\u00a0",
    "\f",
    "\v",
    "\x85",
    "\u1680",
    "\u2003",
    "\u2028",
    "\u3000",
    "\ufeff",
    "\u200b",
    "\r",
    "\r\n",
    "\t",
    " ",
    "\n",
    "\0",
    "\u00e9",
    "e\u0301",
    "\u00b2",
    "\u0663",
)
"""Characters that one reader could take for white space, for a part of a name, or for text."""
PIECES = (
    *(
        '"',
        "'",
        "`",
        "${",
        "%{",
        "$${",
        "%%{",
        "$$${",
        "${~",
        "~}",
        "}",
        "{",
        "(",
        ")",
        "[",
        "]",
        "$",
        "%",
        "\\",
        "\\u0041",
    ),
    *(
        "/*",
        "*/",
        "//",
        "#",
        "<<X\n",
        "<<-X\n",
        "X",
        "\nX\n",
        "\nX \n",
        " X\n",
        "\n  X\r\n",
        "$\n",
        "%\n",
        "$$\n",
        "<<",
        "\\\n",
    ),
    *("=", "==", "=>", ":", "::", ",", ".", "...", "?", ";", "&", "&&", "|", "^", "!", "-", "+", "~", "*", ".*", "[*]"),
    *(
        "0",
        "1.",
        "1e",
        "1e3",
        ".0",
        ".0.1",
        "a",
        "a-b",
        "_",
        "for",
        "in",
        "if",
        "else",
        "endif",
        "null",
        "true",
        "dynamic",
    ),
)
HIDDEN = (
    'resource "terraform_data" "hidden" {}',
    'resource "terraform_data" "hidden" {\n  provisioner "local-exec" {\n    command = "true"\n  }\n}',
    'provisioner "local-exec" {\n    command = "true"\n  }',
    'module "hidden" {\n  source = "./sub"\n}',
    "}",
    '"',
    "*/",
    "X",
    "input = 1",
)
"""What must not be found where it is text, and must be where it is not."""
FILES = (
    "main.tf",
    "#notes.tf",
    "~a.tf",
    " .tf",
    "b.tf.json",
    "x_override.tf",
    "override.tf.json",
    ".h.tf",
    "m.tf~",
    "#m.tf#",
)
REQUIRED = 'terraform {\n  required_providers {\n    probe = {\n      source = "test/probe"\n    }\n  }\n}\n'
ARGUMENTS = ("endpoint", "token", "labels", "auth")
"""Of the test provider; ``auth`` is a block."""
SUB = {"sub/main.tf": 'resource "terraform_data" "sub" {}\n'}


class Generator:
    """Makes modules; the same for the same seed.

    Args:
        seed: of the random numbers.
    """

    def __init__(self, seed: int) -> None:
        self._random = random.Random(seed)  # noqa: S311 - test data, no secret
        self._number = 0

    def module(self) -> Mapping[str, str]:
        """Return the files of one module: name -> text."""
        self._number = 0
        chance = self._random
        names = ["main.tf", *chance.sample(FILES[1:], chance.choice((0, 0, 1, 2)))]
        files = {name: self._json(name) if name.endswith(".json") else self._native(name) for name in names}
        for _ in range(chance.choice((0, 0, 1, 1, 1, 2))):
            name = chance.choice(names)
            files[name] = self._mutated(files[name])
        return {**files, **SUB, **(self._providers() if chance.random() < 0.3 else {})}

    def _providers(self) -> Mapping[str, str]:
        """Return files that configure the test provider: arguments, blocks, aliases, overrides, JSON."""
        chance = self._random
        files = {"p.tf": REQUIRED}
        aliases = chance.sample(("", "one", "two"), chance.randint(1, 3))
        for alias in aliases:
            if chance.random() < 0.25:
                body: dict[str, object] = {"alias": alias} if alias else {}
                body |= {each: self._json_argument(each) for each in chance.sample(ARGUMENTS, chance.randint(0, 3))}
                files[f"p{alias}.tf.json"] = json.dumps({"provider": {"probe": chance.choice((body, [body]))}})
            else:
                files["p.tf"] += self._provider(alias)
        if chance.random() < 0.25:
            files["p_override.tf"] = self._provider(chance.choice(aliases))
        if chance.random() < 0.15:
            files["p.tf"] = self._mutated(files["p.tf"])
        return files

    def _provider(self, alias: str) -> str:
        chance = self._random
        inner = [f'alias{self._space()}= "{alias}"'] if alias else []
        inner += [self._argument(each) for each in chance.sample(ARGUMENTS, chance.randint(0, 3))]
        chance.shuffle(inner)
        lines = "".join(f"  {each}{self._end()}{self._comments()}" for each in inner)
        return f"provider{self._space()} {self._label('probe')} {{{self._end()}{lines}}}{self._end()}"

    def _argument(self, name: str) -> str:
        chance = self._random
        if name == "labels":
            return chance.choice(("labels = { a = 1 }", "labels = null", "labels = {}"))
        if name != "auth":
            return f"{name}{self._space()}={self._space()}{self._value(1, text=True)}"
        made = 'dynamic "auth" {\n    for_each = ["a"]\n    content {\n      user = auth.value\n    }\n  }'
        return chance.choice((made, "auth {}", 'auth {\n    user = "x"\n  }', "_ {\n    auth {}\n  }"))

    def _json_argument(self, name: str) -> object:
        chance = self._random
        if name == "auth":
            return chance.choice(({"user": "x"}, [{"user": "x"}, {}], {}, []))
        return chance.choice(({"a": "b"}, {}, None)) if name == "labels" else chance.choice(("x", None, HIDDEN[0]))

    def text(self) -> str:
        """Return one ``.tf`` file with more damage than most plans would survive."""
        self._number = 0
        text = self._native("main.tf")
        for _ in range(self._random.choice((1, 1, 2))):
            text = self._mutated(text)
        return text

    def _mutated(self, text: str) -> str:
        chance = self._random
        place, kind = chance.randrange(len(text) + 1), chance.random()
        if kind < 0.2:
            return text[:place] + text[place + chance.choice((1, 1, 2, 6)) :]
        if kind < 0.9:
            return text[:place] + chance.choice(chance.choice((ODD, PIECES, HIDDEN))) + text[place:]
        start = chance.randrange(len(text) + 1)
        return text[:place] + text[start : start + chance.choice((1, 4, 20, 60))] + text[place:]

    def _native(self, name: str) -> str:
        blocks = [self._block("override" in name) for _ in range(self._random.randint(1, 5))]
        text = "".join(f"{self._comments()}{block}{self._end()}" for block in blocks)
        return text.replace("\n", "\r\n") if self._random.random() < 0.08 else text

    def _new(self, letter: str) -> str:
        self._number += 1
        return f"{letter}{self._number}"

    def _block(self, override: bool) -> str:
        if override:
            return self._resource("r1")
        makers: Sequence[Callable[[], str]] = (self._resource, self._resource, self._output, self._local, self._other)
        return self._random.choice(makers)()

    def _resource(self, name: str = "") -> str:
        chance = self._random
        label = name or (self._new("r") if self._number else "r1")
        self._number = max(self._number, 1)
        inner = [f"input{self._space()}={self._space()}{self._value(2)}"] * chance.choice((0, 1, 1))
        inner += [f'provisioner "{each}" {{\n    {self._of(each)}\n  }}' for each in self._provisioners()]
        inner += ["lifecycle {\n    prevent_destroy = true\n  }"] * chance.choice((0, 0, 0, 1))
        chance.shuffle(inner)
        head = f"resource{self._space()} {self._label('terraform_data')} {self._label(label)} {{"
        if not inner and chance.random() < 0.5:
            return head + "}"
        return head + self._end() + "".join(f"  {each}{self._end()}{self._comments()}" for each in inner) + "}"

    def _provisioners(self) -> list[str]:
        return self._random.choices(("local-exec", "file"), k=self._random.choice((0, 0, 1, 1, 2)))

    def _of(self, provisioner: str) -> str:
        value = self._value(1, text=True)
        return f"command = {value}" if provisioner == "local-exec" else f'content = {value}\n    destination = "x"'

    def _output(self) -> str:
        return f'output "{self._new("o")}" {{{self._end()}  value = {self._value(3)}{self._end()}}}'

    def _local(self) -> str:
        return f"locals {{{self._end()}  {self._new('l')} = {self._value(3)}{self._end()}}}"

    def _other(self) -> str:
        return self._random.choice(
            (
                f'module "{self._new("m")}" {{\n  source = "./sub"\n}}',
                f'variable "{self._new("v")}" {{\n  default = {self._value(0)}\n}}',
                f'data "terraform_remote_state" "{self._new("d")}" {{\n  count = 0\n  backend = "local"\n}}',
                f"removed {{\n  from = terraform_data.{self._new('g')}\n  lifecycle {{\n    destroy = true\n  }}\n}}",
                'provider "terraform" {}',
                'terraform {\n  required_version = ">= 1"\n}',
            )
        )

    def _label(self, text: str) -> str:
        kind = self._random.random()
        if kind < 0.1:
            return f'"\\u{ord(text[0]):04x}{text[1:]}"'
        return text if kind < 0.2 else f'"{text}"'

    def _space(self) -> str:
        return self._random.choice(("", " ", "  ", "\t", " /* c */ ", f" /* {self._random.choice(HIDDEN[:4])} */ "))

    def _end(self) -> str:
        chance = self._random
        return chance.choice(("\n", "\n", "\n", " \n", "\r\n", " # c\n", f" // {chance.choice(ODD[:8])}\n", "\n\n"))

    def _comments(self) -> str:
        chance = self._random
        hidden = chance.choice(HIDDEN)
        comment = chance.choice((f"/* {hidden} */\n", f"# {hidden.splitlines()[0]}\n", f"//{chance.choice(ODD[:9])}\n"))
        return comment if chance.random() < 0.2 and "*/ */" not in comment else ""

    def _value(self, deep: int, *, text: bool = False) -> str:
        chance = self._random
        if text or deep == 0 or chance.random() < 0.5:
            return chance.choice((self._quoted, self._heredoc))() if text or chance.random() < 0.7 else self._constant()
        inner = [self._value(deep - 1) for _ in range(2)]
        plain = [self._constant(), self._quoted()]
        return chance.choice(
            (
                f"[{inner[0]}\n, {plain[0]}]",
                f"{{ a = {plain[0]}, {plain[1]} : {inner[0]}\n}}",
                f"{{\n  a = {inner[0]}\n  b = {plain[1]} # x\n}}",
                f"upper({inner[0] if inner[0].startswith(chr(34)) else plain[1]})",
                f"[for x in [{plain[0]}] : x if x != null]",
                f"{{ for k, v in {{ a = {plain[0]} }} : k => v }}",
                f"true ? {plain[1]} : {plain[1]}",
                f"({self._end() if chance.random() < 0.3 else ''}{inner[0]}\n)",
                f'"a${{{plain[1]}}}b%{{ if true }}{chance.choice(("x", "X", "#"))}%{{ endif ~}} c"',
                f'"${{{inner[0]}\n}}"',
                f"[{plain[0]}][0]",
                "-1 + 2 * (3 % 2)",
                f"[{plain[1]}, {plain[1]}].*",
            )
        )

    def _constant(self) -> str:
        return self._random.choice(("1", "1.5", "1e3", "-2", "true", "null", '"a"', "[]", "{}", "0"))

    def _quoted(self) -> str:
        chance = self._random
        parts = [
            chance.choice((" ", "a", "X", "$${", "%%{", "\\n", '\\"', "\\u00e9", "$", "%", "#", "/*", *ODD[:8]))
            for _ in range(3)
        ]
        return f'"{"".join(parts)}"'

    def _heredoc(self) -> str:
        chance = self._random
        lines = [self._line() for _ in range(chance.randint(0, 4))]
        spaces = chance.choice(("", "", "  ", "\t"))
        after = chance.choice(("", "", "", " ", "\t", "\r", chance.choice(ODD)))
        return f"<<{chance.choice(('', '-'))}X\n{''.join(lines)}{spaces}X{after}\n"

    def _line(self) -> str:
        chance = self._random
        bits = [
            chance.choice((" ", "X", "a", '"', "$", "%", "$${a}", "\\", "${1}", "#", *ODD))
            for _ in range(chance.randint(0, 3))
        ]
        return chance.choice(("".join(bits), chance.choice(HIDDEN), f"  {chance.choice(HIDDEN)}")) + "\n"

    def _json(self, name: str) -> str:
        chance = self._random
        resource: dict[str, object] = {"input": self._json_value()}
        if provisioners := self._provisioners():
            blocks = [
                {each: {"command": "true"} if each == "local-exec" else {"content": "x", "destination": "x"}}
                for each in provisioners
            ]
            resource["provisioner"] = chance.choice((blocks, blocks, blocks[0]))
        label = "r1" if "override" in name else self._new("j")
        tree: object = {
            "terraform_data": chance.choice(({label: resource}, [{label: [resource]}], {"//": "c", label: resource}))
        }
        file: dict[str, object] = {"resource": chance.choice((tree, [tree])), "//": chance.choice(HIDDEN)}
        if chance.random() < 0.3 and "override" not in name:
            file["module"] = {self._new("m"): {"source": "./sub"}}
        if chance.random() < 0.3 and "override" not in name:
            file["output"] = {self._new("o"): {"value": self._json_value()}}
        text = json.dumps(file, indent=chance.choice((None, 2)), ensure_ascii=chance.random() < 0.5)
        return chance.choice(("", "", "", "\ufeff", " ", "\n")) + text

    def _json_value(self) -> object:
        chance = self._random
        text = "".join(
            chance.choice(("a", " ", "${1}", "$${", "%%{", "$", "%", "\n", "\r", '"', *ODD[:8])) for _ in range(3)
        )
        return chance.choice((text, 1, 1.5, None, True, [text], {"a": text}, '${upper("a")}', chance.choice(HIDDEN)))


def modules(seed: int, count: int) -> Iterator[Mapping[str, str]]:
    """Yield modules; the same for the same seed."""
    generator = Generator(seed)
    return (generator.module() for _ in range(count))


def texts(seed: int, count: int) -> Iterator[str]:
    """Yield single files; the same for the same seed."""
    generator = Generator(seed)
    return (generator.text() for _ in range(count))
