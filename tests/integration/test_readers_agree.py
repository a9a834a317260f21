"""orch's reader of HCL and Terraform's see the same, in generated and damaged files (``make fuzz`` for longer)."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.terraform.setup.binary import find_binary
from tests.fuzz.compare import compare_modules, compare_texts
from tests.fuzz.generate import modules, texts
from tests.support.terraform import clean_env, make_settings

pytestmark = pytest.mark.integration


@pytest.fixture
def terraform(tmp_path: Path) -> Path:
    return find_binary(make_settings(), env=clean_env(), cache=tmp_path).path


def test_they_accept_the_same_files(terraform: Path, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    outcome = compare_texts(terraform, tmp_path / "files", list(texts(seed=1, count=400)))
    assert [str(each) for each in outcome.differences] == []
    assert 50 < outcome.accepted < 350


def test_they_find_the_same_in_modules(terraform: Path, tmp_path: Path) -> None:
    (tmp_path / "root").mkdir()
    outcome = compare_modules(terraform, tmp_path / "root", list(modules(seed=1, count=60)))
    assert [str(each) for each in outcome.differences] == []
    assert outcome.accepted > 10
