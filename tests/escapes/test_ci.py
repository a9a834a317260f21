"""Items 6 and 7: programs, rights and tokens that a pull request takes for its own run in CI."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from pathlib import Path

import pytest

from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.setup.mirrors import find_mirrors
from tests.support.escapes import POOL, World, commit, git
from tests.support.project import Result

pytestmark = pytest.mark.integration
AGAINST = "sly author"

AWS = "registry.terraform.io/hashicorp/aws"
TOKENS = {
    "ACTIONS_ID_TOKEN_REQUEST_TOKEN": "token-of-the-job",
    "ACTIONS_ID_TOKEN_REQUEST_URL": "https://oidc.example/token-of-the-job",
    "CI_JOB_TOKEN": "token-of-the-job",
    "GITHUB_TOKEN": "token-of-the-job",
}
CI = {"CI": "true", "GITHUB_BASE_REF": "main", **TOKENS}
EVIL = 'terraform {\n  required_providers {\n    evil = {\n      source = "evil/evil"\n    }\n  }\n}\n'
HIDDEN = 'output "leak" {\n  value = file(base64decode("L3Byb2Mvc2VsZi9lbnZpcm9u"))\n}\n'
READS = 'variable "path" {\n  type = string\n}\noutput "leak" {\n  value = file(var.path)\n}\n'
SPY = """
import os
from pathlib import Path
from checkov.common.models.enums import CheckCategories, CheckResult
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck

FOUND = [f"{name}={value}" for name, value in os.environ.items() if "token-of-the-job" in value]
for each in Path("/proc").glob("[0-9]*/environ"):
    try:
        FOUND += [str(each)] if b"token-of-the-job" in each.read_bytes() else []
    except OSError:
        pass


class Spy(BaseResourceCheck):
    def __init__(self) -> None:
        super().__init__(
            name="spy", id="ORCH_SPY", categories=[CheckCategories.CONVENTION], supported_resources=["aws_sqs_queue"]
        )

    def scan_resource_conf(self, conf: object) -> CheckResult:
        return CheckResult.FAILED if FOUND else CheckResult.PASSED


check = Spy()
"""


def pull_request(world: World) -> None:
    """Treat what is committed as merged; the rest is the change."""
    world.git("update-ref", "refs/remotes/origin/main", "HEAD")
    world.git("checkout", "-q", "-b", "change")


def in_ci(world: World, *arguments: str, env: Mapping[str, str] | None = None) -> Result:
    """Commit the change, and run it as CI does."""
    world.commit("Tidy up", author="Mallory <mallory@example.com>")
    return world.attempt(*arguments, env={**CI, **(env or {})})


def publish_module(world: World, text: str, *, ref: str = "v1") -> str:
    """A module of somebody else in a repository of its own; its address without a ref."""
    folder = world.root.parent / "net"
    folder.mkdir(exist_ok=True)
    (folder / "main.tf").write_text(text)
    if not (folder / ".git").is_dir():
        git(folder, "init", "-q", "-b", "main")
    commit(folder, ref)
    git(folder, "tag", ref)
    return f"git::file://{folder}"


def program(path: Path, traces: Path) -> Path:
    """Write a program that leaves a trace; the trace."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f'#!/bin/sh\nenv > "{traces}"\nexit 1\n')
    path.chmod(0o755)
    return traces


def mirror_with_evil(world: World) -> tuple[Path, Path]:
    """A mirror that also has ``evil/evil``, as the registry could; and the trace of that provider."""
    (real,) = [each for each in find_mirrors(os.environ) if (each / AWS).is_dir()][:1]
    mirror = world.root.parent / "mirror"
    (mirror / AWS).parent.mkdir(parents=True)
    (mirror / AWS).symlink_to(real / AWS)
    folder = mirror / "registry.terraform.io" / "evil" / "evil" / "1.0.0" / this_platform()
    return mirror, program(folder / "terraform-provider-evil_v1.0.0", world.root.parent / "it-ran")


def list_evil(world: World) -> None:
    pull_request(world)
    world.edit("live/orch.yaml", "providers:\n", 'providers:\n  evil: {source: evil/evil, version: "1.0.0"}\n')
    world.write("modules/user_pool/evil.tf", f'{EVIL}data "evil_x" "x" {{\n}}\n')


@pytest.mark.way("a provider listed in the same change, in a CI job", item="6")
def test_a_provider_is_listed(world: World) -> None:
    list_evil(world)
    mirror, ran = mirror_with_evil(world)
    result = in_ci(world, env={"ORCH_PROVIDER_MIRROR": str(mirror)})
    world.assert_blocked(result, rule="ORCH_UNTRUSTED_SOURCE", address="registry.terraform.io/evil/evil")
    assert not ran.exists()
    world.assert_alive()


@pytest.mark.way("a provider listed in the same change, validated by `orch check` in a CI job", item="6")
def test_a_provider_is_validated(world: World) -> None:
    list_evil(world)
    mirror, ran = mirror_with_evil(world)
    result = in_ci(world, "check", "prod", env={"ORCH_PROVIDER_MIRROR": str(mirror)})
    assert "not validated: registry.terraform.io/evil/evil is not a listed provider" in result.text
    assert not ran.exists()
    world.stopped_by("kept from Terraform")
    world.assert_alive()


@pytest.mark.way("the administrator's role as plan role in the same change", item="7")
def test_another_role_is_named(world: World) -> None:
    pull_request(world)
    world.edit("live/accounts/main.yaml", "access: open", "access: open\nroles: {plan: OrganizationAccountAccessRole}")
    result = in_ci(world)
    finding = world.assert_blocked(result, rule="ORCH_POLICY_WEAKENED")
    assert finding["message"] == "the roles that orch assumes in main would change (roles)"
    assert finding["where"]["file"] == "live/accounts/main.yaml"
    world.assert_alive()


@pytest.mark.way("the baseline's trusted principals changed in the same change", item="7")
def test_the_baseline_is_changed(world: World) -> None:
    pull_request(world)
    world.edit("live/stacks/baseline.yaml", "inputs:", "inputs:\n  session_hours: 12")
    result = in_ci(world, "apply", "main/baseline", "--yes", "--json")
    finding = world.assert_blocked(result, rule="ORCH_POLICY_WEAKENED", unit="main/baseline")
    assert "is not planned before the change is merged" in finding["message"]
    world.assert_alive()


@pytest.mark.way("a check with code of its own added in the same change", item="7")
def test_a_check_is_added(world: World) -> None:
    pull_request(world)
    world.write("policies/spy/check.py", SPY)
    for name in ("pass", "fail"):
        world.write(f"policies/spy/{name}.json", "{}")
    world.empty_module()
    result = in_ci(world)
    finding = world.assert_blocked(result, rule="ORCH_POLICY_WEAKENED")
    assert finding["message"] == "the check would be added, and it has code"
    world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    world.assert_alive()


@pytest.mark.way("a check of the same change that reads the tokens of the CI job in `orch check`", item="7")
def test_a_check_looks_for_tokens(world: World) -> None:
    """Its passing case passes only if it found none: in its environment, and in those of other processes."""
    pull_request(world)
    queue = json.loads((world.root / "policies/bucket_public/pass.json").read_text())
    change = {"actions": ["create"], "before": None, "after": {"name": "q"}, "after_unknown": {}}
    resource = {"address": "aws_sqs_queue.q", "mode": "managed", "type": "aws_sqs_queue", "name": "q"}
    resource |= {"provider_name": AWS}
    queue["resource_changes"] = [{**resource, "change": change}]
    queue["planned_values"] = {
        "root_module": {"resources": [{**resource, "schema_version": 0, "values": {"name": "q"}}]}
    }
    world.write("policies/spy/check.py", SPY)
    for name in ("pass", "fail"):
        world.write(f"policies/spy/{name}.json", json.dumps(queue))
    result = in_ci(world, "check", "prod", "--fast")
    assert "policies/spy/fail.json" in result.text, "the case that must fail passes: the check found no token"
    assert "policies/spy/pass.json" not in result.text, result.text
    world.stopped_by("kept from checks")
    world.assert_alive()


@pytest.mark.way("tokens of the CI job in the environment of Terraform", item="6")
def test_tokens_do_not_reach_terraform(world: World) -> None:
    """What Terraform gets, its providers get."""
    pull_request(world)
    seen = world.root.parent / "environments"
    seen.mkdir()
    wrapped = world.wrap_terraform(f'env > "{seen}/$$"')
    result = in_ci(world, "plan", "prod", "--json", env=wrapped)
    assert result.code == 0, result.text
    texts = [file.read_text() for file in seen.iterdir()]
    assert len(texts) > 1
    assert [text for text in texts if "token-of-the-job" in text] == []
    world.stopped_by("kept from Terraform")
    world.assert_alive()


@pytest.mark.way("`dev_overrides` in the CLI configuration of a CI job", item="6")
def test_a_provider_is_overridden(world: World) -> None:
    pull_request(world)
    ran = program(world.root.parent / "evil" / "terraform-provider-aws", world.root.parent / "it-ran")
    config = world.root.parent / "terraformrc"
    config.write_text(
        f'provider_installation {{\n  dev_overrides {{\n    "hashicorp/aws" = "{ran.parent}/evil"\n  }}\n  direct {{}}\n}}\n'
    )
    world.empty_module()
    result = in_ci(world, env={"TF_CLI_CONFIG_FILE": str(config), "ORCH_COLD": "1"})
    world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    assert not ran.exists()
    assert "not used in CI: dev_overrides of the Terraform CLI configuration" in result.text
    world.assert_alive()


@pytest.mark.way("`TF_REATTACH_PROVIDERS` in a CI job", item="6")
def test_a_provider_is_reattached(world: World) -> None:
    pull_request(world)
    entry = {"Protocol": "grpc", "ProtocolVersion": 5, "Pid": 1, "Test": True}
    entry["Addr"] = {"Network": "unix", "String": str(world.root.parent / "evil.sock")}
    world.empty_module()
    result = in_ci(world, env={"TF_REATTACH_PROVIDERS": json.dumps({"hashicorp/aws": entry}), "ORCH_COLD": "1"})
    world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    assert "not used in CI: TF_REATTACH_PROVIDERS" in result.text
    world.assert_alive()


@pytest.mark.way("a plugin cache committed with another provider in it", item="6")
def test_a_plugin_cache_is_committed(world: World) -> None:
    pull_request(world)
    folder = world.root / "cache" / AWS / "5.100.0" / this_platform()
    ran = program(folder / "terraform-provider-aws_v5.100.0", world.root.parent / "it-ran")
    result = in_ci(world, env={"TF_PLUGIN_CACHE_DIR": str(world.root / "cache")})
    world.assert_refused(result, "git tracks cache/registry.terraform.io/hashicorp/aws", code=3)
    assert not ran.exists()
    world.assert_alive()


@pytest.mark.way("a program named `terraform` committed where PATH finds it", item="6")
def test_terraform_is_committed(world: World) -> None:
    pull_request(world)
    ran = program(world.root / "bin" / "terraform", world.root.parent / "it-ran")
    result = in_ci(world, env={"PATH": f"{world.root / 'bin'}{os.pathsep}{os.environ['PATH']}"})
    world.assert_refused(result, "git tracks bin/terraform", code=3)
    assert not ran.exists()
    world.assert_alive()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param("run", marks=pytest.mark.way("the command of a build changed in the same change", item="6")),
        pytest.param("input", marks=pytest.mark.way("an input of a build changed in the same change", item="6")),
    ],
)
def test_a_build_is_changed(world: World, change: str) -> None:
    ran = world.root.parent / "it-ran"
    world.write("modules/user_pool/archive.tf", 'variable "archive" {\n  type = string\n}\n')
    world.write("src/build.sh", "true\n")
    build = "archives: {archive: {folder: src, build: {run: [sh, build.sh]}}}\n"
    world.edit("live/stacks/identity.yaml", "module: user_pool\n", f"module: user_pool\n{build}")
    world.commit("Build it")
    pull_request(world)
    if change == "run":
        world.edit("live/stacks/identity.yaml", "[sh, build.sh]", f"[touch, {ran}]")
    else:
        world.write("src/build.sh", f"touch {ran}\n")
    finding = world.assert_blocked(in_ci(world), rule="ORCH_POLICY_WEAKENED", address="build")
    assert "is not planned before the merge" in finding["message"]
    assert not ran.exists()
    world.assert_alive()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            "address",
            marks=pytest.mark.way("a stack of the same change with the author's module, in a CI job", item="6"),
        ),
        pytest.param("ref", marks=pytest.mark.way("another `?ref=` of a module that is merged, in a CI job", item="6")),
        pytest.param(
            "called", marks=pytest.mark.way("a module called because a stack of the same change names it", item="6")
        ),
    ],
)
def test_a_module_is_named(world: World, change: str) -> None:
    address = publish_module(world, "")
    live = "live/stacks/net.yaml"
    if change == "ref":
        world.write(live, f"module: {address}\nversion: v1\n")
        world.edit("live/stages/prod.yaml", "identity:", "identity:\n  net:")
        world.commit("Use it")
    pull_request(world)
    publish_module(world, HIDDEN, ref="v2")
    world.write(live, f"module: {address}\nversion: v2\n")
    if change == "called":
        world.write("modules/user_pool/net.tf", f'module "net" {{\n  source = "{address}?ref=v2"\n}}\n')
    if change != "ref":
        world.edit("live/stages/prod.yaml", "identity:", "identity:\n  net:")
    result = in_ci(world)
    unit = "prod/identity" if change == "called" else "prod/net"
    finding = world.assert_blocked(result, rule="ORCH_UNTRUSTED_SOURCE", address=f"{address}?ref=v2", unit=unit)
    assert "the stacks of the protected commit count" in finding["cause"]
    log = world.root / ".orch" / "runs" / result.json["run"] / "logs" / unit / "eu-west-1.log"
    assert not log.exists(), "it was not downloaded"
    world.assert_alive()


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(
            "text", marks=pytest.mark.way("a computed file name in a listed module that the change calls", item="6")
        ),
        pytest.param("input", marks=pytest.mark.way("a computed file name passed to a merged module", item="6")),
    ],
)
def test_a_downloaded_module_reads_a_file(world: World, change: str) -> None:
    """The module is one that ``module_sources`` of the protected commit lists."""
    address = publish_module(world, HIDDEN if change == "text" else READS)
    world.edit("live/orch.yaml", "providers:", f'module_sources: ["{address}?ref=v1"]\nproviders:')
    call = f'module "net" {{\n  source = "{address}?ref=v1"\n}}\n'
    known = call.replace('"\n}', '"\n  path = "${path.module}/net.tf"\n}')
    if change == "input":
        world.write("modules/user_pool/net.tf", known)
    world.commit("Allow it")
    pull_request(world)
    evil = known.replace('"${path.module}/net.tf"', 'base64decode("L3Byb2Mvc2VsZi9lbnZpcm9u")')
    world.write("modules/user_pool/net.tf", call if change == "text" else evil)
    finding = world.assert_blocked(in_ci(world), rule="ORCH_READS_FILE", address="module.net.output.leak")
    assert "the change touches this one" in finding["hint"]
    world.assert_alive()


@pytest.mark.way("`orch check` of a CI job downloads the author's module", item="6")
def test_a_module_is_validated(world: World) -> None:
    pull_request(world)
    address = publish_module(world, HIDDEN)
    world.write("live/stacks/net.yaml", f"module: {address}\nversion: v1\n")
    world.edit("live/stages/prod.yaml", "identity:", "identity:\n  net:")
    result = in_ci(world, "check", "prod/net")
    assert f"not validated: {address}?ref=v1 is not a trusted module source" in result.text
    world.stopped_by("kept from Terraform")
    world.assert_alive()
