"""Names in AWS are set on request only: a module's own ``name`` and ``names`` keep their values."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from orchestrator.config.catalogue import Catalogue
from orchestrator.config.load import load
from orchestrator.render.write import RootRenderer
from tests.support.catalogue import loaded, problems
from tests.support.project import REPOSITORY

HEAD = """\
== stages/prod
account: main
stacks: {mine: }
== stacks/mine
module: mine
"""
ASKING = "type = object({ queue = string, bucket = optional(string) })"


def mine(variables: str, stack: str = "", entry: str = "") -> str:
    head = HEAD.replace("{mine: }", f"{{mine: {{{entry}}}}}") if entry else HEAD
    return f"{head}{stack}\n== modules/mine\n{variables}\n"


def variable(name: str, body: str) -> str:
    return f'variable "{name}" {{\n{body}\n}}'


def rendered(catalogue: Catalogue, folder: Path) -> dict[str, object]:
    """What the module gets, as the rendered root has it."""
    root = RootRenderer(catalogue).render(catalogue.units["prod/mine"], {}, folder).folder
    found: dict[str, object] = json.loads((root / "inputs.json").read_text())
    return found


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("name", 'type = string\ndefault = "legacy"'),
        ("name", "default = null"),
        ("names", 'type = list(string)\ndefault = ["a"]'),
        ("names", f'{ASKING}\ndefault = {{ queue = "legacy" }}'),
        ("names", "default = {}"),
    ],
)
def test_the_default_of_a_module_stands(tmp_path: Path, name: str, body: str) -> None:
    catalogue = loaded(tmp_path / "repo", mine(variable(name, body)))
    assert rendered(catalogue, tmp_path / "root") == {}


@pytest.mark.parametrize(
    ("name", "body"),
    [
        ("name", "type = string"),
        ("name", ""),
        ("names", "type = map(string)"),
        ("names", "type = any"),
        ("names", "type = object({ queue = string, pet = string })"),
        ("names", "type = object({ queue = list(string) })"),
        ("names", "type = object({})"),
    ],
)
def test_a_required_one_is_asked_for_and_never_invented(tmp_path: Path, name: str, body: str) -> None:
    found = problems(tmp_path, mine(variable(name, body)))
    assert [each for each in found if f"does not set {name!r}" in each] == found
    assert len(found) == 1


def test_a_variable_that_is_declared_for_it_gets_the_names(tmp_path: Path) -> None:
    catalogue = loaded(tmp_path / "repo", mine(variable("names", ASKING)))
    (given,) = catalogue.units["prod/mine"].name_variables
    assert (given.variable, str(given.at)) == ("names", "modules/mine/main.tf:1:1")
    names = rendered(catalogue, tmp_path / "root")["names"]
    assert isinstance(names, dict)
    assert names["queue"] == "ams-prod-mine"


def test_names_false_leaves_it_to_the_stack(tmp_path: Path) -> None:
    text = mine(variable("names", ASKING), "names: false")
    assert "does not set 'names'" in "".join(problems(tmp_path, text))


@pytest.mark.parametrize("entry", ["", "names: true"], ids=["stack file", "stage"])
@pytest.mark.parametrize("body", ["type = map(string)", "", ASKING, f"{ASKING}\ndefault = null", "type = map(any)"])
def test_names_true_asks_for_every_variable_that_takes_them(tmp_path: Path, body: str, entry: str) -> None:
    both = variable("name", 'default = "x"') + "\n" + variable("names", body)
    catalogue = loaded(tmp_path / "repo", mine(both, "" if entry else "names: true", entry))
    given = rendered(catalogue, tmp_path / "root")
    assert given["name"] == "ams-prod-mine"
    assert isinstance(given["names"], dict)
    file = "live/stages/prod.yaml" if entry else "live/stacks/mine.yaml"
    assert {each.at.file for each in catalogue.units["prod/mine"].name_variables} == {file}


def test_a_stage_may_take_the_request_back(tmp_path: Path) -> None:
    text = mine(variable("name", 'default = "x"'), "names: true", "names: false")
    assert rendered(loaded(tmp_path / "repo", text), tmp_path / "root") == {}


def test_what_the_stack_sets_is_stronger(tmp_path: Path) -> None:
    text = mine(variable("name", "") + "\n" + variable("names", ASKING), "names: true\ninputs: {name: own}")
    catalogue = loaded(tmp_path / "repo", text)
    assert [each.variable for each in catalogue.units["prod/mine"].name_variables] == ["names"]
    assert rendered(catalogue, tmp_path / "root")["name"] == "own"


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (
            variable("names", "type = list(string)"),
            "orch cannot set variable 'names' of module mine: it is list(string)",
        ),
        (variable("name", "type = number"), "orch cannot set variable 'name' of module mine: it is number"),
        (variable("names", "type = object({ pet = string })"), "it is object({ pet = string })"),
        (variable("queue", "default = 1"), "module mine has neither a variable `name` nor `names`"),
    ],
)
def test_a_request_that_cannot_be_met_is_an_error_at_its_line(tmp_path: Path, body: str, said: str) -> None:
    found = [each for each in problems(tmp_path, mine(body, "names: true")) if "does not set" not in each]
    assert len(found) == 1
    assert found[0].startswith("live/stacks/mine.yaml:2:1: ")
    assert said in found[0]


def test_orch_cannot_name_what_terraform_downloads(tmp_path: Path) -> None:
    text = HEAD.replace("module: mine", "module: example/mine/aws\nversion: 1.0.0\nnames: true")
    assert "orch cannot read example/mine/aws" in "".join(problems(tmp_path, text))


def test_every_module_of_this_repository_asks_for_its_names() -> None:
    units = load(REPOSITORY).units.values()
    assert {each.module.address for each in units if not each.name_variables} == {"modules/account_baseline"}
