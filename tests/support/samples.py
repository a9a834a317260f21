"""One run in which everything happens that a report must be able to tell."""

from __future__ import annotations

import json
from dataclasses import replace

from orchestrator.guard.model import Severity
from orchestrator.report.model import RunReport, Status, UnitReport
from orchestrator.report.values.changes import unplanned_deletes
from orchestrator.terraform.model import Action, ResourceChange
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
    marks = {("module.this.aws_lambda_function.this", "environment[0].variables"): ("prod/data",)}
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


def alike_run() -> RunReport:
    """A plan of 22 units that change alike, one of which changes more, and 9 units that do not change."""
    made = change(
        Action.CREATE,
        None,
        {"name": "errors", "threshold": 1},
        address="module.this.aws_cloudwatch_metric_alarm.errors",
        after_unknown={"arn": True, "id": True},
    )
    tags = change(
        Action.UPDATE,
        {"tags": {"owner": "platform-engineering@example.com"}},
        {"tags": {"owner": "site-reliability-engineering@example.com"}},
        address="module.this.aws_lambda_function.this",
    )
    more = change(
        Action.UPDATE, {"visibility": 30}, {"visibility": 60}, address="module.this.aws_sqs_queue.dead_letters"
    )
    alike = [unit(f"prod/unit-{n:02}", Status.PLANNED, lines(made, tags), seconds=14) for n in range(22)]
    alike[7] = replace(alike[7], changes=lines(made, tags, more))
    quiet = [unit(f"prod/same-{n}", Status.UNCHANGED, seconds=9) for n in range(9)]
    return run(*alike, *quiet, verb="plan")


def blocked_run() -> RunReport:
    """A plan that is blocked in two units, replaces something in a third, and changes two alike."""
    pool = replace(finding("prod/identity"), id="3a9c01ffee", inside="3,412 users, by AWS's estimate")
    client = replace(
        finding("prod/identity", address='module.this.aws_cognito_user_pool_client.this["web"]'),
        id="8063ec3082",
        message='module.this.aws_cognito_user_pool_client.this["web"] would be deleted: this loses the client id that '
        "released apps carry, and every session made with it",
        lost="the client id that released apps carry, and every session made with it",
    )
    gone = change(Action.DELETE, {"name": "ams-prod-identity"}, reason="delete_because_no_resource_config")
    web = change(
        Action.DELETE,
        {"name": "web"},
        address='module.this.aws_cognito_user_pool_client.this["web"]',
        reason="delete_because_no_resource_config",
    )
    runs_code = replace(
        finding("prod/jobs", address="module.this.terraform_data.run", action="create"),
        id="b6072d13c9",
        rule="ORCH_RUNS_CODE",
        message="module.this.terraform_data.run runs a command on this machine during apply",
        cause="its provisioner local-exec",
        lost="",
        hint="take the provisioner out of the module",
    )
    made = change(Action.CREATE, None, {"input": "x"}, address="module.this.terraform_data.run")
    role = change(
        Action.REPLACE,
        {"name": "ams-prod-api"},
        {"name": "ams-prod-api-2"},
        address="module.this.aws_iam_role.this",
        replace_paths=(("name",),),
        reason="replace_because_cannot_update",
    )
    return run(
        unit("prod/identity", Status.BLOCKED, lines(web, gone), findings=(client, pool), seconds=15),
        unit("prod/jobs", Status.BLOCKED, lines(made), findings=(runs_code,), seconds=4),
        unit("prod/api", Status.PLANNED, lines(role), seconds=6),
        tagged("prod/queue-a", Status.PLANNED),
        tagged("prod/queue-b", Status.PLANNED),
        unit("prod/web", Status.SKIPPED, cause="prod/identity did not succeed"),
        unit("prod/data", Status.UNCHANGED, seconds=3),
        verb="plan",
    )


def destroy_run() -> RunReport:
    """A destroy of a stage that cannot go because of a pool, so that nothing of it goes."""

    def gone(kind: str, name: str, values: dict[str, str]) -> ResourceChange:
        return change(Action.DELETE, values, address=f"module.this.{kind}.{name}")

    pool = replace(
        finding("dev/identity"),
        id="b29c3655ed",
        cause="the whole unit would be destroyed",
        message="module.this.aws_cognito_user_pool.this would be deleted: this loses every user in the pool, with "
        "their passwords, MFA devices and ids",
        lost="every user in the pool, with their passwords, MFA devices and ids",
        hint="keep it; what is protected is not destroyed with its unit",
        inside="12 users",
    )
    kept = "kept: another unit of this destroy cannot go"
    api_ = [
        gone("aws_lambda_function", "this", {"function_name": "ams-dev-api", "id": "ams-dev-api", "runtime": "py"}),
        gone("aws_iam_role", "this", {"name": "ams-dev-api", "id": "ams-dev-api"}),
        gone("aws_cloudwatch_log_group", "this", {"name": "/aws/lambda/ams-dev-api", "retention_in_days": "30"}),
    ]
    queue = [gone("aws_sqs_queue", name, {"name": f"ams-dev-{name}"}) for name in ("jobs", "dead_letters")]
    return run(
        unit("dev/api", Status.SKIPPED, lines(*api_), cause=kept, seconds=6),
        unit("dev/jobs", Status.SKIPPED, lines(*queue), cause=kept, seconds=6),
        unit("dev/jobs@us-east-1", Status.SKIPPED, lines(*queue), region="us-east-1", cause=kept, seconds=6),
        unit(
            "dev/identity",
            Status.BLOCKED,
            [
                *lines(gone("aws_cognito_user_pool_domain", "this[0]", {"domain": "ams-dev", "id": "ams-dev"})),
                *unplanned_deletes((), (POOL,)),
            ],
            findings=(pool,),
            cause="Instance cannot be destroyed",
            seconds=15,
        ),
        unit("dev/documents", Status.UNCHANGED, cause="nothing there"),
        verb="destroy",
        targets=("dev",),
    )


def bootstrap_run() -> RunReport:
    """The baselines of two accounts: one is created, one changes."""

    def new(kind: str, name: str, values: dict[str, str]) -> ResourceChange:
        return change(Action.CREATE, None, values, address=f"module.this.{kind}.{name}")

    created = lines(
        new("aws_iam_policy", "look", {"name": "orch-plan-look", "policy": "{}"}),
        new("aws_iam_policy", "change", {"name": "orch-apply-change", "policy": "{}"}),
        new("aws_iam_role", "plan", {"name": "orch-plan", "description": "Plans."}),
        new("aws_iam_role_policy_attachment", 'apply["a.b"]', {"role": "orch-apply"}),
        new("aws_iam_role_policy_attachment", 'apply["c"]', {"role": "orch-apply"}),
    )
    role = "module.this.aws_iam_role.apply"
    before, after = ({"assume_role_policy": json.dumps({"Action": each})} for each in ("sts:*", "sts:AssumeRole"))
    changed = lines(change(Action.UPDATE, before, after, address=role))
    units = (
        unit("development/baseline", Status.PLANNED, created, account="development", seconds=2),
        unit("production/baseline", Status.PLANNED, (*created, *changed), seconds=2),
    )
    return run(*units, verb="bootstrap", targets=("development", "production"))
