"""An import is accepted only if nothing changes; otherwise the report says what differs, and which input to write."""

from __future__ import annotations

from pathlib import Path

import pytest

from orchestrator.errors import UsageError
from orchestrator.report.model import AttributeChange, ChangeLine, Status, UnitReport
from orchestrator.run.migrate.imports import judge_imports, parse_imports
from orchestrator.terraform.model import Action

MAIN = """\
resource "aws_sqs_queue" "this" {
  name                       = var.names.queue
  delay_seconds              = 5
  visibility_timeout_seconds = var.timeout
  message_retention_seconds  = var.days * 86400

  dynamic "redrive" {
    for_each = var.dead_letter[*]

    content {
      count = redrive.value
    }
  }
}

resource "aws_sns_topic" "this" {
  for_each     = var.topics
  display_name = each.value.title
}
"""
QUEUE = "aws_sqs_queue.this"


@pytest.fixture
def module(tmp_path: Path) -> Path:
    folder = tmp_path / "modules" / "queue"
    folder.mkdir(parents=True)
    (folder / "main.tf").write_text(MAIN)
    return folder


def change(
    path: str = "", before: str = "45", after: str = "30", *, address: str = QUEUE, action: Action = Action.UPDATE
) -> ChangeLine:
    attributes = (AttributeChange(path, before, after),) if path else ()
    return ChangeLine(address, action, attributes=attributes, imported_id="id")


def report(*changes: ChangeLine, status: Status = Status.PLANNED) -> UnitReport:
    return UnitReport("prod/tasks", "main", "eu-west-1", status, changes=changes)


@pytest.mark.parametrize(
    ("path", "says"),
    [
        ("visibility_timeout_seconds", " — write under inputs: timeout: 45 (modules/queue/main.tf:4:3)"),
        ("name", " — write under inputs: names: {queue: 45} (modules/queue/main.tf:2:3)"),
        ("message_retention_seconds", " — change it under inputs: days (modules/queue/main.tf:5:3)"),
        ("delay_seconds", " — the module sets it itself: modules/queue/main.tf:3:3"),
        ("redrive[0].count", " — change it under inputs: dead_letter (modules/queue/main.tf:7:3)"),
        ("policy", " — modules/queue/main.tf:1:1 does not set it"),
    ],
)
def test_each_difference_says_which_input_to_write(module: Path, tmp_path: Path, path: str, says: str) -> None:
    verdict = judge_imports(report(change(path)), {QUEUE: "id"}, module, tmp_path)
    assert verdict.problems == (f"{QUEUE}.{path} is 45 in AWS and 30 in the configuration{says}",)
    assert verdict.report.status is Status.BLOCKED
    assert QUEUE in verdict.report.cause


def test_an_entry_of_a_map_names_the_input_of_the_loop(module: Path, tmp_path: Path) -> None:
    address = 'aws_sns_topic.this["a"]'
    verdict = judge_imports(report(change("display_name", address=address)), {address: "id"}, module, tmp_path)
    assert verdict.problems[0].endswith(" — change it under inputs: topics (modules/queue/main.tf:18:3)")


def test_only_the_tags_of_live_may_be_added(module: Path, tmp_path: Path) -> None:
    tagged = judge_imports(report(change("tags_all.stage", "", '"prod"')), {QUEUE: "id"}, module, tmp_path)
    assert (tagged.problems, tagged.tagged, tagged.report.status) == ((), (QUEUE,), Status.PLANNED)
    own = judge_imports(report(change("tags.team", '"a"', "")), {QUEUE: "id"}, module, tmp_path)
    assert "tags.team is" in own.problems[0]
    assert own.tagged == ()


def test_what_is_made_replaced_or_already_there_is_refused(tmp_path: Path) -> None:
    imported = change(action=Action.NOOP)
    made = ChangeLine("aws_sqs_queue.more", Action.CREATE)
    problems = judge_imports(report(imported, made), {QUEUE: "id"}, None, tmp_path).problems
    assert problems == (
        "aws_sqs_queue.more does not exist in the state and is not imported: the next apply would create it",
    )
    replaced = change(action=Action.REPLACE)
    assert "would be replaced" in judge_imports(report(replaced), {QUEUE: "id"}, None, tmp_path).problems[0]
    there = judge_imports(report(status=Status.UNCHANGED), {QUEUE: "id"}, None, tmp_path).problems
    assert there == (f"{QUEUE} is already in the state of prod/tasks: leave it out",)


def test_a_plan_that_failed_is_reported_as_it_is(tmp_path: Path) -> None:
    failed = report(status=Status.FAILED)
    assert judge_imports(failed, {QUEUE: "id"}, None, tmp_path).report is failed


@pytest.mark.parametrize(
    ("pair", "address", "id_"),
    [
        ("aws_sqs_queue.this=https://x/y=z", "aws_sqs_queue.this", "https://x/y=z"),
        ('module.this.aws_sqs_queue.this["a=b"]=c', 'aws_sqs_queue.this["a=b"]', "c"),
        ("module.inner[0].aws_x.y=c", "module.inner[0].aws_x.y", "c"),
    ],
)
def test_an_address_and_an_id_are_split_at_the_right_place(pair: str, address: str, id_: str) -> None:
    assert parse_imports([pair]) == {address: id_}


@pytest.mark.parametrize("pair", ["aws_x.y", "=id", "aws_x.y=", ""])
def test_anything_else_is_refused(pair: str) -> None:
    with pytest.raises(UsageError, match="is not ADDRESS=ID"):
        parse_imports([pair])
