"""Commands of the user in a unit, ``orch terraform UNIT -- …``: warm and cold print the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.terraform.commands import Root, Terraform
from tests.support.emulator import Account
from tests.support.warm import PROVIDER, Pair, aws_root

pytestmark = pytest.mark.integration

MAIN = (
    PROVIDER
    + """
provider "aws" {
  region = "eu-west-1"
}

variable "value" {
  default = "1"
}

resource "aws_ssm_parameter" "this" {
  name  = "/this"
  type  = "String"
  value = var.value
}

output "name" {
  value = aws_ssm_parameter.this.name
}
"""
)
TESTS = """
run "makes" {
  command = apply

  assert {
    condition     = aws_ssm_parameter.this.version == 1
    error_message = "version ${aws_ssm_parameter.this.version}"
  }
}

run "changes" {
  command = apply

  variables {
    value = "2"
  }

  assert {
    condition     = aws_ssm_parameter.this.version == 2
    error_message = "version ${aws_ssm_parameter.this.version}"
  }
}

run "fails" {
  command = plan

  variables {
    value = "3"
  }

  assert {
    condition     = aws_ssm_parameter.this.insecure_value == "4"
    error_message = "it is ${aws_ssm_parameter.this.name}"
  }
}
"""


def printed(tool: Terraform, root: Root, capfd: pytest.CaptureFixture[str], *args: str) -> tuple[int, str]:
    """The exit code of a command, and what it printed."""
    capfd.readouterr()
    code = tool.passthrough(root, args)
    out, err = capfd.readouterr()
    return code, out + err


def same(pair: Pair, root: Root, capfd: pytest.CaptureFixture[str], *args: str) -> None:
    """A command that succeeds prints the same, warm and cold."""
    warm, cold = printed(pair.warm, root, capfd, *args), printed(pair.cold, root, capfd, *args)
    assert warm == cold
    assert warm[0] == 0


@pytest.mark.full
def test_the_whole_schema(account: Account, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pair = Pair.make(tmp_path)
    root = aws_root(tmp_path / "root", {"main.tf": MAIN}, account)
    pair.warm.init(root, timeout=120)
    same(pair, root, capfd, "providers", "schema", "-json")


def test_commands_of_the_user(account: Account, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    pair = Pair.make(tmp_path)
    root = aws_root(tmp_path / "root", {"main.tf": MAIN, "tests/a.tftest.hcl": TESTS}, account)
    pair.warm.init(root, timeout=120)
    assert printed(pair.warm, root, capfd, "apply", "-auto-approve", "-no-color")[0] == 0
    same(pair, root, capfd, "output", "-json")
    assert printed(pair.warm, root, capfd, "destroy", "-auto-approve")[0] == 0
    assert account.client("ssm").describe_parameters()["Parameters"] == []

    # terraform test: it creates, changes and destroys for itself.
    warm, cold = (printed(tool, root, capfd, "test", "-no-color") for tool in (pair.warm, pair.cold))
    assert warm == cold
    assert "2 passed, 1 failed" in warm[1]
    assert account.client("ssm").describe_parameters()["Parameters"] == []
    assert pair.warm.providers_of(root.unit) == "warm"
