"""The JSON Schemas of `live/`: what they take, what they refuse, and when they are written."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft7Validator  # type: ignore[import-untyped]
from pydantic import BaseModel, ValidationError, create_model
from referencing import Registry
from referencing.jsonschema import DRAFT7

from orchestrator.config.schema.json_schema import schemas, stale_schemas, write_schemas
from orchestrator.config.schema.model_schema import model_schema
from orchestrator.config.schema.models import AccountModel, OrchModel, StackModel, StageModel
from orchestrator.config.schema.type_schema import inputs_schema, type_schema
from orchestrator.errors import CatalogueError
from orchestrator.hcl.modules.read import read_module
from orchestrator.hcl.modules.types import parse_type

Write = Callable[[str, str], Path]
Check = Callable[[str, Any], list[str]]
VARIABLES = """\
variable "mfa" {
  description = "Whether users need a second factor."
  type        = string
  default     = "OFF"
}
variable "attributes" {
  type = map(object({ type = string, max = optional(number, 64) }))
}
variable "rules" {
  type = list(object({ port = number, open = optional(bool) }))
}
variable "names" { type = object({ pool = string }) }
"""
REFERENCE = "${{ identity.user_pool_arn }}"
NUMBERS = st.integers() | st.floats(allow_nan=False, allow_infinity=False)
JSON_VALUES: dict[str, st.SearchStrategy[Any]] = {
    "string": st.text(),
    "number": NUMBERS,
    "bool": st.booleans(),
    "any": st.text() | NUMBERS | st.lists(st.booleans()),
    "list(string)": st.lists(st.text() | st.none()),
    "set(bool)": st.lists(st.booleans()),
    "map(number)": st.dictionaries(st.text(), NUMBERS | st.just(REFERENCE)),
    "tuple([string, bool])": st.tuples(st.text(), st.booleans()).map(list),
    "tuple([])": st.just([]),
    "list(object({ a = string, b = optional(number, 1) }))": st.lists(
        st.fixed_dictionaries({"a": st.text()}, optional={"b": NUMBERS})
    ),
    "map(list(any))": st.dictionaries(st.text(), st.lists(st.text())),
}


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def put(name: str, text: str) -> Path:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    return put


@pytest.fixture
def root(tmp_path: Path, write: Write) -> Path:
    write("modules/user_pool/variables.tf", VARIABLES)
    write("live/stacks/identity.yaml", "module: user_pool\n")
    write("live/stacks/remote.yaml", "module: terraform-aws-modules/vpc/aws\nversion: 5.0.0\n")
    write("live/stacks/broken.yaml", "module: [\n")
    return tmp_path


@pytest.fixture
def check(root: Path) -> Check:
    """What a schema says against a document."""
    found = {name: json.loads(text) for name, text in schemas(root).items()}
    resources = [(f"file:///{name}", DRAFT7.create_resource(schema)) for name, schema in found.items()]
    registry: Registry[Any] = Registry().with_resources(resources)

    def errors(name: str, document: Any) -> list[str]:
        validator = Draft7Validator({"$ref": f"file:///{name}"}, registry=registry)
        return [error.message for error in validator.iter_errors(document)]

    return errors


def test_every_file_has_its_schema(root: Path) -> None:
    found = schemas(root)
    assert list(found) == [
        "orch.json",
        "account.json",
        "stage.json",
        "stack.json",
        "stacks/broken.json",
        "stacks/identity.json",
        "stacks/remote.json",
    ]
    for text in found.values():
        Draft7Validator.check_schema(json.loads(text))


GOOD: list[tuple[str, Any]] = [
    (
        "orch.json",
        {
            "format": 1,
            "name": "ams",
            "orch": "~=0.1",
            "region": "eu-west-1",
            "terraform": ">=1.11,<2.0",
            "providers": {"aws": "5.100.0", "datadog": {"source": "datadog/datadog", "version": "3.50.0"}},
            "state": {"bucket": "${{ name }}-${{ account_id }}-tfstate"},
            "roles": {"bootstrap": "OrganizationAccountAccessRole", "plan": "orch-plan", "apply": "orch-apply"},
            "tags": {"owner": "platform"},
            "timeouts": {"plan": "10m", "apply": "1h30m"},
            "management": "999999999999",
        },
    ),
    (
        "account.json",
        {"id": "111111111111", "access": "restricted", "regions": ["eu-west-1"], "stacks": {"remote": None}},
    ),
    ("stage.json", {"account": "production", "stacks": {"identity": {"inputs": {"mfa": "ON"}}, "remote": None}}),
    (
        "stage.json",
        {"extends": "prod", "stacks": {"identity": False}, "uses": {"tasks": None, "documents": "prod/documents"}},
    ),
    ("stage.json", {"stacks": {"remote": {"inputs": {"anything": 1}, "version": "v2.3.1"}}}),
    ("stage.json", {"stacks": {"identity": {"module": "other", "inputs": {"anything": 1}}}}),
    ("stacks/identity.json", {"module": "user_pool", "depends_on": ["remote"], "inputs": {"mfa": REFERENCE}}),
    (
        "stacks/identity.json",
        {"inputs": {"attributes": {"company": {"max": 64}, "team": REFERENCE}, "rules": REFERENCE}},
    ),
    ("stacks/identity.json", {"inputs": {"rules": [{"port": REFERENCE}, REFERENCE], "names": None}}),
    ("stack.json", {"providers": {"aws.edge": {"region": "us-east-1"}, "aws.dns": {"account": "bpm"}}}),
    ("stack.json", {"secrets": {"key": "ssm:/${{ name }}/key"}, "archives": {"source": "src/api"}}),
]

BAD: list[tuple[str, Any]] = [
    ("orch.json", {"format": 2, "name": "ams", "region": "eu-west-1"}),
    ("orch.json", {"format": 1, "region": "eu-west-1"}),
    ("orch.json", {"format": 1, "name": "AMS", "region": "eu-west-1"}),
    ("orch.json", {"format": 1, "name": "ams", "region": "eu-west-1", "providers": {"aws": 5.1}}),
    ("orch.json", {"format": 1, "name": "ams", "region": "eu-west-1", "timeouts": {"plan": "10"}}),
    ("account.json", {"id": 111111111111}),
    ("account.json", {"id": "11111111111"}),
    ("account.json", {"id": "111111111111", "acces": "open"}),
    ("stage.json", {"stacks": {"identty": None}}),
    ("stage.json", {"stacks": {"identity": True}}),
    ("stage.json", {"stacks": {"identity": {"inputs": {"mfaa": "ON"}}}}),
    ("stacks/identity.json", {"inputs": {"mfa": 5}}),
    ("stacks/identity.json", {"inputs": {"attributes": {"company": {"maximum": 64}}}}),
    ("stacks/identity.json", {"inputs": {"attributes": {"company": {"max": "64"}}}}),
    ("stacks/identity.json", {"inputs": {"attributes": "text ${{ a.b }}"}}),
    ("stacks/identity.json", {"inputs": {"rules": [{"open": True}]}}),
    ("stack.json", {"input": {}}),
]

CHECKED_BY_MODELS = {"format", "name", "region", "timeouts", "id", "acces", "input"}
"""Entries of stacks, providers and inputs are checked elsewhere."""


@pytest.mark.parametrize(("name", "document"), GOOD)
def test_what_the_catalogue_takes_passes(check: Check, name: str, document: Any) -> None:
    assert check(name, document) == []


@pytest.mark.parametrize(("name", "document"), BAD)
def test_what_is_wrong_is_marked(check: Check, name: str, document: Any) -> None:
    assert check(name, document) != []


MODELS: dict[str, type[BaseModel]] = {
    "orch.json": OrchModel,
    "account.json": AccountModel,
    "stage.json": StageModel,
    "stack.json": StackModel,
}


@pytest.mark.parametrize(("name", "document"), GOOD)
def test_the_models_take_what_the_schemas_take(name: str, document: Any) -> None:
    MODELS.get(name, StackModel).model_validate(document)


@pytest.mark.parametrize(("name", "document"), [case for case in BAD if set(case[1]) <= CHECKED_BY_MODELS])
def test_the_models_refuse_what_the_schemas_refuse(name: str, document: Any) -> None:
    with pytest.raises(ValidationError):
        MODELS[name].model_validate(document)


def test_a_field_of_a_kind_without_a_schema_is_an_error() -> None:
    with pytest.raises(TypeError, match="no JSON Schema"):
        model_schema(create_model("Odd", odd=(tuple[int, int], ...)))


def test_editors_get_description_type_and_default(root: Path) -> None:
    inputs = json.loads(schemas(root)["stacks/identity.json"])["properties"]["inputs"]["properties"]
    assert list(inputs) == ["attributes", "mfa", "names", "rules"]
    assert inputs["mfa"]["description"] == ("Whether users need a second factor.\n\nType: string. Optional.")
    assert inputs["names"]["description"].endswith("Set by orch when left out.")
    attribute = inputs["attributes"]["anyOf"][0]["additionalProperties"]["anyOf"][0]["properties"]["max"]
    assert attribute["default"] == 64


def test_schemas_are_written_when_they_are_stale_and_only_then(root: Path, write: Write) -> None:
    folder = root / "live/.schema"
    assert stale_schemas(root) == tuple(sorted(f"live/.schema/{name}" for name in schemas(root)))
    write_schemas(root)
    assert stale_schemas(root) == ()
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*.json")}
    write_schemas(root)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*") if path.is_file()} == before

    write("modules/user_pool/more.tf", 'variable "more" {}\n')
    (root / "live/stacks/remote.yaml").unlink()
    assert stale_schemas(root) == tuple(
        f"live/.schema/{name}.json" for name in ("account", "stacks/identity", "stacks/remote", "stage")
    )
    write_schemas(root)
    assert stale_schemas(root) == ()
    assert not (folder / "stacks/remote.json").exists()
    assert (folder / "stage.json").stat().st_mode & 0o777 == 0o644


def test_a_module_that_cannot_be_read_writes_nothing(root: Path, write: Write) -> None:
    write("modules/user_pool/variables.tf", "variable {\n")
    with pytest.raises(CatalogueError, match=r"modules/user_pool/variables\.tf:2:1"):
        write_schemas(root)
    assert not (root / "live/.schema").exists()


@pytest.mark.parametrize("module", ["../../etc", "/etc", "git::https://example.com/x.git"])
def test_an_address_is_never_looked_for_on_this_machine(root: Path, write: Write, module: str) -> None:
    write("live/stacks/identity.yaml", f"module: {module}\n")
    inputs = json.loads(schemas(root)["stacks/identity.json"])["properties"]["inputs"]
    assert "properties" not in inputs


@settings(max_examples=50)
@given(st.sampled_from(list(JSON_VALUES)), st.data())
def test_values_of_a_type_pass_its_schema(text: str, data: st.DataObject) -> None:
    for whole in (True, False):
        validator = Draft7Validator(type_schema(parse_type(text), whole=whole))
        assert validator.is_valid(data.draw(JSON_VALUES[text]))
        assert validator.is_valid(REFERENCE)
        assert validator.is_valid(None)


def test_the_schemas_of_the_projects_own_modules_are_sound() -> None:
    repository = Path(__file__).parents[4]
    for folder in (repository / "modules").iterdir():
        variables: Mapping[str, Any] = read_module(folder, root=repository).variables
        Draft7Validator.check_schema(inputs_schema(variables.values()))
