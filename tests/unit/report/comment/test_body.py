"""The comment of a stage, whole, for the changes that people make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from orchestrator.guard.model import Finding, Severity
from orchestrator.report.comment.body import stage_comment
from orchestrator.report.comment.marker import parse_marker
from orchestrator.report.comment.stage import empty_stage, stage_plans
from orchestrator.report.model import ChangeLine, Status, UnitReport
from orchestrator.terraform.model import Action
from tests.support.comments import (
    CONTEXT,
    attribute,
    comment_of,
    only_plan,
    pool_finding,
    pool_replacement,
    preview,
    receipt,
    record,
    run,
    unchanged,
    unit,
    update,
)

Golden = Callable[[str, str], None]

MEMORY = update("aws_lambda_function.this", attribute("memory_size", "256", "512"))
PERMISSION = ChangeLine(
    "aws_lambda_permission.this",
    Action.REPLACE,
    reason="it cannot be changed in place: source_arn",
    attributes=(
        attribute(
            "source_arn",
            '"arn:aws:cognito-idp:eu-west-1:111111111111:userpool/eu-west-1_AbC123"',
            "(known after upstream)",
            forces_replacement=True,
            after_upstream=True,
        ),
    ),
)
STACKS = ("network", "data", "storage", "queue", "mail", "web", "jobs", "search", "audit", "baseline")


def blocked_stage() -> list[UnitReport]:
    """The example of the documentation."""
    identity = unit(
        "prod/identity",
        pool_replacement(),
        status=Status.BLOCKED,
        findings=(pool_finding("prod/identity"),),
        cause="aws_cognito_user_pool.this would be replaced by a new, empty one: 1,284 users lost",
    )
    table = ChangeLine(
        "aws_dynamodb_table.audit", Action.CREATE, attributes=(attribute("name", "", '"ams-prod-audit"'),)
    )
    return [
        *unchanged("prod", *STACKS),
        identity,
        preview("prod/api", MEMORY, PERMISSION, after=["prod/identity"]),
        unit("prod/data-2", table),
        unit("prod/documents", MEMORY),
    ]


def test_nothing_changes(golden: Golden) -> None:
    plan = only_plan(*unchanged("prod", *STACKS))
    golden("comment/unchanged.md", stage_comment(plan, CONTEXT).text)


def test_no_unit_is_affected(golden: Golden) -> None:
    golden("comment/empty.md", stage_comment(empty_stage("prod"), CONTEXT).text)


def test_first_creation(golden: Golden) -> None:
    names = {
        "name": '"ams-dev-data"',
        "hash_key": '"id"',
        "arn": "(known after apply)",
        "billing_mode": '"PAY_PER_REQUEST"',
    }
    table = ChangeLine(
        "aws_dynamodb_table.this", Action.CREATE, attributes=tuple(attribute(k, "", v) for k, v in names.items())
    )
    queue = ChangeLine("aws_sqs_queue.this", Action.CREATE, attributes=(attribute("name", "", '"ams-dev-jobs"'),))
    waiting = unit(
        "dev/web", status=Status.AFTER_UPSTREAMS, preview=True, cause="new: planned when its upstreams are applied"
    )
    units = [unit("dev/data", table), preview("dev/jobs", queue, after=["dev/data"]), waiting]
    receipts = {"dev/data": receipt("dev/data", new=True)}
    golden("comment/creation.md", comment_of(*units, receipts=receipts, targets=("dev",)).text)


def test_a_preview(golden: Golden) -> None:
    units = [
        unit(
            "prod/identity", update("aws_cognito_user_pool_client.this", attribute("access_token_validity", "60", "30"))
        ),
        preview("prod/api", MEMORY, PERMISSION, after=["prod/identity", "prod/data"]),
        *unchanged("prod", "data"),
    ]
    receipts = {name: receipt(name) for name in ("prod/identity", "prod/data")}
    golden("comment/preview.md", comment_of(*units, receipts=receipts).text)


def test_a_replacement_blocked(golden: Golden) -> None:
    made = comment_of(*blocked_stage(), receipts={f"prod/{stack}": receipt(f"prod/{stack}") for stack in STACKS})
    golden("comment/blocked.md", made.text)
    assert parse_marker(made.text) == made.marker
    assert not made.hides_losses


def test_a_waiver_used(golden: Golden) -> None:
    waiver = "2026-11-retire by anna: every user has moved to the new pool (until 2026-12-03)"
    finding = pool_finding("prod/identity", Severity.WAIVED, waiver=waiver)
    identity = unit("prod/identity", pool_replacement(), findings=(finding,))
    golden("comment/waiver.md", comment_of(identity, *unchanged("prod", "data")).text)


def test_failures_and_warnings(golden: Golden) -> None:
    error = "Error: creating S3 Bucket (ams-prod): BucketAlreadyExists\n\n  with module.this.aws_s3_bucket.this,\n  on main.tf line 1"
    warning = Finding(
        id="0011223344",
        rule="ORCH_READS_FILE",
        unit="prod/web",
        address="module.this.local.page",
        action="",
        cause="",
        message="the name of a file is known only to Terraform",
        hint="name the file",
        severity=Severity.WARN,
    )
    units = [
        *(unit(f"prod/{n}", status=Status.FAILED, cause="BucketAlreadyExists", error=error) for n in ("a", "b")),
        unit("prod/c", status=Status.SKIPPED, cause="prod/a did not succeed"),
        unit("prod/web", MEMORY, findings=(warning,), outputs_changed=("url",)),
        unit("prod/out", outputs_changed=("url", "arn")),
    ]
    golden("comment/failed.md", comment_of(*units, refresh=False).text)


def test_what_differed_before_has_a_heading_of_its_own(golden: Golden) -> None:
    drift = update("aws_s3_bucket.this", attribute("tags.Owner", '"somebody"', '"platform"'))
    gone = ChangeLine("aws_sqs_queue.old", Action.DELETE, reason="it is no longer in the configuration")
    head = [unit("prod/data", drift, MEMORY), unit("prod/web", drift), unit("prod/jobs", gone, drift)]
    base = [unit("prod/data", drift), unit("prod/web", drift), unit("prod/jobs", gone, drift)]
    text = comment_of(*head, base=[run(*base, run_id="20261124-130000-0000")]).text
    golden("comment/before.md", text)


def test_the_same_change_is_shown_once(golden: Golden) -> None:
    units = [unit(f"prod/api-{number}", MEMORY) for number in range(6)]
    units.append(unit("prod/other", MEMORY, update("aws_lambda_function.job", attribute("timeout", "3", "9"))))
    text = comment_of(*units).text
    golden("comment/shared.md", text)
    assert text.count("memory_size") == 1


def test_stages_of_one_run_name_each_other(golden: Golden) -> None:
    units = [unit(f"{stage}/documents", MEMORY) for stage in ("dev", "test", "prod")]
    dev, test, prod = stage_plans([record(*units, targets=("*",))])
    assert [plan.stage for plan in (dev, test, prod)] == ["dev", "test", "prod"]
    golden("comment/same-elsewhere.md", stage_comment(prod, CONTEXT).text)


def test_sixty_units(golden: Golden) -> None:
    units = [
        unit(f"prod/unit-{number:02}", update("aws_lambda_function.this", attribute("timeout", "3", str(number + 9))))
        for number in range(50)
    ]
    gone = ChangeLine("aws_sqs_queue.old", Action.DELETE, reason="it is no longer in the configuration")
    units += [unit(f"prod/old-{number}", replace(gone, address=f"aws_sqs_queue.old[{number}]")) for number in range(5)]
    units += unchanged("prod", *STACKS[:5])
    golden("comment/sixty.md", comment_of(*units).text)
