"""Service control policies: what an organisation lets a member account do at most."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from moto.organizations.models import organizations_backends

_TYPE = "SERVICE_CONTROL_POLICY"


def service_control_policies(account: str) -> list[list[str]]:
    """The policies above an account, one list for each level: the account, its units, the root.

    Each level must allow a call by itself. The management account is bound by none.

    Args:
        account: 12-digit id.

    Returns:
        JSON of the policies of each level; empty when the account is in no organisation, or its organisation has not
        turned such policies on.
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
