"""In CI the modules that Terraform downloads, and what they read, are those of the protected commit."""

from __future__ import annotations

import pytest

from orchestrator.guard.trust.live_modules import MergedModules
from tests.support.scanned import Scan, reads, told


@pytest.mark.parametrize("changed", [True, False])
def test_in_ci_a_downloaded_module_is_told_of_only_in_what_was_merged(scan: Scan, *, changed: bool) -> None:
    fetched = {"this.net/main.tf": 'variable "p" {}\noutput "a" {\n  value = file(var.p)\n}\n'}
    call = 'module "net" {\n  source = "git::https://example.com/net.git?ref=v1"\n  p = base64decode("eA==")\n}\n'
    merged = MergedModules(frozenset(), frozenset({"prod/m"} if changed else ()))
    places = {"this.net": "../data/modules/this.net"}
    found = scan({"modules/m/main.tf": call}, fetched=fetched, manifest=places, merged=merged)
    assert reads(found) == [("module.net.output.a", "block" if changed else "warn")]
    assert ("in CI" in found[0].hint) == changed


VPC = "terraform-aws-modules/vpc/aws"


@pytest.mark.parametrize(
    ("packages", "findings"),
    [({VPC}, []), ({f"example.com/{VPC}"}, [("ORCH_UNTRUSTED_SOURCE", VPC, "modules/m/main.tf:2")])],
)
def test_in_ci_the_stacks_of_the_protected_commit_name_the_modules(
    scan: Scan, packages: set[str], findings: list[tuple[str, str, str]]
) -> None:
    merged = MergedModules(frozenset(packages), frozenset())
    found = scan({"modules/m/main.tf": f'module "x" {{\n  source = "{VPC}//modules/a"\n}}\n'}, merged=merged)
    assert [(rule, address.partition("//")[0], at) for rule, address, at in told(found)] == findings


def test_in_ci_the_module_of_the_stack_itself_must_be_merged_before_it_is_downloaded(scan: Scan) -> None:
    root = {"main.tf": f'module "this" {{\n  source  = "{VPC}"\n  version = "5.1.0"\n}}\n'}
    assert scan(root) == ()
    assert scan(root, merged=MergedModules(frozenset({VPC}), frozenset({"prod/m"}))) == ()
    (finding,) = scan(root, merged=MergedModules(frozenset(), frozenset()))
    assert (finding.rule, finding.address) == ("ORCH_UNTRUSTED_SOURCE", VPC)
    assert finding.where is not None
    assert finding.where.file == "live/stages/prod.yaml"
    assert "merge it" in finding.hint
    assert "orch plan prod/m" in finding.hint
