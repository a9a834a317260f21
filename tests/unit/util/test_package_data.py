"""Where orch finds the data that it ships: in a wheel, in a checkout, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import SetupError
from orchestrator.util.package_data import data_folder

ROOT = Path(__file__).parents[3]


def test_a_checkout_has_it_next_to_the_package() -> None:
    assert data_folder("policies") == ROOT / "policies"


def test_a_wheel_has_it_inside_the_package_whatever_is_next_to_it(tmp_path: Path) -> None:
    shipped = tmp_path / "orchestrator" / "_data" / "policies"
    shipped.mkdir(parents=True)
    (tmp_path / "policies").mkdir()
    (tmp_path / "pyproject.toml").write_text("")
    assert data_folder("policies", tmp_path / "orchestrator") == shipped


def test_a_folder_next_to_an_installed_package_is_not_taken(tmp_path: Path) -> None:
    (tmp_path / "policies").mkdir()
    with pytest.raises(SetupError, match="incomplete"):
        data_folder("policies", tmp_path / "orchestrator")
