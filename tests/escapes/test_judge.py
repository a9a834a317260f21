"""Item 7: a change weakens the policies that judge it; and waivers that are not valid."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from tests.support.escapes import POOL, World
from tests.support.project import Result

pytestmark = pytest.mark.integration
AGAINST = "sly author"

MALLORY = "Mallory <mallory@example.com>"
SECURITY = "Sam <Security@example.com>"
OWNERS = "policies/owners.yaml"
WAIVERS = "policies/waivers.yaml"


def waiver(owner: str = "security", days: int = 5) -> str:
    expires = datetime.now(UTC).date() + timedelta(days=days)
    return (
        f"- id: gone\n  rule: ORCH_PROTECTED\n  unit: prod/identity\n  address: {POOL}\n"
        f"  owner: {owner}\n  reason: every user has moved\n  expires: {expires}\n"
    )


def pull_request(world: World) -> None:
    """Treat what is committed as merged; the rest is the change."""
    world.git("update-ref", "refs/remotes/origin/main", "HEAD")
    world.git("checkout", "-q", "-b", "change")


def delete_pool(world: World, *, author: str = MALLORY) -> Result:
    world.empty_module()
    world.commit("Tidy up", author=author)
    return in_ci(world)


def in_ci(world: World) -> Result:
    return world.attempt(env={"CI": "true", "GITHUB_BASE_REF": "main"})


@pytest.mark.way("the type removed from `protected.yaml` in the same change", item="7")
def test_the_list_of_protected_types_is_shortened(world: World) -> None:
    pull_request(world)
    text = world.read("policies/protected.yaml")
    start, end = text.index("aws_cognito_user_pool:"), text.index("aws_cognito_user_pool_domain:")
    world.write("policies/protected.yaml", text[:start] + text[end:])
    result = delete_pool(world)
    finding = world.assert_blocked(result, rule="ORCH_POLICY_WEAKENED")
    assert finding["message"] == "aws_cognito_user_pool would no longer be protected"
    assert finding["where"] == {
        "file": "policies/protected.yaml",
        "line": text[:start].count("\n") + 1,
        "column": 1,
    }
    world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    world.assert_alive()


@pytest.mark.way("the check rewritten in the same change", item="7")
def test_the_check_is_rewritten(world: World) -> None:
    pull_request(world)
    world.edit("policies/protected/check.py", "CheckResult.FAILED", "CheckResult.PASSED")
    result = delete_pool(world)
    finding = world.assert_blocked(result, rule="ORCH_POLICY_WEAKENED")
    assert finding["where"]["file"] == "policies/protected/check.py"
    assert finding["where"]["line"] > 1
    world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    world.assert_alive()


@pytest.mark.way("all policies removed in the same change", item="7")
def test_the_policies_are_removed(world: World) -> None:
    pull_request(world)
    world.remove("policies")
    result = delete_pool(world)
    told = {
        each["message"]
        for each in result.units()["prod/identity"]["findings"]
        if each["rule"] == "ORCH_POLICY_WEAKENED"
    }
    assert {"the policy protected would be removed", "the list of protected resources would be removed"} <= told
    world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    world.assert_alive()


@pytest.mark.way("an owner and their waiver added in the same change", item="7")
def test_an_owner_is_added(world: World) -> None:
    pull_request(world)
    world.write(OWNERS, world.read(OWNERS) + "mallory: [someone-else@example.com]\n")
    world.write(WAIVERS, waiver("mallory"))
    result = delete_pool(world)
    finding = world.assert_blocked(result, rule="ORCH_POLICY_WEAKENED")
    assert finding["message"] == "mallory would become an owner"
    assert finding["where"]["file"] == OWNERS
    world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    world.assert_alive()


@pytest.mark.way("an older version of orch allowed in the same change", item="7")
def test_the_version_of_orch_is_lowered(world: World) -> None:
    pull_request(world)
    world.edit("live/orch.yaml", '"~=0.1"', '">=0.0.1"')
    result = delete_pool(world)
    finding = world.assert_blocked(result, rule="ORCH_POLICY_WEAKENED")
    assert finding["where"]["file"] == "live/orch.yaml"
    world.assert_blocked(result, rule="ORCH_PROTECTED", address=POOL)
    world.assert_alive()


@pytest.mark.way("a waiver added in the same change", item="7")
def test_a_waiver_comes_with_the_change(world: World) -> None:
    pull_request(world)
    world.write(WAIVERS, waiver())
    finding = world.assert_blocked(delete_pool(world), rule="ORCH_PROTECTED", address=POOL)
    assert "is not valid" in finding["hint"]
    assert "it must be merged first" in finding["hint"]
    world.assert_alive()


@pytest.mark.way("a waiver that is not even committed", item="7", against="careless")
def test_a_waiver_of_the_working_tree(world: World) -> None:
    world.empty_module()
    world.write(WAIVERS, waiver())
    finding = world.assert_blocked(world.attempt(), rule="ORCH_PROTECTED", address=POOL)
    assert "it is not committed yet" in finding["hint"]
    world.assert_alive()


@pytest.mark.way("an owner allows their own change", item="7")
def test_an_owner_allows_their_own_change(world: World) -> None:
    world.write(WAIVERS, waiver())
    world.commit("Allow it", author=MALLORY)
    pull_request(world)
    finding = world.assert_blocked(delete_pool(world, author=SECURITY), rule="ORCH_PROTECTED", address=POOL)
    assert "also wrote the change" in finding["hint"]
    world.assert_alive()


@pytest.mark.way("an owner writes their own waiver", item="7")
def test_an_owner_writes_their_own_waiver(world: World) -> None:
    world.write(WAIVERS, waiver())
    world.commit("Allow it", author=SECURITY)
    world.commit("Something else", author=MALLORY)
    pull_request(world)
    finding = world.assert_blocked(delete_pool(world), rule="ORCH_PROTECTED", address=POOL)
    assert "also wrote the waiver" in finding["hint"]
    world.assert_alive()


@pytest.mark.way("an expired waiver", item="7")
def test_an_expired_waiver_stops_everything(world: World) -> None:
    world.write(WAIVERS, waiver(days=-1))
    world.commit("Allow it", author=MALLORY)
    pull_request(world)
    world.assert_refused(delete_pool(world), f"{WAIVERS}:1:3", "expired on", code=2)
    world.assert_alive()


@pytest.mark.way("a waiver for everything", item="7")
def test_a_wide_waiver_stops_everything(world: World) -> None:
    world.write(WAIVERS, waiver().replace(f"address: {POOL}", 'address: "*"'))
    world.commit("Allow it", author=MALLORY)
    pull_request(world)
    world.assert_refused(delete_pool(world), f"{WAIVERS}:4:3", "must name exactly one", code=2)
    world.assert_alive()


@pytest.mark.way("an inline skip comment", item="7")
def test_an_inline_skip_comment_waives_nothing(world: World) -> None:
    pull_request(world)
    skip = "".join(f"  #checkov:skip={rule}:we know\n" for rule in ("ORCH_PROTECTED", "ORCH_WEAKENED", "CKV_ALL"))
    head = 'resource "aws_cognito_user_pool" "this" {\n'
    world.edit_module(head, head + skip)
    world.edit("live/stacks/identity.yaml", "[email]", "[phone_number]")
    world.commit("Tidy up", author=MALLORY)
    world.assert_blocked(in_ci(world), rule="ORCH_PROTECTED", address=POOL)
    world.assert_alive()


@pytest.mark.way("CI that cannot determine the merged commit", item="7")
def test_a_ci_without_the_base_is_refused(world: World) -> None:
    world.assert_refused(delete_pool(world), "does not contain refs/remotes/origin/main", "fetch-depth: 0", code=2)
    world.assert_alive()


def test_a_merged_waiver_of_another_owner_allows_it(world: World) -> None:
    """The counterexample: a valid waiver. Planned only, so that the world survives."""
    world.empty_module()
    world.write(WAIVERS, waiver())
    world.commit("Retire the pool", author=MALLORY)
    world.git("update-ref", "refs/remotes/origin/main", "HEAD")
    result = world.attempt("plan", "prod", "--json", code=3, env={"CI": "true", "ORCH_BASE": "origin/main"})
    severities = {each["address"]: each["severity"] for each in result.units()["prod/identity"]["findings"]}
    assert severities.pop(POOL) == "waived"
    assert severities, "its domain and clients are protected too, and each needs its own waiver"
    assert set(severities.values()) == {"block"}
    world.assert_alive()
