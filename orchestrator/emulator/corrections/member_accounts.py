"""Correct Organizations' CreateAccount: the role in the new account has every permission.

moto gives it none.
"""

from __future__ import annotations

import json
from typing import Any

from moto.iam.models import iam_backends
from moto.organizations.models import FakeAccount

from orchestrator.emulator.access.callers import PARTITION
from orchestrator.emulator.initial_accounts import ENTRY_ROLE

_EVERYTHING = {"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}]}


def correct_member_accounts() -> None:
    """Replace moto's constructor."""
    original = FakeAccount.__init__

    def create(self: Any, organization: Any, **given: Any) -> None:
        original(self, organization, **given)
        role = iam_backends[self.id][PARTITION].get_role(given.get("RoleName") or ENTRY_ROLE)
        role.put_policy("AdministratorAccess", json.dumps(_EVERYTHING))

    FakeAccount.__init__ = create
