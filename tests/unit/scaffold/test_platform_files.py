"""The files of a new platform: what they say, and that orch accepts them."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.config.load import load
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.trust.owners import Owners
from orchestrator.scaffold.answers import Answers
from orchestrator.scaffold.platform_files import example_files, starter_files
from orchestrator.scaffold.write import write_new

ROOT = Path(__file__).parents[3]


def answers(name: str = "acme", region: str = "eu-west-1") -> Answers:
    accounts = [("production", "111111111111"), ("development", "022222222222"), ("audit", "333333333333")]
    return Answers.of(name=name, region=region, management="099999999999", accounts=accounts)


@pytest.mark.parametrize("name", ["acme", "on", "null", "no", "y", "true", "e1"])
def test_a_new_platform_loads_with_the_values_that_were_given(tmp_path: Path, name: str) -> None:
    write_new(tmp_path, starter_files(answers(name)))
    catalogue = load(tmp_path)
    assert (catalogue.settings.name, catalogue.settings.region) == (name, "eu-west-1")
    assert catalogue.settings.management == "099999999999"
    assert {each.name: (each.id, each.restricted) for each in catalogue.accounts.values()} == {
        "production": ("111111111111", True),
        "development": ("022222222222", False),
        "audit": ("333333333333", True),
    }
    assert set(catalogue.units) == {
        "production/baseline",
        "development/baseline",
        "audit/baseline",
        "dev/identity",
    }


def test_a_new_platform_is_judged_by_the_built_in_policies_and_has_no_owners(tmp_path: Path) -> None:
    files = starter_files(answers())
    write_new(tmp_path, files)
    assert Policies.load(tmp_path).builtin
    assert Owners.parse(files["policies/owners.yaml"], shown_as="policies/owners.yaml") == Owners()


@pytest.mark.parametrize("region", ["eu-west-1", "cn-north-1", "us-gov-west-1", "eusc-de-east-1"])
def test_the_files_are_right_in_every_partition(tmp_path: Path, region: str) -> None:
    """The module asks the provider for the partition, so no file names one."""
    files = starter_files(answers(region=region))
    assert [name for name, data in files.items() if name.startswith("live/") and b"partition" in data] == []
    write_new(tmp_path, files)
    load(tmp_path)


def test_no_delimiter_of_a_template_is_left() -> None:
    for name, data in starter_files(answers()).items():
        if not name.startswith("modules/"):
            assert b"<<" not in data, name
            assert b"<%" not in data, name


def test_the_example_is_the_platform_of_this_repository() -> None:
    files = example_files()
    for folder in ("live", "modules", "policies", "services"):
        expected = {
            path.relative_to(ROOT).as_posix(): path.read_bytes()
            for path in (ROOT / folder).rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }
        assert {name: data for name, data in files.items() if name.startswith(f"{folder}/")} == expected
    assert set(files) - {name for name in files if "/" in name} == {".gitignore", "requirements.txt"}
    assert ".github/workflows/orch.yml" in files
