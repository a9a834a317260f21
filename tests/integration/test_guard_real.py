"""The guard with plans of the real Terraform, and with the provider's schema."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.judge import Judge
from orchestrator.guard.model import Verdict
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.policies.safeguards import Safeguard
from orchestrator.guard.receipt.freeze import freeze
from orchestrator.guard.sibling_attributes import COUNTED_BY_AWS, ELEMENTS_OF_SIBLINGS, SET_BY_SIBLINGS
from orchestrator.terraform.commands import Root, Terraform
from orchestrator.terraform.failures import TerraformError
from orchestrator.terraform.plan.reader import read_plan
from tests.support.golden import compare
from tests.support.plans import a_unit
from tests.support.provider_types import ATTRIBUTE, GOLDEN
from tests.support.safeguards import listed_safeguards
from tests.support.terraform import make_root, make_terraform

pytestmark = pytest.mark.integration

ROOT = Path(__file__).parents[2]
CALL = 'module "this" { source = "./modules/m" }\n'

KEPT = """
resource "terraform_data" "kept" {
  input            = "a"
  triggers_replace = "1"
}
"""
KEYED = """
resource "terraform_data" "keyed" {
  for_each = toset(["x", "y"])
  input    = each.key
}
"""
STORE = KEPT + KEYED


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Terraform:
    return make_terraform(tmp_path_factory.mktemp("terraform"))


@pytest.fixture(scope="module")
def applied(terraform: Terraform, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root with applied resources, to copy."""
    root = make_root(tmp_path_factory.mktemp("applied"), {"main.tf": CALL, "modules/m/main.tf": STORE})
    terraform.init(root, timeout=60)
    terraform.plan(root, out=root.folder / "plan", timeout=60)
    terraform.apply(root, root.folder / "plan", timeout=60)
    return root.folder


@pytest.fixture
def root(applied: Path, tmp_path: Path) -> Root:
    shutil.copytree(applied, tmp_path / "root")
    return make_root(tmp_path / "root", {})


@pytest.fixture(scope="module")
def judge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Judge]:
    """The project's policies, with ``terraform_data`` as a protected type."""
    folder = tmp_path_factory.mktemp("policies")
    shutil.copytree(ROOT / "policies", folder / "policies")
    text = "\nterraform_data:\n  lost: all that was put into it\n  severity: data\n  delete_apis: ['none:Delete']\n"
    with (folder / "policies/protected.yaml").open("a") as file:
        file.write(text)
    with Checks(Policies.load(folder)) as checks:
        yield Judge(checks)


Judged = Callable[..., Verdict]


@pytest.fixture
def judged(judge: Judge, terraform: Terraform, root: Root) -> Judged:
    """Write the module, plan with the options, and judge."""

    def plan_and_judge(module: str | None = None, **options: Any) -> Verdict:
        if module is not None:
            (root.folder / "modules/m/main.tf").write_text(module)
        out = root.folder.parent / "plan"
        try:
            terraform.plan(root, out=out, timeout=60, **options)
        except TerraformError:
            assert out.exists()  # prevent_destroy: exit code 1, and a plan that shows the loss
        terraform.show_json(root, out, out.with_suffix(".json"))
        return judge.judge(a_unit(), read_plan(out, out.with_suffix(".json")))

    return plan_and_judge


def told(verdict: Verdict) -> set[tuple[str, str, str]]:
    return {
        (finding.rule, finding.address.removeprefix("module.this."), finding.action) for finding in verdict.findings
    }


RENAMED = STORE.replace('"kept"', '"other"')
FORGOTTEN = KEYED + "removed {\n  from = terraform_data.kept\n  lifecycle { destroy = false }\n}\n"
REMOVED = KEYED + "removed {\n  from = terraform_data.kept\n  lifecycle { destroy = true }\n}\n"
CREATE_FIRST = KEPT.replace('"1"', '"2"\n  lifecycle { create_before_destroy = true }') + KEYED
PREVENTED = KEPT.replace('"1"', '"2"\n  lifecycle { prevent_destroy = true }') + KEYED


@pytest.mark.parametrize(
    ("module", "loss", "cause"),
    [
        (KEYED, "delete kept", "no longer in the module"),
        (RENAMED, "delete kept", "no longer in the module"),
        (REMOVED, "delete kept", "no longer in the module"),
        (FORGOTTEN, "forget kept", "no longer in the module"),
        (STORE.replace('"1"', '"2"'), "replace kept", "triggers_replace"),
        (CREATE_FIRST, "replace kept", "triggers_replace"),
        (PREVENTED, "replace kept", "triggers_replace"),
        (STORE.replace(', "y"', ""), 'delete keyed["y"]', "no longer in `for_each`"),
        (KEPT.replace("input ", "count = 0\n  input") + KEYED, "delete kept[0]", "`count` is now too small"),
    ],
    ids=["block", "rename", "removed", "forget", "replace", "create-first", "prevent-destroy", "key", "count"],
)
def test_each_way_to_lose_it_is_stopped(judged: Judged, module: str, loss: str, cause: str) -> None:
    verdict = judged(module)
    action, name = loss.split()
    assert told(verdict) == {("ORCH_PROTECTED", f"terraform_data.{name}", action)}
    assert cause in verdict.findings[0].cause
    assert "ORCH_PROTECTED" in verdict.checks


def test_a_rename_gets_an_entry_that_works(judged: Judged) -> None:
    (finding,) = judged(RENAMED).findings
    assert '`moved: {"terraform_data.kept": "terraform_data.other"}`' in finding.hint
    moved = "moved {\n  from = terraform_data.kept\n  to   = terraform_data.other\n}\n"
    assert judged(RENAMED + moved).findings == ()


def test_destroying_the_unit_is_stopped(judged: Judged) -> None:
    verdict = judged(destroy=True)
    assert len(verdict.findings) == 3
    assert {finding.cause for finding in verdict.findings} == {"the whole unit would be destroyed"}


def test_a_replacement_on_request_is_stopped(judged: Judged) -> None:
    verdict = judged(replace=["module.this.terraform_data.kept"])
    assert told(verdict) == {("ORCH_PROTECTED", "terraform_data.kept", "replace")}
    assert "was requested" in verdict.findings[0].cause


def test_a_tainted_object_is_stopped(judged: Judged, terraform: Terraform, root: Root) -> None:
    terraform.passthrough(root, ["taint", "module.this.terraform_data.kept"])
    verdict = judged()
    assert told(verdict) == {("ORCH_PROTECTED", "terraform_data.kept", "replace")}
    assert "tainted" in verdict.findings[0].cause


def test_what_loses_nothing_passes(judged: Judged) -> None:
    more = KEPT.replace('"a"', '"b"') + KEYED.replace('"y"', '"y", "z"')
    verdict = judged(more)
    assert verdict.findings == ()
    assert "ORCH_PROTECTED" in verdict.checks


def test_an_apply_leaves_the_frozen_files_as_they_were(terraform: Terraform, root: Root, tmp_path: Path) -> None:
    (root.folder / "modules/m/main.tf").write_text(STORE.replace('"a"', '"b"'))
    out = tmp_path / "plan"
    state = root.folder / "terraform.tfstate"
    terraform.plan(root, out=out, timeout=60)
    module = root.folder / "modules"
    before = freeze(module, out, extra=[root.data_dir / "modules"])
    was = state.read_bytes()
    terraform.apply(root, out, timeout=60)
    assert state.read_bytes() != was
    assert freeze(module, out, extra=[root.data_dir / "modules"]) == before


def test_every_listed_attribute_is_in_the_providers_schema(
    terraform: Terraform, tmp_path: Path, request: pytest.FixtureRequest
) -> None:
    """So that a provider that renames an attribute does not weaken the list unnoticed."""
    source = '{\n    aws = {\n      source  = "hashicorp/aws"\n      version = "5.100.0"\n    }\n  }\n'
    root = make_root(tmp_path / "schema", {"main.tf": f"terraform {{\n  required_providers {source}}}\n"})
    terraform.init(root, timeout=120)
    argv = [str(terraform.binary.path), "providers", "schema", "-json"]
    ran = subprocess.run(argv, cwd=root.folder, env=terraform.environment(root), capture_output=True, check=True)
    (provider,) = json.loads(ran.stdout)["provider_schemas"].values()
    resources = provider["resource_schemas"]
    lines = (" ".join([name, *matching(each["block"])]) for name, each in sorted(resources.items()))
    compare(GOLDEN / "types.txt", "\n".join(lines) + "\n", renew=request.config.getoption("--renew-golden"))
    listed = Protected.read(ROOT / "policies/protected.yaml")
    for name, entry in listed.types.items():
        assert name in resources, name
        for attribute in (*entry.safeguards, *entry.replaced_by, *entry.when, *entry.kept_by):
            assert in_schema(resources[name]["block"], attribute), f"{name}.{attribute}"
        for other, companion in entry.companions.items():
            assert other in resources, other
            assert companion.of in resources[other]["block"]["attributes"], other
    for name, path, rule, _ in listed_safeguards(listed):
        found = in_schema(resources[name]["block"], path)
        assert found, f"{name}.{path}"
        assert fits(rule, found), f"{name}.{path}: {rule} for {found}"
    for name, attribute, computed in (*attributes_set_elsewhere(), *attributes_of_siblings()):
        found = in_schema(resources[name]["block"], attribute)
        assert found, f"{name}.{attribute}"
        assert not computed or found.get("computed") or "nesting_mode" in found, f"{name}.{attribute} is not computed"


def attributes_set_elsewhere() -> Iterator[tuple[str, str, bool]]:
    """Type and name of the attributes that siblings or AWS set: all are computed, or blocks."""
    for table in (SET_BY_SIBLINGS, ELEMENTS_OF_SIBLINGS, COUNTED_BY_AWS):
        yield from ((kind, name, True) for kind, names in table.items() for name in names)


def attributes_of_siblings() -> Iterator[tuple[str, str, bool]]:
    """Type and name of the attributes by which siblings set them."""
    yield from ((kind, "id", False) for names in SET_BY_SIBLINGS.values() for types in names.values() for kind in types)
    for names in ELEMENTS_OF_SIBLINGS.values():
        for source in (each for elements in names.values() for each in elements.sources):
            yield from ((source.type, name, False) for name in (*source.names, *(source.only or {})))


def matching(block: dict[str, Any]) -> tuple[str, ...]:
    """The attributes and blocks that tests/golden/aws/types.txt has of a type."""
    names = {*block["attributes"], *block.get("block_types", {})}
    return tuple(sorted(each for each in names if ATTRIBUTE.search(each)))


def fits(rule: Safeguard, schema: dict[str, Any]) -> bool:
    """Whether a rule is about what an attribute can be."""
    kinds = {bool: "bool", int: "number", str: "string"}
    if rule.no_less is not None:
        return bool(schema.get("type") == "number")
    if rule.no_fewer is not None or rule.no_new in {"expiration", "ttl"}:
        return "nesting_mode" in schema or isinstance(schema["type"], list)
    if rule.no_new is not None:
        return bool(schema["type"] == "string")
    return {kinds[type(each)] for each in rule.keep or rule.never or ()} == {schema["type"]}


def in_schema(block: dict[str, Any], path: str) -> dict[str, Any] | None:
    """An attribute's schema, or that of a block; `a.b` is b in the block a, which is there at most once."""
    step, _, rest = path.partition(".")
    first, _, key = step.removesuffix("]").partition("[")
    if not rest:
        found: dict[str, Any] | None = block["attributes"].get(first) or block.get("block_types", {}).get(first)
        return found
    inner = block.get("block_types", {}).get(first)
    if inner is None or (key and key not in inner["block"]["attributes"]):
        return None
    return in_schema(inner["block"], rest) if key or inner.get("max_items") == 1 else None
