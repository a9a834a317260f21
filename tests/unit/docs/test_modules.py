"""Every example on docs/modules.md is true."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.doc_examples import Case, base_of, cases, check, message_of
from tests.support.project import REPOSITORY

BASE = base_of((REPOSITORY / "docs/live.md").read_text(encoding="utf-8"))
CASES = cases((REPOSITORY / "docs/modules.md").read_text(encoding="utf-8"), BASE)


@pytest.mark.parametrize("case", [case for case in CASES if case.message is None], ids=lambda case: case.title)
def test_an_example_loads_and_gives_what_the_page_says(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)


@pytest.mark.parametrize("case", [case for case in CASES if case.message is not None], ids=lambda case: case.title)
def test_a_wrong_example_gives_the_message_of_the_page(case: Case) -> None:
    assert case.message is not None
    assert case.message.body, "the message is missing: python -m tests.support.doc_examples"
    assert case.message.body == message_of(case), "run: python -m tests.support.doc_examples"
