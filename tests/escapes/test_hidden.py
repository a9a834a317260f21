"""Hidden ways: files that override others, links, replaced files, and orch's own folder in a commit."""

from __future__ import annotations

import json
import shutil

import pytest

from tests.escapes.test_delete import IDENTITY, REMOVED, put_in_child_module
from tests.support.escapes import POOL, STATE_KEY, World

pytestmark = pytest.mark.integration
AGAINST = "sly author"

DATA = ".orch/units/prod/identity/eu-west-1/.terraform"


@pytest.mark.way("`*_override.tf` in the module takes protection off", item="2")
def test_an_override_file(world: World) -> None:
    world.write(
        "modules/user_pool/main_override.tf",
        'resource "aws_cognito_user_pool" "this" {\n  deletion_protection = "INACTIVE"\n'
        "  lifecycle {\n    prevent_destroy = false\n  }\n}\n",
    )
    world.assert_blocked(world.attempt(), rule="ORCH_WEAKENED", address=POOL)
    world.assert_alive()


@pytest.mark.way("`removed` in a `.tf.json` file", item="1")
def test_a_json_file(world: World) -> None:
    world.empty_module()
    removed = {"removed": [{"from": POOL, "lifecycle": [{"destroy": False}]}]}
    world.write("modules/user_pool/x.tf.json", json.dumps(removed))
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=POOL)
    assert finding["action"] == "forget"
    world.assert_alive()


@pytest.mark.way("`removed` in a nested module", item="1")
def test_removed_in_a_nested_module(world: World) -> None:
    put_in_child_module(world, now="pool")
    world.empty_module()
    world.write("modules/user_pool/removed.tf", REMOVED.format(destroy="false"))
    finding = world.assert_blocked(
        world.attempt(), rule="ORCH_PROTECTED", address="module.pool.aws_cognito_user_pool.this"
    )
    assert finding["action"] == "forget"
    world.assert_alive()


@pytest.mark.way("`moved` to an address that does not exist", item="3")
def test_moved_into_nothing(world: World) -> None:
    world.empty_module()
    world.write("modules/user_pool/moved.tf", f"moved {{\n  from = {POOL}\n  to   = aws_cognito_user_pool.gone\n}}\n")
    world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address="aws_cognito_user_pool.gone")
    world.assert_alive()


@pytest.mark.way("`moved` to another type", item="3")
def test_moved_to_another_type(world: World) -> None:
    """Terraform refuses this: no provider can move a pool to another type. Nothing is planned."""
    world.empty_module()
    moved = f"moved {{\n  from = {POOL}\n  to   = terraform_data.x\n}}\n"
    world.write("modules/user_pool/moved.tf", f'resource "terraform_data" "x" {{}}\n{moved}')
    world.attempt(code=1)
    world.stopped_by("failed, exit 1")
    world.assert_alive()


@pytest.mark.way("pool imported into another stage, to be replaced there", item="5")
def test_another_stage_takes_the_pool(world: World) -> None:
    world.write(
        "live/stages/test.yaml",
        f"account: main\nstacks:\n  identity:\n    imports: {{{POOL}: {world.pool}}}\n",
    )
    world.edit_module("prevent_destroy = true", "prevent_destroy = false")
    result = world.attempt("apply", "test", "--yes", "--json")
    world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL, unit="test/identity")
    world.assert_alive()


@pytest.mark.way("state overwritten by an `aws_s3_object`", item="5")
def test_a_resource_that_writes_a_state(world: World) -> None:
    """The apply role can write states, because Terraform does; a resource must not."""
    empty = {"version": 4, "terraform_version": "1.11.4", "serial": 99, "lineage": "x", "outputs": {}, "resources": []}
    content = json.dumps(json.dumps(empty))
    world.write(
        "modules/user_pool/evil.tf",
        f'resource "aws_s3_object" "x" {{\n  bucket  = "{world.bucket}"\n  key     = "{STATE_KEY}"\n'
        f"  content = {content}\n}}\n",
    )
    world.assert_blocked(world.attempt(), rule="ORCH_STATE", address="aws_s3_object.x")
    world.assert_alive()


@pytest.mark.way("`backend` block in the module", item="4")
def test_a_backend_in_the_module(world: World) -> None:
    """Terraform reads a backend only in the root, and orch writes the root."""
    world.write("modules/user_pool/backend.tf", 'terraform {\n  backend "local" {\n    path = "/tmp/x"\n  }\n}\n')
    result = world.attempt(code=0)
    assert result.units()["prod/identity"]["status"] == "unchanged"
    world.stopped_by("kept from Terraform")
    world.assert_alive()


@pytest.mark.way("repository as a module, to add `override.tf` to the root", item="4")
def test_the_repository_as_a_module(world: World) -> None:
    world.write("modules/user_pool/up.tf", 'module "up" {\n  source = "../.."\n}\n')
    world.write("override.tf", 'terraform {\n  backend "local" {}\n}\n')
    result = world.attempt(code=1)
    assert "is the repository itself" in result.units()["prod/identity"]["cause"]
    world.stopped_by("failed, exit 1")
    world.assert_alive()


@pytest.mark.way("provider binary in a module named `terraform.d`", item="6")
def test_a_provider_in_a_module(world: World) -> None:
    """Terraform looks for providers in `terraform.d/plugins` of its working directory; the commit has the lock file too."""
    plugin = "terraform.d/plugins/registry.terraform.io/hashicorp/aws/5.100.0/linux_amd64/terraform-provider-aws"
    world.write(plugin, "#!/bin/sh\n").chmod(0o755)
    world.write("terraform.d/main.tf", "locals {}\n")
    world.write("modules/user_pool/up.tf", 'module "up" {\n  source = "../../terraform.d"\n}\n')
    result = world.attempt(code=1)
    assert "where Terraform looks for providers" in result.units()["prod/identity"]["cause"]
    world.stopped_by("failed, exit 1")
    world.assert_alive()


@pytest.mark.way("`.orch/` committed: providers, saved plans", item="7")
def test_the_orch_folder_is_committed(world: World) -> None:
    world.git("add", "--force", f"{DATA}/orch.init")
    world.git("commit", "-q", "-m", "Speed up init")
    world.assert_refused(world.attempt(), "git tracks .orch/units/prod/identity", code=3)
    world.assert_alive()


@pytest.mark.way("data folder replaced by a link, with another module in its manifest", item="5", against="careless")
def test_a_linked_data_folder(world: World) -> None:
    """Terraform finds modules through the manifest in its data folder, so orch compares the manifest with the sources."""
    elsewhere = world.root.parent / "elsewhere"
    shutil.move(world.root / DATA, elsewhere)
    (world.root / DATA).symlink_to(elsewhere)
    shutil.copytree(world.root / "modules" / "user_pool", elsewhere / "evil")
    manifest = elsewhere / "modules" / "modules.json"
    text = manifest.read_text()
    assert '"modules/user_pool"' in text
    manifest.write_text(text.replace('"modules/user_pool"', json.dumps(str(elsewhere / "evil"))))
    main = elsewhere / "evil" / "main.tf"
    main.write_text(main.read_text().replace("= var.deletion_protection", '= "INACTIVE"'))
    finding = world.assert_blocked(world.attempt(), rule="ORCH_UNREADABLE")
    assert "from a different folder than its source names" in finding["cause"]
    world.assert_alive()


@pytest.mark.way("module that configures its own provider, with another account's profile", item="6")
def test_a_module_that_chooses_its_account(world: World) -> None:
    world.write("modules/user_pool/other.tf", 'provider "aws" {\n  alias   = "x"\n  profile = "orch-production"\n}\n')
    world.assert_blocked(world.attempt(), rule="ORCH_UNTRUSTED_SOURCE", address="provider.aws.x")
    world.assert_alive()


@pytest.mark.way("data source that calls a function while Terraform plans", item="6")
def test_a_data_source_that_calls_a_function(world: World) -> None:
    world.write(
        "modules/user_pool/call.tf",
        'data "aws_lambda_invocation" "x" {\n  function_name = "delete-the-pool"\n  input         = "{}"\n}\n',
    )
    world.assert_blocked(world.attempt(), rule="ORCH_RUNS_CODE", address="data.aws_lambda_invocation.x")
    world.assert_alive()


SWAP = """\
if [ "$1" = show ]; then
  "$REAL" "$@"; code=$?
  for each in "$@"; do case "$each" in *.tfplan) plan="$each";; esac; done
  "$REAL" plan -destroy -input=false -lock=false -out="$plan" >/dev/null 2>&1
  exit $code
fi
"""


@pytest.mark.way("saved plan replaced by one that destroys, while it is judged", item="5", against="careless")
def test_a_plan_that_is_swapped(world: World) -> None:
    world.edit_module("prevent_destroy = true", "prevent_destroy = false")
    world.edit(IDENTITY, "  domain: {}\n", "  domain: {}\n  password_policy: {minimum_length: 20}\n")
    result = world.attempt(env=world.wrap_terraform(SWAP))
    world.assert_refused(result, code=3)
    assert result.units()["prod/identity"]["status"] == "blocked"
    world.assert_alive()


@pytest.mark.way("`orch apply --replace`", item="5", against="careless")
def test_a_replacement_on_request(world: World) -> None:
    world.edit_module("prevent_destroy = true", "prevent_destroy = false")
    result = world.attempt("apply", "prod/identity", "--yes", "--json", "--replace", POOL)
    finding = world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    assert "was requested" in finding["cause"]
    world.assert_alive()
