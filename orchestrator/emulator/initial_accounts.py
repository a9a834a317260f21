"""The contents of an empty emulator: the entry user, and in each account the role that it assumes.

This matches an account that AWS Organizations has just created: ``OrganizationAccountAccessRole`` has every permission
and trusts the management account. There is nothing else: no password, no policy, no bucket. The management account has
an organization without other accounts, and the entry user can create accounts in it.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from moto.iam.models import iam_backends
from moto.moto_api._internal import moto_api_backend
from moto.organizations.models import organizations_backends

ENTRY_USER = "orch-entry"
ENTRY_ROLE = "OrganizationAccountAccessRole"
ORGANIZATION_ACTIONS = tuple(
    f"organizations:{action}"
    for action in (
        "CreateAccount",
        "DescribeAccount",
        "DescribeCreateAccountStatus",
        "DescribeOrganization",
        "ListAccounts",
        "ListCreateAccountStatus",
        "ListOrganizationalUnitsForParent",
        "ListParents",
        "ListRoots",
        "MoveAccount",
    )
)
"""What `orch bootstrap` calls to create accounts, as ``docs/accounts.md`` lists it."""
_PARTITION = "aws"
_GLOBAL_REGION = "us-east-1"
_HOUR = 3600


@dataclass(frozen=True, slots=True)
class Key:
    """The access key of the entry user. It survives a reset, so clients that read ``emulator.json`` keep working."""

    access_key: str
    secret_key: str


def reset_accounts(management: str, accounts: Mapping[str, str], key: Key | None = None) -> Key:
    """Empty every account, then create the initial contents.

    Args:
        management: ID of the management account.
        accounts: account name -> ID.
        key: access key of the entry user; None creates a new one.

    Returns:
        access key of the entry user.
    """
    moto_api_backend.reset()
    kept = _entry_user(management, key)
    _organization(management)
    add_accounts(management, accounts)
    return kept


def add_accounts(management: str, accounts: Mapping[str, str]) -> None:
    """Create the entry role in each account that does not have it.

    Args:
        management: ID of the management account, which the roles trust.
        accounts: account name -> ID.
    """
    trust = _document(
        Effect="Allow", Principal={"AWS": f"arn:{_PARTITION}:iam::{management}:root"}, Action="sts:AssumeRole"
    )
    for account in accounts.values():
        backend = iam_backends[account][_PARTITION]
        if any(role.name == ENTRY_ROLE for role in backend.roles.values()):
            continue
        role = backend.create_role(ENTRY_ROLE, trust, "/", None, "", [], str(12 * _HOUR))
        role.put_policy("AdministratorAccess", _document(Effect="Allow", Action="*", Resource="*"))


def _organization(management: str) -> None:
    """Create the organization, whose only account is the management account."""
    backend = organizations_backends[management][_PARTITION]
    backend.create_organization(_GLOBAL_REGION, FeatureSet="ALL")
    roles = iam_backends[management][_PARTITION].roles
    for id_ in [id_ for id_, role in roles.items() if role.name == ENTRY_ROLE]:
        del roles[id_]  # moto makes one; AWS makes it in the accounts that Organizations creates


def _entry_user(management: str, key: Key | None) -> Key:
    backend = iam_backends[management][_PARTITION]
    user = backend.create_user(_GLOBAL_REGION, ENTRY_USER)
    user.put_policy("enter", _document(Effect="Allow", Action=["sts:AssumeRole", "sts:TagSession"], Resource="*"))
    user.put_policy("organization", _document(Effect="Allow", Action=list(ORGANIZATION_ACTIONS), Resource="*"))
    made = user.create_access_key("AKIA")
    if key is not None:
        made.access_key_id, made.secret_access_key = key.access_key, key.secret_key
    backend.access_keys[made.physical_resource_id] = made
    return Key(made.access_key_id, made.secret_access_key)


def _document(**statement: Any) -> str:
    return json.dumps({"Version": "2012-10-17", "Statement": [statement]})
