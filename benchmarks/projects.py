"""Catalogues to measure on, with an emulator of their own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from datetime import datetime
from pathlib import Path

from benchmarks.tree import BenchError, Usage, usage_of

REPOSITORY = Path(__file__).resolve().parents[1]
ROLE = "OrganizationAccountAccessRole"
"""The role that every emulated account has, taken for all phases: a baseline is not what is measured."""

COLD = "--cold"
_CI = (
    "CI",
    "GITHUB_",
    "GITLAB_",
    "CODEBUILD_",
    "CIRCLECI",
    "BITBUCKET_",
    "JENKINS_",
    "BUILDKITE",
    "TF_BUILD",
    "TEAMCITY_",
)

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


def clean_environment() -> dict[str, str]:
    """Return this process's environment without what would change AWS, Terraform, orch or the tools beside them.

    Without CI too: there orch judges by what was merged, and a catalogue to measure on is in no repository.
    """
    dropped = ("AWS_", "ORCH_", "TF_", "TG_", "TERRAGRUNT_", "TM_", *_CI)
    kept = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
    return {**kept, "NO_COLOR": "1", "CHECKPOINT_DISABLE": "1"}


class Bench:
    """A catalogue in a folder, and orch as a process of its own.

    Attributes:
        root: the catalogue.
        env: the environment of orch.
        cold: orch can be told to start every provider anew, so that warm and cold are measured side by side.
    """

    def __init__(self, root: Path) -> None:
        self.root = root
        self.env = {**clean_environment(), "ORCH_AWS": "emulator"}
        self.write("live/orch.yaml", ORCH_YAML)
        self.write("live/accounts/main.yaml", 'id: "111111111111"\naccess: open\n')
        shutil.copytree(REPOSITORY / "policies", root / "policies")
        shutil.copyfile(REPOSITORY / "live" / "providers.lock.hcl", root / "live" / "providers.lock.hcl")
        self.cold = COLD in self.orch("plan", "--help")

    def write(self, name: str, text: str) -> None:
        """Write a file of the catalogue."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    def orch(self, *arguments: str) -> str:
        """Run orch and return what it prints.

        Raises:
            BenchError: it did not succeed.
        """
        done = subprocess.run(
            self._command(arguments), env=self.env, cwd=REPOSITORY, capture_output=True, text=True, check=False
        )
        if done.returncode:
            message = f"orch {' '.join(arguments)} ended with {done.returncode}\n{done.stdout}\n{done.stderr}"
            raise BenchError(message)
        return done.stdout

    def measure(self, *arguments: str, memory: bool = False) -> Usage:
        """Run orch and return what it used.

        Raises:
            BenchError: it did not succeed.
        """
        return usage_of(self._command(arguments), cwd=REPOSITORY, env=self.env, memory=memory)

    def journal(self) -> list[Mapping[str, str]]:
        """Return the records of the newest run."""
        runs = (self.root / ".orch" / "runs").glob("*/journal.jsonl")
        journals = [[json.loads(line) for line in path.read_text().splitlines()] for path in runs]
        return max(journals, key=lambda records: datetime.fromisoformat(records[0]["time"]))

    def _command(self, arguments: tuple[str, ...]) -> list[str]:
        return [sys.executable, "-m", "orchestrator", "-C", str(self.root), "-q", *arguments]


@contextlib.contextmanager
def bench() -> Iterator[Bench]:
    """A catalogue with a running emulator; both go afterwards."""
    with tempfile.TemporaryDirectory(prefix="orch-bench-") as name:
        made = Bench(Path(name) / "catalogue")
        made.orch("emulator", "start")
        try:
            yield made
        finally:
            made.orch("emulator", "stop")


def boxes(project: Bench, count: int) -> None:
    """Units of ``terraform_data``: three layers, each reading the one before."""
    layer = count // 3
    names = [f"box-{number:03d}" for number in range(count)]
    above = {name: names[number - layer] for number, name in enumerate(names) if number >= layer}
    _write_boxes(project, names, above)


def spokes(project: Bench, count: int) -> None:
    """Units of ``terraform_data``: one hub, and all others alike, each reading the hub."""
    names = [f"box-{number:04d}" for number in range(count)]
    _write_boxes(project, names, dict.fromkeys(names[1:], names[0]))


def _write_boxes(project: Bench, names: list[str], above: Mapping[str, str]) -> None:
    project.write("modules/box/main.tf", BOX)
    for number, name in enumerate(names):
        value = f"${{{{ {above[name]}.id }}}}" if name in above else f"value {number}"
        project.write(f"live/stacks/{name}.yaml", f"module: box\ninputs: {{value: '{value}'}}\n")
    _write_stage(project, names)


def groups(project: Bench, count: int = 12, *, independent: bool = False) -> None:
    """Units of two AWS resources: two roots, and the others reading one before them; or all of them independent."""
    project.write("modules/group/main.tf", GROUP)
    names = [f"unit-{number:02d}" for number in range(count)]
    for number, name in enumerate(names):
        above = names[number // 2] if number >= 2 and not independent else None
        write_group(project, name, f"${{{{ {above}.arn }}}}" if above else None)
    _write_stage(project, names)


def write_group(project: Bench, name: str, text: str | None = None) -> None:
    """Write the stack of a unit of two AWS resources. ``text``: the value of its parameter, instead of the default."""
    more = "" if text is None else f"\n  text: '{text}'"
    inputs = f"inputs:\n  name: ${{{{ name }}}}-${{{{ stage }}}}-{name}{more}"
    project.write(f"live/stacks/{name}.yaml", f"module: group\n{inputs}\n")


def _write_stage(project: Bench, names: list[str]) -> None:
    project.write("live/stages/prod.yaml", "account: main\nstacks:\n" + "".join(f"  {name}:\n" for name in names))
