"""docs/first-day.md, typed as it stands: every command in one shell, every file, and every line that the page shows.

Blocks are read in their order. A `python` or `yaml` block is the file that its first line names, a `diff` block an edit. In a
`console` block, a line that starts with `$` is typed. The lines after it are among those that it prints on stdout, in this
order; `…` stands for any text.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.project import CI_VARIABLES, REPOSITORY

pytestmark = [pytest.mark.integration, pytest.mark.longest]

PAGE = (REPOSITORY / "docs/first-day.md").read_text(encoding="utf-8")
BLOCK = re.compile(r"^```(?P<language>\w+)\n(?P<body>.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# (?P<path>\S+)\n")


@dataclass(frozen=True)
class Step:
    """One thing to type: a command, or a file, with the lines that it is to print."""

    script: str
    shown: tuple[str, ...] = ()


def steps() -> list[Step]:
    found = []
    for block in BLOCK.finditer(PAGE):
        language, body = block["language"], block["body"]
        if language == "console":
            for part in re.split(r"^\$ ", body, flags=re.MULTILINE)[1:]:
                command, *lines = part.splitlines()
                found.append(Step(command, tuple(lines)))
        elif language == "diff":
            found.append(Step(f"git apply - <<'END'\n{body}END"))
        else:
            name = FILE.match(body)
            assert name is not None, f"a file without its name:\n{body}"
            found.append(Step(f"cat >{name['path']} <<'END'\n{body[name.end() :]}END"))
    return found


def environment() -> dict[str, str]:
    """Return a person's environment, with orch and python of the tests first."""
    dropped = ("AWS_", "ORCH_", "GIT_", *CI_VARIABLES)
    env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    people = {f"GIT_{who}_{what}": "ada@example.com" for who in ("AUTHOR", "COMMITTER") for what in ("NAME", "EMAIL")}
    nothing = {"GIT_CONFIG_GLOBAL": os.devnull, "GIT_CONFIG_NOSYSTEM": "1", "NO_COLOR": "1"}
    return {**env, **people, **nothing, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{env['PATH']}"}


def not_printed(wanted: Iterable[str], printed: str) -> list[str]:
    """Return the lines of the page from the first one on that is not in the output, after the ones before it."""
    lines, rest = iter(printed.splitlines()), [line for line in wanted if line != "…"]
    while rest:
        pattern = ".*".join(re.escape(part) for part in rest[0].split("…"))
        if not any(re.fullmatch(pattern, line.rstrip()) for line in lines):
            break
        rest.pop(0)
    return rest


def test_the_first_day_goes_as_the_page_says(tmp_path: Path) -> None:
    folder = tmp_path / "platform"
    folder.mkdir()
    todo = steps()
    mark = "@@ step"  # on a line of its own, also after output without a newline at its end
    script = "".join(f"printf '\n{mark} {n}\n'\n{step.script}\n[ $? = 0 ] || exit 1\n" for n, step in enumerate(todo))
    try:
        done = subprocess.run(
            ["sh", "-c", script],
            cwd=folder,
            env=environment(),
            capture_output=True,
            text=True,
            check=False,
            timeout=600,
        )
    finally:
        subprocess.run(["orch", "-q", "emulator", "stop"], cwd=folder, env=environment(), check=False)
    printed = re.split(rf"^{mark} \d+\n", done.stdout, flags=re.MULTILINE)[1:]
    assert done.returncode == 0, f"$ {todo[len(printed) - 1].script}\n{printed[-1]}\n{done.stderr}"
    for step, text in zip(todo, printed, strict=True):
        assert not_printed(step.shown, text) == [], f"$ {step.script}\n{text}"
