"""What findings say: a headline with the loss, every sentence once, and ids that stay the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from orchestrator.config.nodes import Node
from orchestrator.errors import Location
from orchestrator.guard.findings import (
    DISAGREE,
    PROTECTED,
    TEMPLATE,
    VANISHED,
    FindingBuilder,
    finding_id,
    headline,
)
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.policies.protected import Protected
from orchestrator.terraform.model import Action, ResourceChange
from tests.support.plans import POOL, a_unit

LISTED = Protected.read(Path(__file__).parents[3] / "policies/protected.yaml")
DELETED = ResourceChange(
    address=POOL, type="aws_cognito_user_pool", name="this", provider="aws", mode="managed", action=Action.DELETE
)


def loss(address: str = POOL, action: Action = Action.DELETE, **more: Any) -> Finding:
    changed = replace(DELETED, address=address, action=action)
    return replace(FindingBuilder(a_unit(), Path("/none"), LISTED).loss(changed), **more)


@pytest.mark.parametrize(
    ("findings", "line"),
    [
        ([loss()], "aws_cognito_user_pool.this would be deleted"),
        ([loss(inside="not counted")], "aws_cognito_user_pool.this would be deleted"),
        ([loss(inside="0 users, by AWS's estimate")], "aws_cognito_user_pool.this would be deleted"),
        (
            [loss(action=Action.REPLACE, inside="1,284 users, by AWS's estimate")],
            "aws_cognito_user_pool.this would be replaced by a new, empty one: 1,284 users lost",
        ),
        ([loss(), loss(rule=DISAGREE), loss("module.this.aws_x.b"), loss("module.this.aws_x.c")],
         "3 protected resources would be lost"),
        ([loss(), replace(loss("a"), rule=VANISHED, action=""), loss(rule=TEMPLATE, address="s/Pool")],
         "3 protected resources would be lost"),
        ([loss(), loss("module.this.aws_x.b", severity=Severity.WAIVED)], "aws_cognito_user_pool.this would be deleted"),
        ([loss(rule="ORCH_WEAKENED", message="a safeguard would be removed")], "a safeguard would be removed"),
        ([loss(rule=TEMPLATE, action=Action.UPDATE, message="a safeguard would be removed")],
         "a safeguard would be removed"),
        ([loss(severity=Severity.WARN)], ""),
        ([], ""),
    ],
)  # fmt: skip
def test_the_headline_says_what_would_be_lost(findings: list[Finding], line: str) -> None:
    assert headline(findings) == line


MODULE = """\
resource "aws_cognito_user_pool" "this" {
  username_attributes = var.sign_in.username_attributes
  alias_attributes    = concat(var.sign_in.alias_attributes, [])
}
"""


@pytest.mark.parametrize(
    ("attribute", "place"),
    [
        ("username_attributes", "live/stacks/identity.yaml:5"),  # passed on: where it is written
        ("alias_attributes", "modules/pool/main.tf:3"),  # decided by an expression: that one
    ],
)
def test_a_replacement_is_shown_where_the_attribute_that_forces_it_is_written(
    tmp_path: Path, attribute: str, place: str
) -> None:
    folder = tmp_path / "modules/pool"
    folder.mkdir(parents=True)
    (folder / "main.tf").write_text(MODULE)
    line = Location("live/stacks/identity.yaml", 5, 14)
    sign_in = Node({name: Node("email", line) for name in ("username_attributes", "alias_attributes")}, line)
    changed = replace(
        DELETED, action=Action.REPLACE, before={}, after={}, module_address="module.this", replace_paths=((attribute,),)
    )
    found = FindingBuilder(a_unit({"sign_in": sign_in}, folder), tmp_path, LISTED).loss(changed).where
    assert found is not None
    assert f"{found.file}:{found.line}" == place


def every_finding() -> list[Finding]:
    builder = FindingBuilder(a_unit(), Path("/none"), LISTED, (DELETED,))
    created = replace(DELETED, action=Action.CREATE, after={"name": "x"})
    rule, hint = "ORCH_WEAKENED", "restore it"
    return [
        *(builder.loss(replace(DELETED, action=each)) for each in (Action.DELETE, Action.REPLACE, Action.FORGET)),
        builder.vanished(POOL, DELETED.type, created, cause="it is in the state", hint="check AWS"),
        builder.vanished(POOL, DELETED.type, None, cause="it is in the state", hint="check AWS"),
        builder.violation(rule, created, name="weaker", hint=hint, details=["x would be off"], guards_data=True),
        builder.state_access(created, "its bucket x is a state bucket"),
        builder.unreadable("its JSON is missing"),
        builder.unreadable("unknown actions []", address=POOL),
        builder.check_failed(PROTECTED, POOL, "it returned no result", policy="protected"),
        builder.check_failed(PROTECTED, "", "checkov failed with KeyError", policy="protected"),
        builder.disagreement(POOL),
        builder.errored_plan(),
        builder.canary(["aws_x could be deleted: the check does not stop it", "more"]),
        builder.policy_weakened("aws_x", "aws_x would no longer be protected", Location("policies/protected.yaml", 3)),
    ]


@pytest.mark.parametrize("finding", every_finding(), ids=lambda each: f"{each.rule}-{each.action or each.address}")
def test_no_sentence_is_repeated_in_one_finding(finding: Finding) -> None:
    parts = [finding.message, finding.cause, finding.hint, finding.lost]
    said = [part for part in parts if part]
    assert finding.message
    assert finding.cause
    assert finding.hint
    for part in said:
        assert not any(part in other for other in said if other is not part), part
    for part in said:
        assert not part.endswith("."), part


def test_details_that_are_alike_are_said_once() -> None:
    """A schema can lose two attributes without names, and a policy two statements that deny the same."""
    details = ["schema: an element would be removed", "x would be off", "schema: an element would be removed"]
    created = replace(DELETED, action=Action.UPDATE, before={}, after={"name": "x"})
    builder = FindingBuilder(a_unit(), Path("/none"), LISTED, (DELETED,))
    found = builder.violation("X", created, name="n", hint="h", details=details, guards_data=True)
    assert found.cause == "schema: an element would be removed; x would be off"


def test_an_id_depends_on_rule_unit_address_and_action_alone() -> None:
    first = loss()
    assert first.id == finding_id("ORCH_PROTECTED", "prod/identity", POOL, "delete") == "d853b0c187"
    assert len({each.id for each in every_finding()}) == len(every_finding())


def test_messages_show_addresses_without_the_call_that_every_unit_has() -> None:
    assert loss().address == POOL
    assert loss().message.startswith("aws_cognito_user_pool.this ")
