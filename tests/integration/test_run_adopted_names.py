"""What was adopted with another name: the apply role changes it once the baseline allows it, as orch says."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support.catalogue import BASELINE
from tests.support.emulator import Account
from tests.support.project import Project

pytestmark = pytest.mark.integration

MODULE = """\
terraform {
  required_providers {
    aws = {
      source  = "hashicorp/aws"
      version = "~> 5.100"
    }
  }
}
variable "timeout" {
  type    = number
  default = 30
}
resource "aws_sqs_queue" "jobs" {
  name                       = "legacy-jobs"
  visibility_timeout_seconds = var.timeout
  lifecycle {
    prevent_destroy = true
  }
}
"""


def state_of(url: str, arn: str) -> str:
    """A state as a Terraform without orch has it."""
    attributes = {"id": url, "url": url, "arn": arn, "name": "legacy-jobs", "visibility_timeout_seconds": 30}
    resource = {
        "mode": "managed",
        "type": "aws_sqs_queue",
        "name": "jobs",
        "provider": 'provider["registry.terraform.io/hashicorp/aws"]',
        "instances": [{"schema_version": 0, "attributes": attributes}],
    }
    head = {"version": 4, "terraform_version": "1.11.4", "serial": 1, "lineage": "5b2a0000-0000-4000-8000-000000000000"}
    return json.dumps({**head, "outputs": {}, "resources": [resource]})


IMPORTED = """\
resource "aws_sqs_queue" "mail" {
  name                       = "legacy-mail"
  visibility_timeout_seconds = 30
  lifecycle {
    prevent_destroy = true
  }
}
"""


def test_a_name_that_the_apply_role_cannot_change_is_said_and_allowed(
    tmp_path: Path, emulator: Path, account: Account
) -> None:
    roles = ("OrganizationAccountAccessRole", "orch-plan", "orch-apply")
    project = Project(tmp_path / "repo", emulator=emulator, accounts={"main": account.id}, roles=roles)
    project.write("live/accounts/main.yaml", f'id: "{account.id}"\naccess: open\nstacks: {{baseline: }}\n')
    project.module("account_baseline")
    project.write("live/stacks/baseline.yaml", BASELINE)
    project.write("live/stages/prod.yaml", "account: main\nstacks: {jobs: }\n")
    project.write("live/stacks/jobs.yaml", "module: jobs\n")
    project.write("modules/jobs/main.tf", MODULE)
    project.ready()
    sqs = account.client("sqs")
    url = sqs.create_queue(QueueName="legacy-jobs")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    state = tmp_path / "legacy.tfstate"
    state.write_text(state_of(url, arn))

    shown = project.orch("adopt", "prod/jobs", "--state", str(state), "--dry-run").out
    wanted = 'adopted_names: {queue: ["legacy-jobs"]}'
    assert wanted in shown
    assert "orch bootstrap main" in shown
    project.orch("adopt", "prod/jobs", "--state", str(state), "--yes")

    project.write("modules/mail/main.tf", MODULE.partition("variable")[0] + IMPORTED)
    project.write("live/stacks/mail.yaml", "module: mail\n")
    project.write("live/stages/prod.yaml", "account: main\nstacks: {jobs: , mail: }\n")
    size = {"MaximumMessageSize": "262144"}
    mail = sqs.create_queue(QueueName="legacy-mail", Attributes=size)["QueueUrl"]
    shown = project.orch("adopt", "prod/mail", "--resource", f"aws_sqs_queue.mail={mail}", "--dry-run").out
    assert 'adopted_names: {queue: ["legacy-mail"]}' in shown

    project.write("live/stacks/jobs.yaml", "module: jobs\ninputs: {timeout: 60}\n")
    refused = project.orch("apply", "prod/jobs", "--yes", "--json", code=1).units()["prod/jobs"]
    assert wanted in refused["cause"], refused
    project.write("live/stacks/baseline.yaml", f"{BASELINE}  {wanted}\n")
    project.orch("bootstrap", "main", "--yes")
    assert project.orch("apply", "prod/jobs", "--yes", "--json").units()["prod/jobs"]["status"] == "applied"
    found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["VisibilityTimeout"])["Attributes"]
    assert found == {"VisibilityTimeout": "60"}
