"""One thing and several: the words, and that no message counts by other means."""

from __future__ import annotations

import re

import pytest

from orchestrator.util.plural import agreeing, plural
from tests.support.project import REPOSITORY

COUNTED = re.compile(r"\{(?:len\([^{}]*\)|number|count|total)(?: - \d+)?(?::[^{}]*)?\} (?:more )?[a-z]+s?\b")
ALWAYS_SEVERAL = re.compile(
    r"\} (?:more|to|in|of|at|and|older|from|characters|digits|needs|without|waivers|findings|unchanged)\b"
)
"""What follows a number without a noun, or with one that never counts one."""


@pytest.mark.parametrize(
    ("number", "said"), [(0, "0 units are"), (1, "1 unit is"), (2, "2 units are"), (1284, "1,284 units are")]
)
def test_numbers_nouns_and_verbs(number: int, said: str) -> None:
    assert f"{plural(number, 'unit')} {agreeing(number, 'is', 'are')}" == said


def test_another_plural() -> None:
    assert (plural(1, "access key"), plural(2, "entry", "entries")) == ("1 access key", "2 entries")


def test_no_message_puts_a_number_before_a_noun_by_itself() -> None:
    found = [
        f"{path.relative_to(REPOSITORY)}:{number}: {match[0]}"
        for path in sorted((REPOSITORY / "orchestrator").rglob("*.py"))
        if "emulator" not in path.parts and path.name != "plural.py"
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1)
        for match in COUNTED.finditer(line)
        if not ALWAYS_SEVERAL.search(match[0])
    ]
    assert found == []
