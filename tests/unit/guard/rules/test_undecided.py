"""What another unit's apply decides is told as such in a preview, and judged when it is known."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from orchestrator.guard.judge import Judge
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.rules.undecided import DECIDED, Undecided
from tests.support.checks import local_checks
from tests.support.plans import a_unit, change, plan, saved

JUDGE = Judge(local_checks(Policies.load(Path(__file__).parents[4])), states=frozenset({"states"}))
FLAGS = ("block_public_acls", "block_public_policy", "ignore_public_acls", "restrict_public_buckets")
ACCESS = "module.this.aws_s3_bucket_public_access_block.b"
VERSIONING = "module.this.aws_s3_bucket_versioning.b"
OBJECT = "module.this.aws_s3_object.o"
STACK = "module.this.aws_cloudformation_stack.s"
ON: dict[str, Any] = {"id": "b", "bucket": "b", **dict.fromkeys(FLAGS, True)}
STATUS = {"bucket": "b", "versioning_configuration": [{"status": "Enabled"}]}


def judged(folder: Path, entry: dict[str, Any], *paths: str) -> list[Finding]:
    undecided = Undecided(frozenset((entry["address"], path) for path in paths), ("dev/data",)) if paths else DECIDED
    return list(JUDGE.judge(a_unit(), saved(folder, plan(entry)), undecided=undecided).findings)


def access(unknown: Any, *, actions: tuple[str, ...] = ("update",), **after: Any) -> dict[str, Any]:
    before = None if actions == ("create",) else ON
    return change(list(actions), address=ACCESS, before=before, after=after, unknown=unknown)


EVERYTHING = dict.fromkeys((*FLAGS, "bucket", "id"), True)


@pytest.mark.parametrize("actions", [("update",), ("create",)])
def test_unknown_values_are_no_removal(tmp_path: Path, actions: tuple[str, ...]) -> None:
    """If nothing of a resource is known, its planned values are empty, as they are after a deletion."""
    (finding,) = judged(tmp_path, access(EVERYTHING, actions=actions))
    assert finding.severity is Severity.BLOCK
    assert "removed" not in finding.cause
    assert "known only after the apply" in finding.cause
    (postponed,) = judged(tmp_path, access(EVERYTHING, actions=actions), *FLAGS)
    assert postponed.severity is Severity.WARN
    assert postponed.message == "aws_s3_bucket_public_access_block.b cannot be judged before the apply of dev/data"
    assert "known only after the apply of dev/data" in postponed.cause
    assert not postponed.lost


def test_a_pool_of_which_nothing_is_known_does_not_vanish(tmp_path: Path) -> None:
    before = {"id": "p", "deletion_protection": "ACTIVE"}
    entry = change(
        ["update"], before=before, after={}, unknown={"id": True, "deletion_protection": True, "schema": True}
    )
    assert "ORCH_PROTECTED" not in {each.rule for each in judged(tmp_path, entry)}


@pytest.mark.parametrize(
    ("entry", "paths"),
    [
        # One of the values is known, and bad.
        (access({"block_public_acls": True}, **{**ON, "block_public_policy": False}), ("block_public_acls",)),
        # One of the unknown values is the unit's own.
        (access({"block_public_acls": True, "block_public_policy": True}, **ON), ("block_public_acls",)),
        # Another attribute is undecided.
        (access({"block_public_acls": True}, **ON), ("bucket",)),
        (change(["delete"], address=ACCESS, before=ON), FLAGS),
    ],
)
def test_what_is_bad_in_any_case_still_blocks(tmp_path: Path, entry: dict[str, Any], paths: tuple[str, ...]) -> None:
    assert [each.severity for each in judged(tmp_path, entry, *paths)] == [Severity.BLOCK]


def test_a_safeguard_whose_value_another_unit_decides(tmp_path: Path) -> None:
    unknown = {"versioning_configuration": [{"status": True}]}
    entry = change(
        ["update"],
        address=VERSIONING,
        before=STATUS,
        after={**STATUS, "versioning_configuration": [{}]},
        unknown=unknown,
    )
    assert [each.severity for each in judged(tmp_path, entry)] == [Severity.BLOCK]
    (finding,) = judged(tmp_path, entry, "versioning_configuration[0].status")
    assert (finding.rule, finding.severity) == ("ORCH_WEAKENED", Severity.WARN)


def test_an_object_in_a_bucket_of_another_unit(tmp_path: Path) -> None:
    after = {"key": "outputs/report.json"}
    entry = change(["create"], address=OBJECT, after=after, unknown={"bucket": True})
    assert [(each.rule, each.severity) for each in judged(tmp_path, entry)] == [("ORCH_STATE", Severity.BLOCK)]
    assert [each.severity for each in judged(tmp_path, entry, "bucket")] == [Severity.WARN]
    known = change(["create"], address=OBJECT, after={**after, "bucket": "states"}, unknown={"key": True})
    assert [each.severity for each in judged(tmp_path, known, "key")] == [Severity.BLOCK]


def stack(parameters: dict[str, Any], unknown: Any, *, pool: bool = True) -> dict[str, Any]:
    users = {"Type": "AWS::Cognito::UserPool", "Properties": {"UserPoolName": {"Ref": "Name"}}}
    topic = {"Type": "AWS::SNS::Topic", "Properties": {"TopicName": {"Ref": "Topic"}}}
    body = {"Parameters": {"Name": {"Type": "String"}, "Topic": {"Type": "String"}}}

    def template(resources: dict[str, Any]) -> str:
        return json.dumps({**body, "Resources": resources})

    old = {"template_body": template({"Users": users, "Topic": topic}), "parameters": {"Name": "a", "Topic": "t"}}
    after = {
        "template_body": template({"Users": users, "Topic": topic} if pool else {"Topic": topic}),
        "parameters": parameters,
    }
    return change(["update"], address=STACK, before=old, after=after, unknown={"parameters": unknown})


def test_a_template_whose_parameters_another_unit_decides(tmp_path: Path) -> None:
    pytest.importorskip("cfnlint")
    renamed = stack({"Topic": "t"}, {"Name": True})
    before = judged(tmp_path, renamed)
    after = judged(tmp_path, renamed, "parameters")
    assert {each.severity for each in before} <= {Severity.BLOCK}
    assert [(each.rule, each.severity) for each in after] == [("ORCH_TEMPLATE", Severity.WARN)] * len(before)
    dropped = stack({"Topic": "t"}, {"Name": True}, pool=False)
    assert [each.severity for each in judged(tmp_path, dropped, "parameters")] == [Severity.BLOCK]
