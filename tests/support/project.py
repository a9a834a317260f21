"""A small catalogue on the shared emulator, and orch as a process of its own: what a person has in front of them."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from orchestrator.cli.account_setup import baseline_units, make_buckets, update_accounts_lock
from orchestrator.cli.aws import open_aws
from orchestrator.cli.context import Common
from orchestrator.cli.project import open_project
from tests.support.calls import last_writes
from tests.support.fork_server import FORK_SERVER

REPOSITORY = Path(__file__).resolve().parents[2]
CI_VARIABLES = (
    "CI",
    "GITHUB_",
    "GITLAB_",
    "CODEBUILD_",
    "CIRCLE",
    "BITBUCKET_",
    "BUILDKITE",
    "BUILD_",
    "JENKINS_",
    "CHANGE_",
    "SYSTEM_PULLREQUEST_",
    "TF_BUILD",
    "TEAMCITY_",
)
"""How the variables begin by which CI systems say what they build: a test gives those that it means."""
ALL_ROLES = "OrganizationAccountAccessRole"
"""The role that every emulated account has; catalogues without a baseline use it for every phase."""

ORCH_YAML = """\
format: 1
name: {name}
orch: "~=0.1"
region: eu-west-1
terraform: ">=1.11,<2.0"
providers:
  aws: "5.100.0"
state:
  bucket: ${{{{ name }}}}-${{{{ account_id }}}}-tfstate
roles:
  bootstrap: {bootstrap}
  plan: {plan}
  apply: {apply}
management: "999999999999"
"""

# A module without a provider: a plan of it takes 0.1 s instead of 4 s.
BOX = {
    "variables.tf": """\
variable "value" {
  description = "What is in the box."
  type        = any
  default     = null
}
variable "replace_on" {
  description = "A change of it replaces the box."
  type        = any
  default     = null
}
""",
    "main.tf": """\
resource "terraform_data" "this" {
  input            = var.value
  triggers_replace = var.replace_on
}
""",
    "outputs.tf": """\
output "id" {
  description = "Known only after it is made."
  value       = terraform_data.this.id
}
output "value" {
  description = "What is in the box."
  value       = var.value
}
""",
}
# A box that runs a command while it is made. The guard objects to that, so a unit of it needs ``Project.allow``.
TOOL = {
    **BOX,
    "variables.tf": BOX["variables.tf"]
    + """\
variable "run" {
  description = "A command to run while the box is made."
  type        = string
  default     = "true"
}
""",
    "main.tf": """\
resource "terraform_data" "this" {
  input            = var.value
  triggers_replace = var.replace_on
  provisioner "local-exec" {
    command = coalesce(var.run, "true")
  }
}
""",
}
OWNERS = "reviewer: [reviewer@example.com]\n"
WAIVER = """\
- id: {id}
  rule: {rule}
  unit: {unit}
  address: {address}
  owner: reviewer
  reason: a test wants it
  expires: {expires}
"""


@dataclass(frozen=True, slots=True)
class Result:
    """How a command ended."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Its standard output as JSON."""
        return json.loads(self.out)

    @property
    def text(self) -> str:
        """All that it printed."""
        return self.out + self.err

    def units(self) -> dict[str, dict[str, Any]]:
        """The units of a run's JSON report, by id."""
        return {unit["unit"]: unit for unit in self.json["units"]}


class Project:
    """A catalogue in a folder of its own.

    Args:
        root: an empty folder.
        emulator: folder with the shared emulator's ``emulator.json``; None: no emulator.
        account_id: of the account ``main``, unused by any other test.
        roles: bootstrap, plan, apply; by default the one role that may do everything.
    """

    def __init__(
        self,
        root: Path,
        *,
        emulator: Path | None,
        accounts: Mapping[str, str],
        name: str = "t",
        roles: tuple[str, str, str] = (ALL_ROLES, ALL_ROLES, ALL_ROLES),
    ) -> None:
        self.root = root
        self.emulator = emulator
        self.accounts = dict(accounts)
        self.name = name
        bootstrap, plan, apply = roles
        self.write("live/orch.yaml", ORCH_YAML.format(name=name, bootstrap=bootstrap, plan=plan, apply=apply))
        for account, id_ in accounts.items():
            self.write(f"live/accounts/{account}.yaml", f'id: "{id_}"\naccess: open\nregions: [eu-west-1]\n')
        for file, text in BOX.items():
            self.write(f"modules/box/{file}", text)
        for file, text in TOOL.items():
            self.write(f"modules/tool/{file}", text)
        shutil.copytree(REPOSITORY / "policies", root / "policies")
        lock = REPOSITORY / "live" / "providers.lock.hcl"
        if lock.is_file():
            shutil.copyfile(lock, root / "live" / "providers.lock.hcl")
        if emulator is not None:
            target = root / ".orch" / "emulator"
            target.mkdir(parents=True)
            shutil.copyfile(emulator / "emulator.json", target / "emulator.json")
            (target / "emulator.json").chmod(0o600)

    @classmethod
    def at(cls, root: Path, accounts: Mapping[str, str]) -> Project:
        """A catalogue that is there already, e.g. a copy of another."""
        project = cls.__new__(cls)
        project.root, project.emulator, project.accounts = root, None, dict(accounts)
        return project

    def write(self, name: str, text: str) -> Path:
        """Write a file of the catalogue."""
        path = self.root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
        return path

    def allow(self, *units: str, rule: str = "ORCH_RUNS_CODE", address: str = "terraform_data.this") -> None:
        """Commit a waiver for each unit: by default one for the command that a unit of the module ``tool`` runs.

        A waiver that nothing needs blocks, so a unit that has one must keep what it is for.
        """
        expires = datetime.now(UTC).date() + timedelta(days=7)
        file = self.root / "policies" / "waivers.yaml"
        entries = file.read_text() if file.is_file() else ""
        entries = "" if entries.strip().endswith("[]") else entries
        for unit in units:
            id_ = f"{unit}-{rule}-{address}".lower().translate(str.maketrans("/_.", "---"))
            entries += WAIVER.format(id=id_, rule=rule, unit=unit, address=address, expires=expires)
        file.write_text(entries)
        self.write("policies/owners.yaml", OWNERS)
        self.write(".gitignore", ".orch/\n")
        if not (self.root / ".git").is_dir():
            self.git("init", "-q", "-b", "main")
        self.git("add", "policies", ".gitignore")
        self.git("commit", "-q", "-m", "Allow it")

    def git(self, *arguments: str) -> None:
        """Run git in the repository, as somebody who owns no waiver."""
        who = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        subprocess.run(["git", "-C", str(self.root), *who, *arguments], check=True, capture_output=True)

    def module(self, name: str) -> None:
        """Take a module of the repository."""
        shutil.copytree(REPOSITORY / "modules" / name, self.root / "modules" / name)

    def environment(self, **more: str) -> dict[str, str]:
        """The environment that orch is called with: no AWS, no CI and no git of the machine that runs the tests."""
        dropped = ("AWS_", "ORCH_", "GIT_", *CI_VARIABLES)
        env = {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
        if "ORCH_COLD" in os.environ:  # `make test-all` runs the escapes and the faults a second time so.
            env["ORCH_COLD"] = os.environ["ORCH_COLD"]
        return {**env, "ORCH_AWS": "emulator", "NO_COLOR": "1", **more}

    def command(self, *arguments: str) -> list[str]:
        """orch in the interpreter of the tests."""
        return [sys.executable, "-m", "orchestrator", "-C", str(self.root), *arguments]

    def orch(self, *arguments: str, code: int | None = 0, stdin: str | None = None, **env: str) -> Result:
        """Run orch to its end.

        Args:
            arguments: verb and options.
            code: the exit code that it must have; None: any.
            stdin: what it reads; without it there is nothing to read.
            env: further environment.
        """
        done = FORK_SERVER.run(
            ["-C", str(self.root), *arguments],
            env=self.environment(**env),
            cwd=REPOSITORY,
            stdin=stdin or "",
        )
        result = Result(done.returncode, done.stdout, done.stderr)
        assert "Traceback" not in result.text, result.text
        assert "this is a bug in orch" not in result.text, result.text
        if code is not None and result.code != code:
            writes = last_writes(self.emulator, self.accounts.values()) if self.emulator is not None else ""
            pytest.fail(f"exit code {result.code}, not {code}\n{result.out}\n{result.err}\nCalls:\n{writes}")
        return result

    def ready(self) -> Project:
        """Make the state buckets, by the steps of ``orch bootstrap``, here: a command of its own costs four times as much."""
        common = Common(folder=self.root, quiet=True, emulator=True)
        project = open_project(common)
        accounts = [project.catalogue.accounts[name] for name in self.accounts]
        if baseline_units(project, accounts):
            self.orch("bootstrap", *self.accounts, "--yes", "-q")
            return self
        with open_aws(common, project.catalogue) as aws:
            make_buckets(common, project, aws, accounts)
            update_accounts_lock(common, project, accounts)
        return self
