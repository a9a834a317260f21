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
    ],
)
def test_what_no_plan_shows_is_found_before_it(world: World, name: str, text: str, rule: str, address: str) -> None:
    world.write(f"modules/user_pool/{name}", text)
    result = world.attempt()
    finding = world.assert_blocked(result, rule=rule, address=address)
    assert finding["where"]["file"] == f"modules/user_pool/{name}"
    assert not list(world.root.rglob("it-ran"))
    run = world.root / ".orch" / "runs" / result.json["run"]
    assert not list(run.glob("plans/**/*.tfplan")), "no plan was made: making it could have run it"
    world.assert_alive()
