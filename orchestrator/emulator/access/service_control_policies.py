"""Service control policies, which limit what a member account of an organization can do."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.organizations.models import organizations_backends

_TYPE = "SERVICE_CONTROL_POLICY"


def service_control_policies(account: str) -> list[list[str]]:
    """Return the policies that apply to an account, by level: the account, its organizational units, the root.

    Each level must allow a request. The policies do not apply to the management account.

    Args:
        account: 12-digit ID.

    Returns:
        JSON of the policies of each level; empty if the account is not in an organization, or if the organization does
        not use service control policies.
    """
    found = _member(account)
    return [] if found is None else list(_levels(*found))


def _member(account: str) -> tuple[Any, Any] | None:
    for regions in organizations_backends.values():
        for backend in regions.values():
            for member in backend.accounts:
                if member.id == account:
                    return None if account == member.master_account_id else (backend, member)
    return None


def _levels(backend: Any, member: Any) -> Iterator[list[str]]:
    nodes = {unit.id: unit for unit in backend.ou}
    roots = [unit for unit in backend.ou if unit.type == "ROOT"]
    if not any(each["Type"] == _TYPE for root in roots for each in root.policy_types):
        return
    node = member
    while node is not None:
        yield [str(policy.content) for policy in node.attached_policies if policy.type == _TYPE]
        node = nodes.get(getattr(node, "parent_id", None))
