"""Whether the apply role is denied deletions: looked at before an apply, beside everything else, and never in vain."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.config.catalogue import Catalogue
from orchestrator.guard.model import Finding, Severity
from orchestrator.run.checks.blocked import BlockedUnits
from orchestrator.run.checks.listing import AccountListing
from orchestrator.run.checks.roles import RoleCheck
from tests.support.aws import Answer, Call, FakeAws, World, catalogue, give_keys, refused, standard_chain

APIS = ("cognito-idp:DeleteUserPool", "dynamodb:DeleteTable")
ALL = {"Effect": "Deny", "Action": list(APIS), "Resource": ["*"]}
ALLOW = {"Effect": "Allow", "Action": "*", "Resource": "*"}


class Iam:
    """IAM, which has a few policies attached to each role. ``inline``: one that is written into it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.attached: dict[str, Any] = {"orch-apply-change": ALLOW, "orch-apply-deletes": ALL}
        self.inline: dict[str, Any] = {}
        self.refuse = ""

    def __call__(self, call: Call) -> Answer:
        action = call.action
        if not action.endswith(("Policies", "Policy", "PolicyVersion")):
            return self.world(call)
        if action == self.refuse:
            return refused("AccessDenied", "not authorized to perform this")
        return _answer(action, self._content(action, call.fields))

    def _content(self, action: str, fields: Mapping[str, str]) -> str:
        if action == "ListAttachedRolePolicies":
            found = "".join(
                f"<member><PolicyName>{name}</PolicyName><PolicyArn>arn:aws:iam::1:policy/{name}</PolicyArn></member>"
                for name in self.attached
            )
            return f"<IsTruncated>false</IsTruncated><AttachedPolicies>{found}</AttachedPolicies>"
        if action == "ListRolePolicies":
            found = "".join(f"<member>{name}</member>" for name in self.inline)
            return f"<IsTruncated>false</IsTruncated><PolicyNames>{found}</PolicyNames>"
        if action == "GetPolicy":
            return "<Policy><DefaultVersionId>v3</DefaultVersionId></Policy>"
        if action == "GetPolicyVersion":
            assert fields["VersionId"] == "v3"
            document = _document(self.attached[fields["PolicyArn"].rpartition("/")[2]])
            return f"<PolicyVersion><Document>{document}</Document></PolicyVersion>"
        document = _document(self.inline[fields["PolicyName"]])
        return f"<RoleName>r</RoleName><PolicyName>p</PolicyName><PolicyDocument>{document}</PolicyDocument>"


def _document(statement: Any) -> str:
    return quote(json.dumps({"Version": "2012-10-17", "Statement": [statement]}))


def _answer(action: str, content: str) -> Answer:
    space = "https://iam.amazonaws.com/doc/2010-05-08/"
    return Answer(
        200, f'<{action}Response xmlns="{space}"><{action}Result>{content}</{action}Result></{action}Response>'
    )


@pytest.fixture
def iam() -> Iam:
    return Iam(World())


@pytest.fixture
def aws(iam: Iam, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[FakeAws]:
    with standard_chain(iam.world, tmp_path, monkeypatch) as fake:
        give_keys(monkeypatch)
        fake.answer = iam
        yield fake


@pytest.fixture
def live(tmp_path: Path) -> Catalogue:
    """``production`` has a baseline."""
    return catalogue(tmp_path)


def listing(live: Catalogue, *folders: str, name: str = "production") -> AccountListing:
    return AccountListing(live.accounts[name], Role.PLAN, (), {}, dict.fromkeys(folders, datetime.now(UTC)))


def checked(live: Catalogue, *listed: AccountListing, waived: bool = False) -> BlockedUnits:
    def allow(finding: Finding) -> Finding:
        return replace(finding, severity=Severity.WAIVED, waiver="w by anna") if waived else finding

    check = RoleCheck(live, Identities(live, None), APIS, waived=allow)
    return check.block(BlockedUnits(), check.read(["production"]), listed or (listing(live),))


def with_role(live: Catalogue, name: str, **changes: Any) -> Catalogue:
    roles = replace(live.accounts[name].roles, **changes)
    return replace(live, accounts={**live.accounts, name: replace(live.accounts[name], roles=roles)})


def asked(aws: FakeAws) -> Sequence[str]:
    return [call.action for call in aws.calls if "Polic" in call.action]


def test_the_policy_of_the_baseline_is_enough_and_the_only_one_that_is_read(aws: FakeAws, live: Catalogue) -> None:
    assert checked(live) == BlockedUnits()
    assert asked(aws) == ["ListAttachedRolePolicies", "GetPolicy", "GetPolicyVersion"]
    assert {call.fields["RoleName"] for call in aws.calls if "RoleName" in call.fields} == {"orch-apply"}
    roles = {aws_role for call in aws.calls if "Polic" in call.action for aws_role in [call.key_id]}
    assert len(roles) == 1


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    ("attached", "inline"),
    [
        ({"own": ALL}, {}),
        ({}, {"own": ALL}),
        ({"a": {**ALL, "Action": APIS[0]}}, {"b": {**ALL, "Action": "dynamodb:*"}}),
    ],
)
def test_any_policy_of_the_role_may_deny_it(iam: Iam, live: Catalogue, attached: Any, inline: Any) -> None:
    iam.attached, iam.inline = {"allow": ALLOW, **attached}, inline
    assert checked(live) == BlockedUnits()


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    "attached",
    [
        {},
        {"orch-apply-deletes": {**ALL, "Action": "s3:x"}},
        {"admin": ALLOW},
        {"guardrails": {**ALL, "Action": APIS[0]}},
    ],
)
def test_where_nothing_is_denied_the_account_is_blocked(iam: Iam, live: Catalogue, attached: Any) -> None:
    iam.attached = attached
    found = checked(live)
    (report,) = found.reports
    assert (report.unit, set(found.accounts)) == ("account:production", {"production"})
    (finding,) = report.findings
    assert (finding.rule, finding.address) == ("ORCH_APPLY_ROLE", "orch-apply")
    assert APIS[1] in finding.cause
    assert "`orch bootstrap production`" in finding.hint
    assert checked(live, waived=True).accounts == {}


@pytest.mark.usefixtures("aws")
def test_a_policy_that_is_not_up_to_date_is_noted(iam: Iam, live: Catalogue) -> None:
    """A longer list reaches IAM with the next bootstrap; until then applies go on."""
    iam.attached = {"orch-apply-deletes": {**ALL, "Action": APIS[0]}}
    found = checked(live)
    assert (found.accounts, len(found.notes)) == ({}, 1)
    assert APIS[1] in found.notes[0]
    assert "`orch bootstrap production` brings its policy up to date" in found.notes[0]


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("action", ["ListAttachedRolePolicies", "GetPolicy", "GetPolicyVersion"])
def test_what_cannot_be_read_is_noted(iam: Iam, live: Catalogue, action: str) -> None:
    iam.refuse = action
    found = checked(live)
    assert found.accounts == {}
    assert "production: whether IAM denies deletions is unknown" in found.notes[0]


@pytest.mark.parametrize("role", ["bootstrap", "break_glass"])
def test_the_apply_role_is_none_that_may_delete(aws: FakeAws, live: Catalogue, role: str) -> None:
    live = with_role(live, "production", apply=getattr(live.accounts["production"].roles, role))
    found = checked(live)
    assert f"roles.{role}" in found.reports[0].findings[0].cause
    assert asked(aws) == [], "IAM is not asked about what live/ says already"


def test_an_account_without_a_baseline_is_looked_at_if_it_is_restricted_and_never_blocked(
    aws: FakeAws, iam: Iam, live: Catalogue
) -> None:
    iam.attached = {}
    live = replace(live, units={name: unit for name, unit in live.units.items() if not unit.baseline})
    assert checked(live) == BlockedUnits()
    assert asked(aws) == []
    accounts = {**live.accounts, "production": replace(live.accounts["production"], restricted=True)}
    found = checked(replace(live, accounts=accounts))
    assert (found.accounts, len(found.notes)) == ({}, 1)
    assert "the apply role of production may delete protected resources" in found.notes[0]


@pytest.mark.usefixtures("aws")
def test_a_baseline_that_was_removed_from_live_is_there_all_the_same(live: Catalogue) -> None:
    live = replace(live, units={name: unit for name, unit in live.units.items() if not unit.baseline})
    live = with_role(live, "production", apply="OrganizationAccountAccessRole")
    found = checked(live, listing(live, "production/baseline/eu-west-1"))
    assert set(found.accounts) == {"production"}
