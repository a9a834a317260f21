"""What Terraform read is what orch read; every difference is a finding."""

from __future__ import annotations

import copy
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from orchestrator.guard.judge import Judge
from orchestrator.guard.plan.configuration import configuration_entries
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.rules.configuration import configuration_differences
from orchestrator.hcl.modules.code_and_sources import read_contents
from orchestrator.hcl.modules.entries import ConfigurationEntry
from orchestrator.terraform.plan.jsonstream import JsonStream
from tests.support.checks import local_checks
from tests.support.plans import a_unit, plan, saved

ROOT = Path(__file__).parents[4]
FILES = {
    "main.tf": """
provider "aws" {
  region = "eu-west-1"
}
provider "aws" {
  alias  = "edge"
  region = "us-east-1"
}
module "this" {
  source    = "./modules/m"
  providers = { aws.edge = aws.edge }
}
""",
    "modules/m/main.tf": """
resource "terraform_data" "a" {
  provisioner "local-exec" {
    command = "true"
  }
  provisioner "file" {
    content     = "x"
    destination = "y"
  }
}
data "terraform_remote_state" "s" {
  backend = "s3"
}
ephemeral "aws_ssm_parameter" "p" {
  arn = "x"
}
provider "aws" {
  alias = "edge"
}
""",
}
EXPECTED = {
    ("", "provider", "aws: region"),
    ("", "provider", "aws.edge: region"),
    ("", "module", "module.this from './modules/m'"),
    ("this", "resource", "terraform_data.a"),
    ("this", "provisioners", "terraform_data.a: local-exec, file"),
    ("this", "resource", "data.terraform_remote_state.s"),
    ("this", "resource", "ephemeral.aws_ssm_parameter.p"),
}
CONFIGURATION: dict[str, Any] = {
    "provider_config": {
        "aws": {"name": "aws", "full_name": "x", "expressions": {"region": {"constant_value": "eu-west-1"}}},
        "aws.edge": {"name": "aws", "alias": "edge", "expressions": {"region": {"constant_value": "us-east-1"}}},
        "module.this:aws.edge": {"name": "aws", "alias": "edge", "module_address": "module.this"},
        "terraform": {"name": "terraform", "full_name": "terraform.io/builtin/terraform"},
    },
    "root_module": {
        "module_calls": {
            "this": {
                "source": "./modules/m",
                "module": {
                    "resources": [
                        {
                            "address": "terraform_data.a",
                            "mode": "managed",
                            "provisioners": [{"type": "local-exec"}, {"type": "file"}],
                        },
                        {"address": "data.terraform_remote_state.s", "mode": "data"},
                        {"address": "ephemeral.aws_ssm_parameter.p", "mode": "ephemeral"},
                    ]
                },
            }
        }
    },
}


def planned(configuration: object) -> frozenset[ConfigurationEntry]:
    return frozenset(configuration_entries(JsonStream(io.StringIO(json.dumps(configuration)))))


@pytest.fixture
def scanned(tmp_path: Path) -> frozenset[ConfigurationEntry]:
    found: set[ConfigurationEntry] = set()
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        module = "this" if name.startswith("modules") else ""
        found.update(each._replace(module=module) for each in read_contents(path.parent, root=tmp_path).entries)
    return frozenset(found)


def test_both_sides_say_the_same_about_the_same(scanned: frozenset[ConfigurationEntry]) -> None:
    assert {tuple(each) for each in scanned} == EXPECTED
    assert {tuple(each) for each in planned(CONFIGURATION)} == EXPECTED
    assert list(configuration_differences(planned(CONFIGURATION), scanned)) == []


def child(configuration: dict[str, Any]) -> dict[str, Any]:
    module: dict[str, Any] = configuration["root_module"]["module_calls"]["this"]["module"]
    return module


Change = Callable[[dict[str, Any]], object]
HIDDEN: dict[str, tuple[Change, str]] = {
    "a resource": (
        lambda c: child(c)["resources"].append({"address": "terraform_data.hidden", "mode": "managed"}),
        "module.this.terraform_data.hidden",
    ),
    "a data source": (
        lambda c: child(c)["resources"].append({"address": "data.external.hidden", "mode": "data"}),
        "module.this.data.external.hidden",
    ),
    "provisioners": (
        lambda c: child(c)["resources"][0]["provisioners"].append({"type": "local-exec"}),
        "module.this.terraform_data.a",
    ),
    "a module call": (
        lambda c: child(c).update(module_calls={"m": {"source": "./x", "module": {}}}),
        "module.this.module.m",
    ),
    "another source": (
        lambda c: c["root_module"]["module_calls"]["this"].update(source="./modules/other"),
        "module.this",
    ),
    "a provider configuration": (
        lambda c: c["provider_config"].update(
            {"module.this:aws": {"name": "aws", "module_address": "module.this", "expressions": {"profile": {}}}}
        ),
        "module.this.provider.aws",
    ),
    "another argument of a provider": (
        lambda c: c["provider_config"]["aws.edge"]["expressions"].update(profile={}),
        "provider.aws.edge",
    ),
    "a provider configuration that Terraform does not have": (
        lambda c: c["provider_config"].pop("aws"),
        "provider.aws",
    ),
    "one that Terraform does not have": (
        lambda c: child(c)["resources"].pop(1),
        "module.this.data.terraform_remote_state.s",
    ),
}


@pytest.mark.parametrize(("change", "address"), HIDDEN.values(), ids=HIDDEN.keys())
def test_what_only_one_of_them_sees_is_a_difference(
    scanned: frozenset[ConfigurationEntry], change: Change, address: str
) -> None:
    configuration = copy.deepcopy(CONFIGURATION)
    change(configuration)
    found = list(configuration_differences(planned(configuration), scanned))
    assert {each.address for each in found} == {address}
    assert len(found) == 1
    assert "did not" in found[0].what


def test_a_plan_of_another_configuration_is_blocked_and_cannot_be_waived(
    tmp_path: Path, scanned: frozenset[ConfigurationEntry]
) -> None:
    judge = Judge(local_checks(Policies.load(ROOT)))
    same = saved(tmp_path, {**plan(), "configuration": CONFIGURATION})
    assert judge.judge(a_unit(), same, scanned=scanned).findings == ()
    without = saved(tmp_path, plan())
    assert judge.judge(a_unit(), without).findings == ()
    verdict = judge.judge(a_unit(), without, scanned=scanned)
    assert {each.rule for each in verdict.findings} == {"ORCH_UNREADABLE"}
    assert verdict.blocked
    assert all(each.hint and each.cause for each in verdict.findings)
    assert len({each.id for each in verdict.findings}) == len(verdict.findings)


@pytest.mark.parametrize(
    "configuration",
    [
        [],
        {"root_module": []},
        {"root_module": {"resources": [{}]}},
        {"root_module": {"module_calls": [1]}},
        {"provider_config": {"aws": []}},
        {"root_module": {"resources": [{"address": "a.b", "provisioners": [{}]}]}},
    ],
)
def test_a_configuration_of_another_form_is_unreadable(tmp_path: Path, configuration: object) -> None:
    judge = Judge(local_checks(Policies.load(ROOT)))
    broken = saved(tmp_path, {**plan(), "configuration": configuration})
    verdict = judge.judge(a_unit(), broken, scanned=frozenset({ConfigurationEntry("", "resource", "a.b")}))
    assert verdict.blocked
    assert {each.rule for each in verdict.findings} == {"ORCH_UNREADABLE"}


def test_an_override_file_adds_arguments_to_a_provider_and_dynamic_blocks_are_left_out(tmp_path: Path) -> None:
    dynamic = '  dynamic "assume_role" {\n    for_each = [1]\n    content {}\n  }\n'
    (tmp_path / "main.tf").write_text(f'provider "aws" {{\n  alias = "x"\n  region = "a"\n{dynamic}}}\n')
    (tmp_path / "a_override.tf").write_text('provider "aws" {\n  alias = "x"\n  default_tags {\n  }\n}\n')
    (tmp_path / "b.tf").write_text(f'provider "dog" {{\n{dynamic}}}\n')
    (tmp_path / "c.tf").write_text('provider "cat" {\n  region = "a"\n  assume_role {\n  }\n}\n')
    (tmp_path / "c_override.tf").write_text(f'provider "cat" {{\n{dynamic}}}\n')
    found = {each for each in read_contents(tmp_path, root=tmp_path).entries if each.kind == "provider"}
    assert found == {("", "provider", "aws.x: default_tags, region"), ("", "provider", "cat: region")}


def test_an_empty_list_is_no_argument_since_json_cannot_tell_it_from_no_blocks(tmp_path: Path) -> None:
    (tmp_path / "a.tf.json").write_text('{"provider": {"aws": {"assume_role": [], "region": "x", "profiles": []}}}')
    expressions = {"region": {"constant_value": "x"}, "profiles": {"constant_value": []}}
    there = planned({"provider_config": {"aws": {"name": "aws", "expressions": expressions}}})
    assert there == read_contents(tmp_path, root=tmp_path).entries == {("", "provider", "aws: region")}


def test_the_provisioners_of_an_override_block_replace_those_before(tmp_path: Path) -> None:
    """As Terraform merges them, also when one override file changes the same resource twice."""

    def block(*types: str) -> str:
        inner = "".join(f'  provisioner "{each}" {{\n  }}\n' for each in types)
        return f'resource "terraform_data" "a" {{\n{inner}}}\n'

    (tmp_path / "main.tf").write_text(block("local-exec"))
    (tmp_path / "a_override.tf").write_text(block("file", "local-exec") + block("file") + block())
    contents = read_contents(tmp_path, root=tmp_path)
    assert ("", "provisioners", "terraform_data.a: file") in contents.entries
    assert len(contents.code) == 4, "each of them is a finding all the same"
