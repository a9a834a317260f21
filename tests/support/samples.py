"""One run in which everything happens that a report must be able to tell."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.guard.model import Severity
from orchestrator.report.model import RunReport, Status, UnitReport
from orchestrator.terraform.model import Action
from tests.support.reports import POOL, change, finding, lines, run, unit

ERROR = """
Error: creating DynamoDB Table (ams-prod-data-users): ResourceInUseException: Table already exists: ams-prod-data-users

  with module.this.aws_dynamodb_table.this["users"],
  on modules/table/main.tf line 1, in resource "aws_dynamodb_table" "this":
   1: resource "aws_dynamodb_table" "this" {

"""


def identity() -> UnitReport:
    """A pool that would be deleted and its domain replaced."""
    gone = change(
        Action.DELETE,
        {"name": "ams-prod-identity", "deletion_protection": "ACTIVE"},
        reason="delete_because_no_resource_config",
    )
    domain = change(
        Action.REPLACE,
        {"domain": "ams-prod", "user_pool_id": "eu-west-1_abc", "id": "ams-prod"},
        {"domain": "ams-prod-login", "user_pool_id": "eu-west-1_abc"},
        address="module.this.aws_cognito_user_pool_domain.this",
        after_unknown={"id": True, "cloudfront_distribution": True},
        replace_paths=(("domain",),),
        reason="replace_because_cannot_update",
    )
    warning = replace(
        finding("prod/identity", address="module.this.aws_cognito_user_pool_domain.this", action="replace"),
        id="f-77",
        rule="ORCH_DOMAIN",
        severity=Severity.WARN,
        message="links to the old sign-in page stop working",
        lost="",
        where=None,
    )
    waived = replace(
        finding("prod/identity", address="module.this.aws_cognito_user_pool_client.job", severity=Severity.WAIVED),
        id="f-12",
        message="a client of the pool would be deleted",
        lost="the client's id, which its users have configured",
        waiver="2026-03-retire-job by anna: the job runs elsewhere since January (until 2026-03-12)",
    )
    counted = replace(finding("prod/identity"), inside="3 users")
    return unit(
        "prod/identity",
        Status.BLOCKED,
        lines(gone, domain),
        findings=(counted, warning, waived),
        seconds=6.4,
        log=".orch/runs/20260301-101500-7f3a/units/prod/identity/eu-west-1/log",
    )


def tagged(name: str, status: Status = Status.APPLIED) -> UnitReport:
    """A unit in which one tag changes, as in the others of its kind."""
    tags = change(
        Action.UPDATE, {"tags": {"owner": "a"}}, {"tags": {"owner": "b"}}, address="module.this.aws_sqs_queue.this"
    )
    return unit(name, status, lines(tags), seconds=3)


def api() -> UnitReport:
    """A preview with values from upstreams, secrets, lists and a policy."""
    secret = {"environment": [{"variables": {"STRIPE": True}}]}
    function = change(
        Action.UPDATE,
        {
            "memory_size": 256,
            "environment": [{"variables": {"STRIPE": "sk_live_1", "TABLE": "users", "DB_PASSWORD": "x"}}],
            "layers": ["arn:aws:lambda:eu-west-1:1:layer:a:1", "arn:aws:lambda:eu-west-1:1:layer:b:7"],
        },
        {
            "memory_size": 512,
            "environment": [{"variables": {"STRIPE": "sk_live_2", "DB_PASSWORD": "y"}}],
            "layers": ["arn:aws:lambda:eu-west-1:1:layer:b:7"],
        },
        address="module.this.aws_lambda_function.this",
        after_unknown={"environment": [{"variables": {"TABLE": True}}]},
        before_sensitive=secret,
        after_sensitive=secret,
    )
    role = change(
        Action.CREATE,
        None,
        {"name": "ams-prod-api", "assume_role_policy": '{"Statement":[{"Sid":"Run","Effect":"Allow"}]}', "tags": {}},
        address='module.this.aws_iam_role.this["api"]',
        after_unknown={"arn": True, "id": True, "unique_id": True},
    )
    moved = change(
        Action.NOOP,
        {"name": "x"},
        {"name": "x"},
        address="module.this.aws_cloudwatch_log_group.this",
        previous_address="module.this.aws_cloudwatch_log_group.main",
        importing="/aws/lambda/ams-prod-api",
    )
    forgotten = change(Action.FORGET, {"id": "q"}, None, address="module.this.aws_sqs_queue.old")
    marks = frozenset({("module.this.aws_lambda_function.this", "environment[0].variables")})
    return unit(
        "prod/api",
        Status.PLANNED,
        lines(function, role, moved, forgotten, marks=marks),
        preview=True,
        cause="previewed against the plans of prod/data, prod/identity",
        outputs_changed=("function_arn", "url"),
        seconds=4.9,
    )


def whole_run() -> RunReport:
    """Every status, every section."""
    failed = unit(
        "prod/data",
        Status.FAILED,
        cause="creating DynamoDB Table (ams-prod-data-users): ResourceInUseException",
        error=ERROR,
        log=".orch/runs/20260301-101500-7f3a/units/prod/data/eu-west-1/log",
        seconds=12,
    )
    twin = replace(failed, unit="prod/data@us-east-1", region="us-east-1", log=failed.log.replace("eu-west", "us-east"))
    skipped = [unit(f"prod/{n}", Status.SKIPPED, cause="prod/data did not succeed") for n in ("web", "search")]
    return run(
        identity(),
        failed,
        twin,
        api(),
        *(tagged(f"prod/queue-{n}") for n in "abcdefgh"),
        tagged("prod/queue-i", Status.DECLINED),
        *skipped,
        unit("prod/edge", Status.AFTER_UPSTREAMS, cause="Error: Invalid for_each argument", preview=True),
        unit("prod/mail", Status.STALE, cause=f"delete {POOL}: not in the preview", seconds=5),
        unit("prod/slow", Status.INTERRUPTED, cause="not started"),
        *(unit(f"prod/same-{n:02}", Status.UNCHANGED, seconds=2) for n in range(14)),
        unit("prod/out", Status.PLANNED, outputs_changed=("arn",)),
        notes=("logs and plans of this run: .orch/runs/20260301-101500-7f3a",),
    )
