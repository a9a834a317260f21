"""Whose waivers count: not those of who wrote the change or the waiver."""

from __future__ import annotations

from datetime import timedelta

import pytest

from orchestrator.errors import CatalogueError
from orchestrator.guard.model import Finding, Severity
from tests.support.git import Git
from tests.support.trust import CI, OWNERS, PULL, TODAY, allowed, judged, trust, waiver, write


def test_an_owner_cannot_allow_their_own_change(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    git.publish()
    git.branch("change")
    write(git, "live/change.yaml", "x")
    git.commit("ANNA@Example.com")
    found = judged(trust(git, PULL))
    assert "its owner anna also wrote the change (anna@example.com)" in found.hint
    assert found.severity is Severity.BLOCK


def test_an_owner_can_allow_their_own_change_of_what_comes_and_goes(git: Git) -> None:
    logs = "aws_cloudwatch_log_group.this"
    write(git, "policies/waivers.yaml", waiver(address=logs))
    git.commit("anna@example.com")
    git.publish()
    git.branch("change")
    write(git, "live/change.yaml", "x")
    git.commit("anna@example.com")
    loss = Finding("i", "ORCH_PROTECTED", "prod/identity", logs, "delete", "c", "m", "h")
    assert [each.severity for each in trust(git, PULL).waiver_policy.apply([loss])] == [Severity.WAIVED]
    unused = trust(git, PULL).waiver_policy.unused("prod/identity")
    assert [each.severity for each in unused] == [Severity.WARN], "it may stay until it expires"


def test_an_owner_cannot_allow_their_own_program_in_what_comes_and_goes(git: Git) -> None:
    logs = "aws_cloudwatch_log_group.this"
    write(git, "policies/waivers.yaml", waiver(address=logs).replace("ORCH_PROTECTED", "ORCH_RUNS_CODE"))
    git.commit("anna@example.com")
    git.publish()
    program = Finding("i", "ORCH_RUNS_CODE", "prod/identity", logs, "", "c", "m", "h")
    (found,) = trust(git, PULL).waiver_policy.apply([program])
    assert (found.severity, "anna also wrote" in found.hint) == (Severity.BLOCK, True)


def test_an_owner_cannot_allow_what_they_wrote_together(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    git.publish()
    git.branch("change")
    git.commit("bob@example.com", "change\n\nCo-authored-by: Anna <anna@example.com>")
    assert not allowed(trust(git, PULL))


def test_an_owner_cannot_allow_what_they_have_not_even_committed(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    git.publish()
    git("config", "user.email", "anna@example.com")
    assert allowed(trust(git))
    write(git, "live/change.yaml", "x")
    assert not allowed(trust(git))


def test_an_owner_cannot_write_their_own_waiver(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit("anna@example.com")
    git.commit("bob@example.com")
    git.publish()
    for env in ({}, CI):
        assert "its owner anna also wrote the waiver (anna@example.com)" in judged(trust(git, env)).hint


def test_an_owner_cannot_prolong_it_either(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver(days=1))
    git.commit("bob@example.com")
    write(git, "policies/waivers.yaml", waiver(days=9))
    git.commit("anna@example.com")
    git.commit("bob@example.com")
    assert not allowed(trust(git))


def hidden_in_an_alias() -> str:
    """Return a waiver whose lines would be blamed on another one, which starts on the line of the anchor."""
    expires = TODAY + timedelta(days=5)
    first = f"id: a, rule: A, unit: a/b, address: a.b, owner: anna, reason: r, expires: {expires}"
    return f"- <<: &z {{{first}}}\n  id: b\n  address: a.c\n{waiver()}- *z\n"


@pytest.mark.parametrize("text", [hidden_in_an_alias(), "# " + "\u2028" * 40 + "\n" + waiver()], ids=["alias", "lines"])
def test_an_owner_cannot_hide_lines_from_git_blame(git: Git, text: str) -> None:
    write(git, "policies/waivers.yaml", text)
    git.commit("anna@example.com")
    git.publish()
    with pytest.raises(CatalogueError):
        trust(git)
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    assert not allowed(trust(git, PULL))


def test_merged_owners_that_cannot_be_read_can_be_repaired(git: Git) -> None:
    write(git, "policies/owners.yaml", "anna: &a [anna@example.com]\n")
    git.commit()
    git.publish()
    git.branch("change")
    write(git, "policies/owners.yaml", OWNERS)
    (found,) = trust(git, PULL).weakened
    assert (found.where.file, "cannot read the old owners" in found.what) == ("policies/owners.yaml", True)


def test_a_mailmap_does_not_hide_who_wrote_it(git: Git) -> None:
    write(git, "policies/waivers.yaml", waiver())
    git.commit("anna@example.com")
    write(git, ".mailmap", "Bob <bob@example.com> <anna@example.com>\n")
    git.commit("bob@example.com")
    git.publish()
    assert git("log", "--format=%aE", "--", "policies/waivers.yaml").splitlines()[0] == "bob@example.com"
    assert not allowed(trust(git))


def test_who_merges_is_not_the_author(git: Git) -> None:
    git.branch("change")
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    git("checkout", "-q", "main")
    write(git, "live/other.yaml", "x")
    git.commit("bob@example.com")
    git("merge", "-q", "--no-ff", "-m", "merge", "change", author="anna@example.com")
    git.publish()
    assert allowed(trust(git, CI))


def test_who_changes_something_in_the_merge_is_an_author(git: Git) -> None:
    git.branch("change")
    write(git, "policies/waivers.yaml", waiver())
    git.commit("bob@example.com")
    git("checkout", "-q", "main")
    git("merge", "-q", "--no-ff", "--no-commit", "change", author="anna@example.com")
    write(git, "live/evil.yaml", "x")
    git.commit("anna@example.com")
    git.publish()
    assert not allowed(trust(git, CI))
