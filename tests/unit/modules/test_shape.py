"""Every module has the same shape: what it takes and gives is typed, described and in its README."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.policies.protected_types import Loss
from orchestrator.hcl.modules.read import read_module
from tests.support.module_readme import ROOT, module_folders, renewed

FOLDERS = module_folders()
RESOURCE = re.compile(r'^resource "(?P<type>\w+)" "(?P<name>\w+)" \{\n(?P<body>.*?)^\}', re.MULTILINE | re.DOTALL)

modules = pytest.mark.parametrize("folder", FOLDERS, ids=[folder.name for folder in FOLDERS])


def test_the_modules_of_the_platform_are_there() -> None:
    names = {folder.name for folder in FOLDERS}
    assert names >= {"user_pool", "table", "bucket", "queue", "service", "account_baseline"}


@modules
def test_every_variable_is_typed_and_described(folder: Path) -> None:
    module = read_module(folder, root=ROOT)
    assert module.variables
    assert [v.name for v in module.variables.values() if v.type == "any" or "any" in re.findall(r"\w+", v.type)] == []
    assert [v.name for v in module.variables.values() if not v.description.strip().endswith(".")] == []


@modules
def test_every_output_is_described(folder: Path) -> None:
    module = read_module(folder, root=ROOT)
    assert module.outputs
    assert [o.name for o in module.outputs.values() if not o.description.strip().endswith(".")] == []


@modules
def test_variables_and_outputs_are_where_people_look(folder: Path) -> None:
    module = read_module(folder, root=ROOT)
    assert {v.at.file for v in module.variables.values() if not Path(v.at.file).name.startswith("variables")} == set()
    assert {Path(o.at.file).name for o in module.outputs.values()} == {"outputs.tf"}


@modules
def test_versions_admit_the_pinned_provider(folder: Path) -> None:
    assert (folder / "versions.tf").is_file()
    assert [(p.source, p.version) for p in read_module(folder, root=ROOT).required_providers.values()] == [
        ("hashicorp/aws", "~> 5.100")
    ]


@modules
def test_it_has_native_tests_with_a_mock_provider(folder: Path) -> None:
    texts = [path.read_text(encoding="utf-8") for path in (folder / "tests").glob("*.tftest.hcl")]
    assert texts
    for text in texts:
        assert 'mock_provider "aws"' in text
        assert "expect_failures" in text


@modules
def test_every_validated_variable_is_refused_in_a_test(folder: Path) -> None:
    """A validation that no test trips may let everything through."""
    text = "".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("variables*.tf")))
    validated = {
        match["name"]
        for match in re.finditer(r'^variable "(?P<name>\w+)" \{\n(?P<body>.*?)^\}', text, re.MULTILINE | re.DOTALL)
        if "validation {" in match["body"]
    }
    tests = "".join(path.read_text(encoding="utf-8") for path in (folder / "tests").glob("*.tftest.hcl"))
    refused = {
        name
        for block in re.findall(r"expect_failures = \[(.*?)\]", tests, re.DOTALL)
        for name in re.findall(r"var\.(\w+)", block)
    }
    assert validated - refused == set()


@modules
def test_what_holds_data_cannot_be_destroyed(folder: Path) -> None:
    protected = Protected.read(ROOT / "policies/protected.yaml")
    text = "\n".join(path.read_text(encoding="utf-8") for path in sorted(folder.glob("*.tf")))
    resources = list(RESOURCE.finditer(text))
    assert len(resources) == len(re.findall(r'^resource "', text, re.MULTILINE))
    for resource in resources:
        entry = protected.get(resource["type"])
        if entry is None:
            continue
        body = resource["body"]
        if entry.severity is not Loss.HISTORY:
            assert re.search(r"lifecycle \{[^}]*prevent_destroy = true", body), resource[0].splitlines()[0]
        if (protection := entry.protection) is not None:
            assert re.search(rf"^\s*{protection.attribute}\s*=", body, re.MULTILINE), resource[0].splitlines()[0]


@modules
def test_the_readme_lists_every_variable_and_output(folder: Path) -> None:
    readme = (folder / "README.md").read_text(encoding="utf-8")
    module = read_module(folder, root=ROOT)
    assert readme == renewed(readme, module), "run: python -m tests.support.module_readme"
    assert readme.startswith(f"# {folder.name}\n")
    assert f"module: {folder.name}" in readme, "the README shows the module as a stack"
