"""Policies, roles and refusals, for tests of who may do what in the emulator."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from botocore.exceptions import ClientError

from tests.support.emulator import MANAGEMENT, Account

Role = Callable[..., dict[str, str]]
"""Called with statements it makes a role that has them, and gives credentials in it."""


def document(*statements: dict[str, Any]) -> str:
    """A policy document."""
    return json.dumps({"Version": "2012-10-17", "Statement": list(statements)})


def allow(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    """A statement that allows."""
    return {"Effect": "Allow", "Action": action, "Resource": resource, **more}


def deny(action: Any = "*", resource: Any = "*", **more: Any) -> dict[str, Any]:
    """A statement that denies."""
    return {"Effect": "Deny", "Action": action, "Resource": resource, **more}


def trust(principal: Any = None, **more: Any) -> str:
    """A trust policy; without a principal it lets the management account in."""
    who = principal or {"AWS": f"arn:aws:iam::{MANAGEMENT}:root"}
    return document({"Effect": "Allow", "Principal": who, "Action": "sts:AssumeRole", **more})


@contextmanager
def refused(code: str = "AccessDeniedException", match: str | None = None) -> Iterator[None]:
    """A block whose call AWS refuses with this code."""
    with pytest.raises(ClientError, match=match) as caught:
        yield
    assert caught.value.response["Error"]["Code"] == code
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 403


def roles_of(account: Account) -> Role:
    """Makes roles in an account."""

    def make(
        *statements: dict[str, Any], name: str = "tried", session: dict[str, Any] | None = None, **more: Any
    ) -> dict[str, str]:
        iam = account.client("iam")
        iam.create_role(RoleName=name, **{"AssumeRolePolicyDocument": trust(), **more})
        iam.put_role_policy(RoleName=name, PolicyName="given", PolicyDocument=document(*statements))
        return account.assume(name, **(session or {}))

    return make
