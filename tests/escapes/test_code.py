"""Item 6: programs, providers and modules in the configuration; they are found before any plan."""

from __future__ import annotations

import pytest

from tests.support.escapes import World

pytestmark = pytest.mark.integration
AGAINST = "sly author"

PROVISIONER = """
resource "terraform_data" "sneaky" {
  provisioner "local-exec" {
    command = "touch it-ran; aws cognito-idp delete-user-pool --user-pool-id ${aws_cognito_user_pool.this.id}"
  }
}
"""
REMOVED = """
removed {
  from = terraform_data.sneaky
  lifecycle { destroy = true }
  provisioner "local-exec" {
    when    = destroy
    command = "touch it-ran"
  }
}
"""
OVERRIDE = """
resource "aws_cognito_user_pool" "this" {
  provisioner "local-exec" {
    command = "touch it-ran"
  }
}
"""
JSON = '{"resource": {"terraform_data": {"sneaky": {"provisioner": {"local-exec": {"command": "touch it-ran"}}}}}}'
EXTERNAL = 'data "external" "sneaky" {\n  program = ["sh", "-c", "touch it-ran; echo {}"]\n}\n'
CHECK = f'check "sneaky" {{\n{EXTERNAL}  assert {{\n    condition = true\n    error_message = "x"\n  }}\n}}\n'
PROVIDER = 'resource "shell_script" "sneaky" {\n}\n'
OWN_PROVIDER = """
terraform {
  required_providers {
    terraform = {
      source = "evil/terraform"
    }
  }
}
"""
PROFILE = "[default]\ncredential_process = sh -c 'touch it-ran; exit 1'\n"


def remote_state(backend: str, config: str) -> str:
    return f'data "terraform_remote_state" "sneaky" {{\n  backend = {backend}\n  config = {config}\n}}\n'


STATE = 'bucket = "b", key = "k", region = "eu-west-1"'
FILES = '["${path.module}/aws.ini"]'
HIDDEN_FILE = """
output "sneaky" {
  value = file(base64decode("L3Byb2Mvc2VsZi9lbnZpcm9u"))
}
"""
SOURCE = 'module "sneaky" {\n  source = "git::https://git.example.com/net.git?ref=v1"\n}\n'


def way(words: str) -> pytest.MarkDecorator:
    return pytest.mark.way(words, item="6")


@pytest.mark.parametrize(
    ("name", "text", "rule", "address"),
    [
        pytest.param("x.tf", PROVISIONER, "ORCH_RUNS_CODE", "terraform_data.sneaky", marks=way("a provisioner")),
        pytest.param(
            "x.tf", REMOVED, "ORCH_RUNS_CODE", "terraform_data.sneaky", marks=way("a provisioner in a `removed` block")
        ),
        pytest.param(
            "x_override.tf",
            OVERRIDE,
            "ORCH_RUNS_CODE",
            "aws_cognito_user_pool.this",
            marks=way("a provisioner in an override file"),
        ),
        pytest.param(
            "x.tf.json", JSON, "ORCH_RUNS_CODE", "terraform_data.sneaky", marks=way("a provisioner in JSON syntax")
        ),
        pytest.param(
            "x.tf", EXTERNAL, "ORCH_RUNS_CODE", "data.external.sneaky", marks=way("an `external` data source")
        ),
        pytest.param(
            "x.tf",
            CHECK,
            "ORCH_RUNS_CODE",
            "data.external.sneaky",
            marks=way("an `external` data source in a `check` block"),
        ),
        pytest.param(
            "x.tf",
            PROVIDER,
            "ORCH_UNTRUSTED_SOURCE",
            "registry.terraform.io/hashicorp/shell",
            marks=way("an unlisted provider"),
        ),
        pytest.param(
            "x.tf",
            OWN_PROVIDER,
            "ORCH_UNTRUSTED_SOURCE",
            "registry.terraform.io/evil/terraform",
            marks=way("another provider in place of the built-in one"),
        ),
        pytest.param(
            "x.tf",
            SOURCE,
            "ORCH_UNTRUSTED_SOURCE",
            "git::https://git.example.com/net.git?ref=v1",
            marks=way("an unlisted module source"),
        ),
        pytest.param(
            "x.tf",
            remote_state('"s3"', f"{{ {STATE}, shared_config_files = {FILES} }}"),
            "ORCH_RUNS_CODE",
            "data.terraform_remote_state.sneaky",
            marks=way("`terraform_remote_state` with a `credential_process` in `shared_config_files`"),
        ),
        pytest.param(
            "x.tf.json",
            '{"data": {"terraform_remote_state": {"sneaky": {"backend": "s3", "config": {"profile": "orch-admin"}}}}}',
            "ORCH_RUNS_CODE",
            "data.terraform_remote_state.sneaky",
            marks=way("`terraform_remote_state` with another account's profile, in JSON syntax"),
        ),
        pytest.param(
            "x.tf",
            remote_state('"kubernetes"', '{ secret_suffix = "x", exec = [{ command = "touch" }] }'),
            "ORCH_RUNS_CODE",
            "data.terraform_remote_state.sneaky",
            marks=way("`terraform_remote_state` with the backend `kubernetes`, which runs `exec`"),
        ),
        pytest.param(
            "x.tf",
            f"locals {{\n  more = {{ {STATE}, shared_config_files = {FILES} }}\n}}\n"
            + remote_state("local.more.bucket", "local.more"),
            "ORCH_RUNS_CODE",
            "data.terraform_remote_state.sneaky",
            marks=way("`terraform_remote_state` with computed backend and arguments"),
        ),
        pytest.param(
            "#notes.tf",
            PROVISIONER,
            "ORCH_RUNS_CODE",
            "terraform_data.sneaky",
            marks=way("a provisioner in `#notes.tf`"),
        ),
        pytest.param(
            "x.tf",
            HIDDEN_FILE,
            "ORCH_READS_FILE",
            "output.sneaky",
            marks=way("`file(base64decode(…))` of `/proc/self/environ`"),
        ),
    ],
)
def test_what_no_plan_shows_is_found_before_it(world: World, name: str, text: str, rule: str, address: str) -> None:
    world.write(f"modules/user_pool/{name}", text)
    world.write("modules/user_pool/aws.ini", PROFILE)
    result = world.attempt()
    finding = world.assert_blocked(result, rule=rule, address=address)
    assert finding["where"]["file"] == f"modules/user_pool/{name}"
    assert not list(world.root.rglob("it-ran"))
    run = world.root / ".orch" / "runs" / result.json["run"]
    assert not list(run.glob("plans/**/*.tfplan")), "no plan was made: making it could have run it"
    world.assert_alive()


@pytest.mark.parametrize(
    "space",
    [
        pytest.param("\u00a0", marks=way("a provisioner in a heredoc that Terraform ends at a no-break space")),
        pytest.param("\f", marks=way("a provisioner in a heredoc that Terraform ends at a form feed")),
        pytest.param("\v", marks=way("a provisioner in a heredoc that Terraform ends at a vertical tab")),
        pytest.param("\u0085", marks=way("a provisioner in a heredoc that Terraform ends at a next line (NEL)")),
        pytest.param("\u2003", marks=way("a provisioner in a heredoc that Terraform ends at an em space")),
        pytest.param("\u2028", marks=way("a provisioner in a heredoc that Terraform ends at a line separator")),
    ],
)
def test_text_for_orch_is_no_block_for_terraform(world: World, space: str) -> None:
    world.write(
        "modules/user_pool/x.tf",
        f"locals {{\n  text = <<X\nX{space}\n}}\n{PROVISIONER}locals {{\n  more = <<X\nX\n}}\n",
    )
    world.assert_refused(world.attempt(), "modules/user_pool/x.tf:3", "unexpected character U+")
    assert not list(world.root.rglob("it-ran"))
    world.assert_alive()


@pytest.mark.parametrize(
    "target",
    [
        pytest.param(".git/config", marks=way("an archive with a link to `.git/config`")),
        pytest.param(".orch/credentials", marks=way("an archive with a link to `.orch/credentials`")),
    ],
)
def test_an_archive_has_no_credentials(world: World, target: str) -> None:
    world.write("modules/user_pool/archive.tf", 'variable "archive" {\n  type = string\n}\n')
    world.edit("live/stacks/identity.yaml", "module: user_pool\n", "module: user_pool\narchives: {archive: src}\n")
    world.write("src/main.py", "")
    if not (world.root / target).exists():
        world.write(target, "secret = 1\n")
    (world.root / "src" / "data").symlink_to(f"../{target}")
    result = world.attempt(code=1)
    assert "the link leads to" in result.units()["prod/identity"]["cause"]
    assert not list((world.root / ".orch").rglob("archive.zip"))
    world.stopped_by("failed, exit 1")
    world.assert_alive()
