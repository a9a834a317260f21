"""Waivers: mistakes in the file, and what a waiver allows."""

from __future__ import annotations

import string
from dataclasses import replace
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.errors import CatalogueError
from orchestrator.guard.findings import finding_id
from orchestrator.guard.model import Finding, Severity, Verdict
from orchestrator.guard.trust.owners import Owners
from orchestrator.guard.trust.waiver_policy import DeclaredWaiver, WaiverPolicy
from orchestrator.guard.trust.waivers import (
    MAX_VALIDITY,
    UNWAIVABLE,
    Waiver,
    Waivers,
    canonical,
    parse_waivers,
    waiver_problems,
)

TODAY = date(2026, 11, 26)
OWNERS = Owners({"anna": frozenset({"anna@example.com"}), "carl": frozenset({"carl@example.com"})})
POOL = "module.this.aws_cognito_user_pool.this"
GOOD = """\
- id: gone
  rule: ORCH_PROTECTED
  unit: prod/identity
  address: aws_cognito_user_pool.this
  owner: anna
  reason: every user has moved
  expires: 2026-12-01
"""


def waiver(**over: object) -> Waiver:
    fields: dict[str, object] = {
        "id": "gone",
        "rule": "ORCH_PROTECTED",
        "unit": "prod/identity",
        "address": POOL,
        "owner": "anna",
        "reason": "every user has moved",
        "expires": TODAY + timedelta(days=5),
    }
    return Waiver(**{**fields, **over})  # type: ignore[arg-type]


def finding(
    rule: str = "ORCH_PROTECTED", unit: str = "prod/identity", address: str = POOL, action: str = "delete"
) -> Finding:
    return Finding(finding_id(rule, unit, address, action), rule, unit, address, action, "why", "what", "do that")


def counting(*entries: Waiver, today: date = TODAY) -> Waivers:
    return Waivers(entries=entries, owners=OWNERS, today=lambda: today)


def waiver_policy(*entries: Waiver, today: date = TODAY) -> WaiverPolicy:
    return WaiverPolicy(counting(*entries, today=today), [DeclaredWaiver(each) for each in entries])


def test_a_valid_file_is_read_with_its_lines() -> None:
    other = GOOD.replace("gone", "second").replace("pool.this", "pool.b").replace("2026-12-01", '"2026-12-01"')
    first, second = parse_waivers(f"# header\n{GOOD}{other}".encode(), shown_as="policies/waivers.yaml")
    assert (first.id, first.expires, str(first.at), first.end) == (
        "gone",
        date(2026, 12, 1),
        "policies/waivers.yaml:2:3",
        8,
    )
    assert (second.expires, second.at.line, second.end) == (date(2026, 12, 1), 9, 15)
    assert list(waiver_problems((first, second), OWNERS, TODAY)) == []


@pytest.mark.parametrize("text", ["", "# nothing\n", "[]\n"])
def test_a_file_may_be_empty(text: str) -> None:
    assert parse_waivers(text.encode(), shown_as="w") == ()


@pytest.mark.parametrize(
    ("old", "new", "where", "what"),
    [
        ("ORCH_PROTECTED", "ORCH_*", "2:3", "must name exactly one"),
        ("ORCH_PROTECTED", "orch_protected", "2:3", "is invalid"),
        ("ORCH_PROTECTED", '""', "2:3", "must name exactly one"),
        ("prod/identity", '"prod/*"', "3:3", "must name exactly one"),
        ("prod/identity", '"*/identity"', "3:3", "must name exactly one"),
        ("prod/identity", "prod", "3:3", "is invalid"),
        ("aws_cognito_user_pool.this", '"*"', "4:3", "must name exactly one"),
        ("aws_cognito_user_pool.this", "aws_cognito_user_pool.*", "4:3", "must name exactly one"),
        ("aws_cognito_user_pool.this", "aws_s3_bucket.this[*]", "4:3", "must name exactly one"),
        ("aws_cognito_user_pool.this", "aws_s3_bucket.thi?", "4:3", "must name exactly one"),
        ("aws_cognito_user_pool.this", "module.this", "4:3", "a whole module"),
        ("aws_cognito_user_pool.this", 'module.this.module.a["b.c"]', "4:3", "a whole module"),
        ("aws_cognito_user_pool.this", '""', "4:3", "must name exactly one"),
        ("aws_cognito_user_pool.this", "[a, b]", "4:3", "must be text"),
        ("every user has moved", '"  "', "6:3", "must be one line of text"),
        ("  reason: every user has moved\n", "", "1:3", "is missing"),
        ("2026-12-01", "tomorrow", "7:3", "must be a date"),
        ("2026-12-01", "2026-12-01T10:00:00", "7:3", "must be a date"),
        ("2026-12-01", '"2026-13-01"', "7:3", "must be a date"),
        ("2026-12-01", "20261201", "7:3", "must be a date"),
        ("2026-12-01", "null", "7:3", "must be a date"),
        ("expires: 2026-12-01", "expires: 2026-12-01\n  plan: abc", "8:3", "is invalid"),
        ("expires: 2026-12-01", "expires: 2026-12-01\n  forever: true", "8:3", "unknown key"),
        ("id: gone", "id: Gone 1", "1:3", "is invalid"),
        ("- id: gone", "- id: gone\n  id: gone", "2:3", "duplicate key"),
        ("- id: gone", "- &z\n  id: gone", "1:3", "anchors are not allowed"),
        ("unit: prod/identity", "unit: &u prod/identity", "3:9", "anchors are not allowed"),
        ("unit: prod/identity", "unit: *u", "3:9", "aliases are not allowed"),
        ("- id: gone", "- <<: {id: gone}", "1:3", "merge keys are not allowed"),
    ],
)
def test_a_mistake_is_reported_with_its_location(old: str, new: str, where: str, what: str) -> None:
    assert old in GOOD
    with pytest.raises(CatalogueError) as caught:
        parse_waivers(GOOD.replace(old, new, 1).encode(), shown_as="policies/waivers.yaml")
    first = caught.value.problems[0]
    assert what in first.what
    assert str(first.where) == f"policies/waivers.yaml:{where}"


@pytest.mark.parametrize(
    ("written", "hint"),
    [
        ("expire", 'did you mean "expires"?'),
        ("adress", 'did you mean "address"?'),
        ("forever", "known keys: id, rule, unit, address, owner, reason, expires, plan"),
    ],
)
def test_an_unknown_key_names_the_one_that_is_meant(written: str, hint: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        parse_waivers(f"{GOOD}  {written}: x\n".encode(), shown_as="policies/waivers.yaml")
    assert [each.hint for each in caught.value.problems if each.what.endswith("unknown key")] == [hint]


@pytest.mark.parametrize("separator", ["\r", "\x85", "\u2028", "\u2029"])
def test_a_line_break_that_git_does_not_count_is_refused(separator: str) -> None:
    """It would shift the lines that git blame is asked about."""
    with pytest.raises(CatalogueError) as caught:
        parse_waivers(f"# a\n# b{separator}\n{GOOD}".replace("\r\n", "\r").encode(), shown_as="w")
    assert str(caught.value.problems[0]).startswith("w:2: the file contains the line break")
    assert parse_waivers(GOOD.replace("\n", "\r\n").encode(), shown_as="w")[0].end == 7


def test_each_waiver_starts_on_a_line_of_its_own() -> None:
    entry = "{id: %s, rule: A, unit: a/b, address: a.b, owner: anna, reason: r, expires: 2026-12-01}"
    with pytest.raises(CatalogueError) as caught:
        parse_waivers(f"[{entry % 'one'}, {entry % 'two'}]\n".encode(), shown_as="w")
    first = caught.value.problems[0]
    assert (str(first.where)[:4], first.what) == ("w:1:", "two waivers start on this line")


@pytest.mark.parametrize("rule", sorted(UNWAIVABLE))
def test_rules_about_the_guard_itself_cannot_be_written_nor_matched(rule: str) -> None:
    with pytest.raises(CatalogueError, match="the guard itself"):
        parse_waivers(GOOD.replace("ORCH_PROTECTED", rule).encode(), shown_as="w")
    assert counting(waiver(rule=rule)).match(finding(rule)) is None


@pytest.mark.parametrize(
    "address",
    ['aws_s3_bucket.this["*.example.com"]', "data.external.this", "aws_db_instance.x (deposed 1a2b3c4d)",
     'module.this.module.a["b"].aws_s3_bucket.this[0]', "git::https://example.com/m.git?ref=v1"],
)  # fmt: skip
def test_one_exact_thing_may_be_named(address: str) -> None:
    text = GOOD.replace("aws_cognito_user_pool.this", f"'{address}'")
    (read,) = parse_waivers(text.encode(), shown_as="w")
    assert read.address == address


@pytest.mark.parametrize(
    ("rule", "unit", "address"),
    [
        ("ORCH_UNTRUSTED_SOURCE", "prod/identity", "module.this.module.vpc"),
        ("ORCH_UNTRUSTED_SOURCE", "prod/identity", "registry.terraform.io/evil/evil"),
        ("ORCH_DUPLICATE", "account:main", "s3://ams-111111111111-tfstate"),
        ("ORCH_ORPHANED", "prod/identity@us-east-1", "prod/identity/us-east-1/terraform.tfstate"),
        ("ORCH_TEMPLATE", "prod/legacy", "aws_cloudformation_stack.this/UserPool"),
    ],
)
def test_findings_about_other_things_than_resources_can_be_named(rule: str, unit: str, address: str) -> None:
    text = GOOD.replace("ORCH_PROTECTED", rule).replace("prod/identity", unit, 1)
    (read,) = parse_waivers(text.replace("aws_cognito_user_pool.this", f"'{address}'").encode(), shown_as="w")
    assert counting(read).match(finding(rule, unit, address)) == read


@pytest.mark.parametrize("text", ["a: b\n", "just text\n", "- id: [\n", "\x00"])
def test_a_file_that_is_not_a_list_is_an_error(text: str) -> None:
    with pytest.raises(CatalogueError):
        parse_waivers(text.encode(), shown_as="w")


@pytest.mark.parametrize(
    ("entries", "what"),
    [
        ([waiver(expires=TODAY - timedelta(days=1))], "expired on 2026-11-25"),
        ([waiver(expires=TODAY + timedelta(days=15))], "expires too late"),
        ([waiver(owner="mallory")], "who is not an owner"),
        ([waiver(), waiver(address="aws_x.y")], "the id gone is already used"),
        ([waiver(), waiver(id="again", address="aws_cognito_user_pool.this")], "allows the same as gone"),
    ],
)
def test_what_cannot_count_is_an_error(entries: list[Waiver], what: str) -> None:
    (problem,) = waiver_problems(tuple(entries), OWNERS, TODAY)
    assert what in problem.what


def test_the_last_day_and_the_longest_time_are_fine() -> None:
    entries = (waiver(expires=TODAY), waiver(id="b", address="aws_x.y", expires=TODAY + MAX_VALIDITY))
    assert list(waiver_problems(entries, OWNERS, TODAY)) == []


def test_the_repository_s_own_files_are_right() -> None:
    folder = Path(__file__).parents[4] / "policies"
    owners = Owners.parse((folder / "owners.yaml").read_bytes(), shown_as="policies/owners.yaml")
    waivers = parse_waivers((folder / "waivers.yaml").read_bytes(), shown_as="policies/waivers.yaml")
    assert owners.emails
    assert list(waiver_problems(waivers, owners, TODAY)) == []


@pytest.mark.parametrize(
    ("text", "where", "what"),
    [
        ("anna: anna@example.com\n", "1:1", "must be a list"),
        ("anna: [anna]\n", "1:8", "is invalid"),
        ("anna: []\n", "1:1", "no e-mail address"),
        ("Anna B: [a@b.c]\n", "1:1", "is invalid"),
        ("anna: [a@b.c]\nbert: [A@B.c]\n", "2:1", "listed for both anna and bert"),
        ("- anna\n", "1", "must be a map"),
        ("anna: [a@b.c]\nanna: [d@e.f]\n", "2:1", "duplicate key"),
        ("anna: &a [a@b.c]\n", "1:7", "anchors are not allowed"),
        ("anna: [*a]\n", "1:8", "aliases are not allowed"),
        ("<<: {anna: [a@b.c]}\n", "1:1", "merge keys are not allowed"),
    ],
)
def test_a_mistake_in_the_owners_is_reported_with_its_location(text: str, where: str, what: str) -> None:
    with pytest.raises(CatalogueError) as caught:
        Owners.parse(text.encode(), shown_as="policies/owners.yaml")
    first = caught.value.problems[0]
    assert what in first.what
    assert str(first.where) == f"policies/owners.yaml:{where}"


def test_addresses_are_compared_without_case() -> None:
    owners = Owners.parse(b"anna: [Anna@Example.com]\n", shown_as="o")
    assert owners.wrote("anna", ["bob@example.com", "ANNA@example.COM"])
    assert not owners.wrote("anna", ["bob@example.com"])


def test_a_waiver_allows_its_finding_whatever_the_action() -> None:
    for action in ("delete", "replace", "forget"):
        (found,) = waiver_policy(waiver()).apply([finding(action=action)])
        assert found.severity is Severity.WAIVED
        assert found.waiver == "gone by anna: every user has moved (until 2026-12-01)"
        assert not Verdict("prod/identity", (found,), ()).blocked
        assert Verdict("prod/identity", (found,), ()).waived == (found,)


def test_a_waiver_for_one_plan_allows_only_that_plan(tmp_path: Path) -> None:
    one, other = tmp_path / "one.tfplan", tmp_path / "other.tfplan"
    one.write_bytes(b"one")
    other.write_bytes(b"other")
    digest = "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed"  # of "one"
    allowed = waiver_policy(waiver(plan=digest))
    assert allowed.apply([finding()], one)[0].severity is Severity.WAIVED
    for plan in (other, None, tmp_path / "gone"):
        (found,) = allowed.apply([finding()], plan)
        assert found.severity is Severity.BLOCK
        assert "it is for another plan" in found.hint


def test_the_same_short_address_of_two_things_is_allowed_for_neither() -> None:
    both = [finding(address="aws_x.y"), finding(address="module.this.aws_x.y")]
    found = waiver_policy(waiver(address="aws_x.y")).apply(both)
    assert [each.severity for each in found] == [Severity.BLOCK] * 2
    assert "matches two resources" in found[0].hint


def test_the_finding_says_why_a_waiver_is_not_valid() -> None:
    allowed = WaiverPolicy(counting(), [DeclaredWaiver(waiver(), "it is not committed yet")])
    (found,) = allowed.apply([finding()])
    assert found.severity is Severity.BLOCK
    assert found.hint.startswith("do that; the waiver gone (policies/waivers.yaml) is not valid: it is not committed")
    assert list(allowed.unused("prod/identity")) == []


def test_a_waiver_that_nothing_needs_is_a_finding_on_its_unit() -> None:
    allowed = waiver_policy(waiver())
    allowed.apply([finding(rule="ORCH_WEAKENED"), finding(unit="test/identity"), finding(address="aws_x.y")])
    assert list(allowed.unused("test/identity")) == []
    (found,) = allowed.unused("prod/identity")
    assert (found.rule, found.severity, found.address) == ("ORCH_WAIVER", Severity.BLOCK, POOL)
    assert allowed.apply([found]) == (found,)
    allowed.apply([finding()])
    assert list(allowed.unused("prod/identity")) == []


def test_a_warning_needs_no_waiver() -> None:
    warning = replace(finding(), severity=Severity.WARN)
    assert waiver_policy(waiver()).apply([warning]) == (warning,)


# Laws, over few enough names that they meet each other often.

names = st.sampled_from(["aws_x.a", "aws_x.b", "module.this.aws_x.a", 'aws_x.a["k"]', "module.this.module.m.aws_x.a"])
rules = st.sampled_from(["ORCH_PROTECTED", "ORCH_WEAKENED", "ORCH_RUNS_CODE", *sorted(UNWAIVABLE)])
units = st.sampled_from(["prod/a", "test/a", "prod/b"])
days = st.integers(-20, 40).map(lambda number: TODAY + timedelta(days=number))
digests = st.sampled_from(["", "a" * 64, "b" * 64])
waivers = st.builds(
    Waiver,
    id=st.text(string.ascii_lowercase, min_size=1, max_size=3),
    rule=rules,
    unit=units,
    address=names,
    owner=st.sampled_from(["anna", "carl", "mallory"]),
    reason=st.just("because"),
    expires=days,
    plan=digests,
)
findings = st.builds(finding, rule=rules, unit=units, address=names, action=st.sampled_from(["delete", "replace", ""]))


@given(st.lists(waivers, max_size=6), findings, digests, days)
def test_no_waiver_matches_more_than_it_says(entries: list[Waiver], found: Finding, digest: str, today: date) -> None:
    match = counting(*entries, today=today).match(found, digest)
    if match is not None:
        assert (match.rule, match.unit) == (found.rule, found.unit)
        assert canonical(match.address) == canonical(found.address)
        assert today <= match.expires <= today + MAX_VALIDITY
        assert match.owner in OWNERS.emails
        assert match.plan in {"", digest}
        assert found.rule not in UNWAIVABLE


@given(st.lists(waivers, max_size=6), findings, digests)
def test_a_matching_waiver_is_found(entries: list[Waiver], found: Finding, digest: str) -> None:
    """The other direction: a policy that matches nothing would pass the test above."""
    right = [
        each
        for each in entries
        if each.target == (found.rule, found.unit, canonical(found.address))
        and TODAY <= each.expires <= TODAY + MAX_VALIDITY
        and each.owner != "mallory"
        and each.plan in {"", digest}
        and each.rule not in UNWAIVABLE
    ]
    assert (counting(*entries).match(found, digest) is not None) == bool(right)


@given(st.lists(waivers, max_size=4), st.lists(waivers, max_size=4), st.lists(findings, max_size=5))
def test_more_waivers_never_unblock_what_they_do_not_name(
    entries: list[Waiver], more: list[Waiver], given_: list[Finding]
) -> None:
    before = waiver_policy(*entries).apply(given_)
    after = waiver_policy(*entries, *more).apply(given_)
    named = {each.target for each in more}
    for one, other in zip(before, after, strict=True):
        if (one.rule, one.unit, canonical(one.address)) not in named:
            assert one.severity is other.severity


@given(st.lists(waivers, max_size=6), st.lists(findings, max_size=5))
def test_no_finding_is_lost_or_made_by_waivers(entries: list[Waiver], given_: list[Finding]) -> None:
    after = waiver_policy(*entries).apply(given_)
    assert [each.id for each in after] == [each.id for each in given_]
    assert all(bool(each.waiver) == (each.severity is Severity.WAIVED) for each in after)
