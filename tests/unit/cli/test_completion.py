"""Shell completion: every name that is offered can be selected."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from orchestrator.config.graph import Graph
from orchestrator.config.load import load
from orchestrator.config.select import account_names, select, stage_names, target_names, unit_names
from orchestrator.errors import CatalogueError
from tests.support.catalogue import write

TEXT = """\
== accounts/production
id: "111111111111"
stacks:
  baseline:
== accounts/development
id: "222222222222"
== stages/prod
account: production
stacks:
  data:
  edge:
== stages/dev
account: development
stacks:
  data:
== stacks/baseline
module: any
== stacks/data
module: any
== stacks/edge
module: terraform-aws-modules/sns/aws
version: 6.1.0
regions: [eu-west-1, us-east-1]
"""
UNITS = ["dev/data", "prod/data", "prod/edge", "prod/edge@us-east-1", "production/baseline"]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    return write(tmp_path, TEXT)


def test_targets_are_stages_units_accounts_and_modules_and_stages_come_first(root: Path) -> None:
    found = target_names(root)
    assert found[:2] == ["dev", "prod"]
    assert sorted(found[2:7]) == UNITS
    assert found[7:] == [
        "account:development",
        "account:production",
        "module:any",
        "module:terraform-aws-modules/sns/aws",
    ]


def test_a_bare_account_is_not_a_target(root: Path) -> None:
    assert "production" not in target_names(root)


def test_everything_that_is_offered_can_be_selected(root: Path) -> None:
    catalogue = load(root)
    graph = Graph.of(catalogue.units)
    assert all(select(catalogue, graph, [target]) for target in target_names(root))


def test_units_and_accounts(root: Path) -> None:
    assert sorted(unit_names(root)) == UNITS
    assert account_names(root) == ["development", "production"]
    assert stage_names(root) == ["dev", "prod"]


def test_a_stage_and_an_account_without_units_are_not_offered_as_targets(root: Path) -> None:
    write(root, '== accounts/spare\nid: "333333333333"\n== stages/later\naccount: development\n')
    assert not {"account:spare", "later"} & set(target_names(root))
    assert "spare" in account_names(root)


@pytest.mark.parametrize(
    ("wrong", "offered"),
    [
        ("== stages/prod\naccount: nowhere\n", ["dev/data", "production/baseline"]),
        ("== stages/prod\naccount: [\n", ["dev/data", "production/baseline"]),
        ("== stacks/edge\nmodule: any\ninputs: {a: '${{ nothing.x }}'}\n", [u for u in UNITS if "@" not in u]),
        ("== modules/any\nvariable {\n", UNITS),
    ],
)
def test_valid_files_complete_while_others_have_errors(root: Path, wrong: str, offered: list[str]) -> None:
    write(root, wrong)
    assert sorted(unit_names(root)) == offered
    assert set(offered) < set(target_names(root))


def test_modules_are_not_read(root: Path) -> None:
    (root / "modules/any/main.tf").unlink()
    assert "module:any" in target_names(root)


def test_without_valid_settings_completion_raises(root: Path) -> None:
    write(root, "== orch\nformat: 2\n")
    for names in (target_names, unit_names, account_names, stage_names):
        with pytest.raises(CatalogueError):
            names(root)


def test_a_small_catalogue_completes_while_a_person_types(root: Path) -> None:
    start = time.process_time()
    target_names(root)
    assert time.process_time() - start < 0.3
