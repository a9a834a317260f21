"""A finding says the command that gets past it, for whoever is allowed to use it."""

from __future__ import annotations

from dataclasses import replace
from functools import partial

import pytest

from orchestrator.guard.trust.owners import Owners
from orchestrator.guard.trust.waiver_policy import WaiverPolicy
from orchestrator.guard.trust.waivers import UNWAIVABLE, Waivers
from tests.unit.guard.trust.test_waivers import TODAY, counting, finding, waiver_policy


def told(user: str, *, rule: str = "ORCH_PROTECTED", history: bool = False, **over: str) -> str:
    """The hint of a finding that blocks, for a user who works in this clone."""
    policy = WaiverPolicy(counting(), user=lambda: user, history=lambda _rule, _address: history)
    (found,) = policy.apply([finding(rule=rule, **over)])
    return found.hint


COMMAND = f"orch waive {finding().id} --owner NAME --reason TEXT"


@pytest.mark.parametrize(
    ("user", "allowing"),
    [
        ("", "anna or carl"),
        ("bob@example.com", "anna or carl"),
        ("Anna@Example.com", "carl"),
        ("carl@example.com", "anna"),
    ],
)
def test_the_finding_says_the_command_and_every_owner_but_the_user(user: str, allowing: str) -> None:
    assert told(user) == f"do that; if it is meant to happen, {allowing} can allow it: {COMMAND}"


def test_of_what_comes_and_goes_the_user_can_allow_the_loss_too() -> None:
    assert told("anna@example.com", history=True).endswith(f", anna or carl can allow it: {COMMAND}")


@pytest.mark.parametrize("rule", sorted(UNWAIVABLE))
def test_of_what_cannot_be_waived_no_command_is_said(rule: str) -> None:
    assert told("", rule=rule) == "do that"


def test_no_command_is_said_when_nobody_could_use_it() -> None:
    alone = Waivers(owners=Owners({"anna": frozenset({"anna@example.com"})}), today=lambda: TODAY)
    for waivers, user in ((alone, "anna@example.com"), (Waivers(), "")):
        (found,) = WaiverPolicy(waivers, user=partial(str, user)).apply([finding()])
        assert found.hint == "do that"
    assert told("", address="") == "do that", "a waiver names an address"


def test_a_hint_that_says_it_already_says_it_once() -> None:
    said = replace(finding(), hint="if intended, add a waiver")
    (found,) = waiver_policy().apply([said])
    assert found.hint == said.hint
