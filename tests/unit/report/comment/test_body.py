"""The comment of a stage, whole, for the changes that people make."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from orchestrator.guard.model import Finding, Severity
from orchestrator.report.comment.body import stage_comment
from orchestrator.report.comment.marker import parse_marker
from orchestrator.report.comment.stage import empty_stage, stage_plans
from orchestrator.report.model import ApprovedPlans, ApprovedUnit, ChangeLine, Judged, Status, StoredPlans, UnitReport
from orchestrator.terraform.model import Action
from tests.support.comments import (
    CONTEXT,
    RUN,
    at,
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

MEMORY = update("aws_lambda_function.this", attribute("memory_size", "256", "512", where=at(17)))
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
            upstreams=("prod/identity",),
            where=at(12, "live/stacks/api.yaml"),
        ),
    ),
)
LATER = "20261125-090000-0000"
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
    names = tuple(each.unit for each in blocked_stage() if each.status is not Status.BLOCKED)
    made = comment_of(
        *blocked_stage(),
        receipts={f"prod/{stack}": receipt(f"prod/{stack}") for stack in STACKS},
        stored=StoredPlans("s3", "2026-11-24T14:02:07+00:00", names),
        changed_lines={"live/stacks/identity.yaml": ((6, 9),)},
    )
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


def test_what_was_applied_as_approved() -> None:
    applied = unit("prod/data", MEMORY, status=Status.APPLIED)
    good = ApprovedUnit("prod/data", RUN, "3f9c2d1", "6b86b273", as_approved=True, how="as approved")
    bad = ApprovedUnit("prod/web", RUN, how="not applied", cause="the state has serial 9, not 8")
    text = comment_of(applied, run_id=LATER, approved=ApprovedPlans("s3", (good,))).text
    assert f"> [!NOTE]\n> **Applied by run `{LATER}`**, planned by `{RUN}`: 1 unit as approved.\n" in text
    text = comment_of(applied, run_id=LATER, approved=ApprovedPlans("s3", (good, bad))).text
    assert "as approved; 1 other:\n> - `prod/web`: not applied: the state has serial 9, not 8\n" in text


def test_the_footer_counts_checks_and_says_until_when_plans_are_valid() -> None:
    good, bad = Judged(("A", "B"), ("A", "B")), Judged(("A",), ("A", "B", "C"))
    units = [
        unit("prod/a", MEMORY, judged=good),
        unit("prod/b", MEMORY, judged=bad),
        unit("prod/c", status=Status.FAILED),
    ]
    stored = StoredPlans("plans", "2026-11-24T15:02:07+01:00", ("prod/a", "test/x"))
    later = StoredPlans("plans", "2026-11-25T15:02:07+01:00", ("prod/a",))
    newer = record(*units[:1], run_id=LATER, stored=later)
    for runs in ([record(*units, stored=stored), newer], [record(*units, stored=stored)]):
        (plan,) = stage_plans(runs)
        text = stage_comment(plan, CONTEXT).text
        assert "Judged: 1 of 3 checks ran on 2 plans · " in text
        assert "plans valid until 24 Nov 14:02 UTC or until their inputs change" in text
    planned = comment_of(unit("prod/a", MEMORY), stored=stored).text
    assert planned.endswith("**Next:** after the merge CI runs `orch apply prod --approved plans`.\n")
    assert "valid until" not in comment_of(unit("prod/a", MEMORY)).text
    assert "Judged: 1 plan · " in comment_of(*unchanged("prod", "a")).text


def test_nobody_is_said_to_lose_nothing() -> None:
    text = comment_of(unit("prod/a", findings=(pool_finding("prod/a", inside="0 users, by AWS's estimate"),))).text
    assert "would lose" not in text
    assert "It contains 0 users, by AWS's estimate." in text


@pytest.mark.parametrize(
    "hint",
    [
        "restore it; the waiver 0123456789 (policies/waivers.yaml:3:3) is not valid: it is expired",
        "restore it; if it is meant to happen, anna can allow it: orch waive 0123456789 --owner NAME --reason TEXT",
    ],
)
def test_the_command_for_a_waiver_is_not_given_twice_nor_beside_a_waiver_that_does_not_count(hint: str) -> None:
    assert "or, after agreement" not in comment_of(unit("prod/a", findings=(pool_finding("prod/a", hint=hint),))).text


def test_a_line_of_the_change_is_marked() -> None:
    found = (pool_finding("prod/a", where=at(7)), pool_finding("prod/a", where=at(8), rule="X"))
    lines = {"live/stages/prod.yaml": ((1, 3), (7, 7))}
    text = comment_of(unit("prod/a", findings=found), changed_lines=lines).text
    assert "prod.yaml#L7), in this pull request\n" in text
    assert "prod.yaml#L8)\n" in text
    (plan,) = stage_plans([record(unit("prod/a", findings=found), changed_lines=lines)])
    assert "#L7), in this merge request\n" in stage_comment(plan, replace(CONTEXT, change="merge request")).text


def test_lines_and_upstreams_of_a_shared_change_are_those_of_all_units() -> None:
    def made(name: str, line: int, upstream: str) -> UnitReport:
        role = attribute(
            "role", '"a"', "(known after upstream)", after_upstream=True, upstreams=(upstream,), where=at(3)
        )
        memory = attribute("memory_size", "256", "512", where=at(line))
        return unit(name, update("aws_lambda_function.this", role, memory))

    text = comment_of(made("prod/a", 17, "prod/x"), made("prod/b", 18, "prod/y")).text
    assert '!     role         "a" -> from prod/x, prod/y, after apply   # live/stages/prod.yaml:3\n' in text
    assert "!     memory_size  256 -> 512\n" in text


@pytest.mark.parametrize(
    ("before", "after", "shown"),
    [
        ('"arn:aws:iam::111111111111:role/a/orch-plan"', "", '"arn:…/orch-plan"'),
        ('"arn:aws:lambda:eu-west-1:111111111111:function:jobs:12"', "", '"arn:…:jobs:12"'),
        ('"arn:aws:s3:::ams-prod-data/*"', "", '"arn:…:ams-prod-data/*"'),
        (
            '"arn:aws:iam::111111111111:role/x"',
            '"arn:aws:iam::222222222222:role/x"',
            '"arn:aws:iam::111111111111:role/x" -> "arn:aws:iam::222222222222:role/x"',
        ),
        ('["arn:aws:sqs:eu-west-1:111111111111:one"]', '["arn:aws:sqs:eu-west-1:111111111111:two"]', '["arn:…:one"] -> ["arn:…:two"]'),
        ('"arn:aws:x"', '"no arn:"', '"arn:aws:x" -> "no arn:"'),
    ],
)  # fmt: skip
def test_arns_are_short_unless_that_hides_a_difference(before: str, after: str, shown: str) -> None:
    text = comment_of(unit("prod/a", update("a.b", attribute("value", before, after)))).text
    assert f"     value  {shown}\n" in text


def test_sixty_units(golden: Golden) -> None:
    units = [
        unit(f"prod/unit-{number:02}", update("aws_lambda_function.this", attribute("timeout", "3", str(number + 9))))
        for number in range(50)
    ]
    gone = ChangeLine("aws_sqs_queue.old", Action.DELETE, reason="it is no longer in the configuration")
    units += [unit(f"prod/old-{number}", replace(gone, address=f"aws_sqs_queue.old[{number}]")) for number in range(5)]
    units += unchanged("prod", *STACKS[:5])
    golden("comment/sixty.md", comment_of(*units).text)


def test_the_full_report_has_whole_arns_and_values() -> None:
    arn = "arn:aws:iam::111111111111:role/platform/orch-plan"
    long = f"{arn}-{'x' * 200}"
    lost = replace(
        pool_replacement(), attributes=(attribute("role", f'"{arn}"', f'"{long}"', forces_replacement=True),)
    )
    changed = update("aws_x.this", attribute("role", f'"{arn}"', '"none"'))
    head = [
        unit("prod/a", lost, status=Status.BLOCKED, findings=(pool_finding("prod/a"),)),
        unit("prod/b", changed, update("aws_y.this", attribute("role", f'"{arn}"', '"own"'))),
        unit("prod/c", changed),
    ]
    plan = only_plan(*head, base=[run(unit("prod/c", changed))])
    short, whole = (stage_comment(plan, replace(CONTEXT, whole=each)).text for each in (False, True))
    assert "arn:…" in short
    assert "arn:…" not in whole
    assert whole.count(long) == 2, "in the finding and in the details"
    assert long not in short.partition("<details")[0]
    assert whole.count(f'{arn}" -> ') == 4
