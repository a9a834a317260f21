"""The catalogues that are measured are valid."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from benchmarks.projects import Bench, boxes, groups, spokes, write_group
from orchestrator.config.load import load


def changed(project: Bench) -> None:
    groups(project, 1)
    write_group(project, "unit-00", "changed")


@pytest.mark.parametrize(
    ("write", "units"),
    [(lambda each: boxes(each, 6), 6), (lambda each: spokes(each, 4), 4), (groups, 12), (changed, 1)],
    ids=["boxes", "spokes", "groups", "changed"],
)
def test_they_load(tmp_path: Path, write: Callable[[Bench], None], units: int) -> None:
    project = Bench(tmp_path)
    write(project)
    assert len(load(project.root).units) == units
