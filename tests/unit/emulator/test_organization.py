"""The permissions that the documentation asks for are those of the emulator's user, so the tests find a missing one."""

from __future__ import annotations

import json
import re

from orchestrator.emulator.initial_accounts import ORGANIZATION_ACTIONS
from tests.support.project import REPOSITORY


def test_the_documented_permissions_are_those_that_the_tests_have() -> None:
    page = (REPOSITORY / "docs/accounts.md").read_text(encoding="utf-8")
    (policy,) = re.findall(r"```json\n(.*?)```", page, re.DOTALL)
    (statement,) = json.loads(policy)["Statement"]
    assert (statement["Effect"], tuple(statement["Action"])) == ("Allow", ORGANIZATION_ACTIONS)
