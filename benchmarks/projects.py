"""Catalogues to measure on, with an emulator of their own."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[1]
ROLE = "OrganizationAccountAccessRole"
"""The role that every emulated account has, taken for all phases: a baseline is not what is measured."""

ORCH_YAML = f"""\
format: 1
name: bench
orch: "~=0.1"
region: eu-west-1
providers: {{aws: "5.100.0"}}
state: {{bucket: "${{{{ name }}}}-${{{{ account_id }}}}-tfstate"}}
roles: {{bootstrap: {ROLE}, plan: {ROLE}, apply: {ROLE}}}
management: "999999999999"
"""
BOX = """\
variable "value" {
  description = "Anything."
  type        = any
  default     = null
}
resource "terraform_data" "this" {
  input = var.value
}
output "value" {
  description = "The same."
  value       = var.value
}
output "id" {
  description = "Made by Terraform."
  value       = terraform_data.this.id
}
"""
# Resources that the provider makes without waiting: what is measured is Terraform's and our work, not sleep.
GROUP = """\
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
variable "name" {
  description = "Name."
  type        = string
}
variable "text" {
  description = "What an upstream says."
  type        = string
  default     = "none"
}
resource "aws_ssm_parameter" "this" {
  name  = "/${var.name}/value"
  type  = "String"
  value = var.text
}
resource "aws_sns_topic" "this" {
  name = var.name
}
output "arn" {
  description = "The topic."
  value       = aws_sns_topic.this.arn
}
"""


class Bench:
    """A catalogue in a temporary folder."""

    def __init__(self, root: Path) -> None:
        self.root = root
        dropped = ("AWS_", "ORCH_", "TF_", "CI", "GITHUB_", "GITLAB_", "CODEBUILD_", "JENKINS_", "BUILDKITE")
        self.env = {n: v for n, v in os.environ.items() if not n.startswith(dropped)}  # no CI: this is no repository
        self.env |= {"ORCH_AWS": "emulator", "NO_COLOR": "1", "CHECKPOINT_DISABLE": "1"}
        self.write("live/orch.yaml", ORCH_YAML)
        self.write("live/accounts/main.yaml", 'id: "111111111111"\naccess: open\n')
        shutil.copytree(REPOSITORY / "policies", root / "policies")
        shutil.copyfile(REPOSITORY / "live" / "providers.lock.hcl", root / "live" / "providers.lock.hcl")

    def write(self, name: str, text: str) -> None:
        """Write a file of the catalogue."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def orch(self, *arguments: str) -> str:
        """Run orch; anything but success ends the benchmark."""
        command = [sys.executable, "-m", "orchestrator", "-C", str(self.root), "-q", *arguments]
        done = subprocess.run(command, env=self.env, cwd=REPOSITORY, capture_output=True, text=True, check=False)
        if done.returncode:
            message = f"{' '.join(arguments)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
            raise RuntimeError(message)
        return done.stdout


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    """A catalogue with a running emulator; both go afterwards."""
    with tempfile.TemporaryDirectory(prefix="orch-bench-") as name:
        made = Bench(Path(name))
        made.orch("emulator", "start")
        try:
            yield made
        finally:
            made.orch("emulator", "stop")


def boxes(project: Bench, count: int) -> None:
    """Units of ``terraform_data``: three layers, each reading the one before."""
    project.write("modules/box/main.tf", BOX)
    layer = count // 3
    names = [f"box-{number:03d}" for number in range(count)]
    for number, name in enumerate(names):
        above = names[number - layer] if number >= layer else None
        value = f"${{{{ {above}.id }}}}" if above else f"value {number}"
        project.write(f"live/stacks/{name}.yaml", f"module: box\ninputs: {{value: '{value}'}}\n")
    project.write("live/stages/prod.yaml", "account: main\nstacks:\n" + "".join(f"  {name}:\n" for name in names))


def groups(project: Bench, count: int = 12) -> None:
    """Units of AWS resources: two roots, and the others reading one or two before them."""
    project.write("modules/group/main.tf", GROUP)
    names = [f"unit-{number:02d}" for number in range(count)]
    for number, name in enumerate(names):
        text = "" if number < 2 else f"\ninputs: {{text: '${{{{ {names[number // 2]}.arn }}}}'}}"
        project.write(f"live/stacks/{name}.yaml", f"module: group{text}\n")
    project.write("live/stages/prod.yaml", "account: main\nstacks:\n" + "".join(f"  {name}:\n" for name in names))
