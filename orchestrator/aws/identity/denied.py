"""What to do about a role that cannot be assumed. AWS does not say whether the role, or the account, exists."""

from __future__ import annotations

import os

from orchestrator.aws.identity.roles import AnyRole, BreakGlass, Role
from orchestrator.config.catalogue import Account


def denied_role_hint(account: Account, role: AnyRole, *, baseline: bool) -> str:
    """Return what to do.

    Args:
        account: the account.
        role: the role that AWS denies.
        baseline: ``live/`` has a baseline for the account, which creates its roles.
    """
    if "ORCH_CREDENTIALS" in os.environ:
        return "this shell has the environment of `orch credentials`: run orch in another one"
    wrong_id = f"or the account id is wrong: is it {account.id} ({account.at.file})?"
    if role is Role.BOOTSTRAP:
        return f"the role `roles.bootstrap` of live/orch.yaml must exist and trust you; {wrong_id}"
    if not baseline:
        return f"{missing_baseline(account)}; {wrong_id}"
    created = f"`orch bootstrap {account.name}` creates the role and its trust policy"
    if isinstance(role, BreakGlass):
        created += "; the caller needs sts:TagSession in addition to sts:AssumeRole"
    return f"{created}; {wrong_id}"


def missing_baseline(account: Account) -> str:
    """Return what an account without a baseline needs, since nothing creates its roles."""
    file, roles = f"live/accounts/{account.name}.yaml", account.roles
    return (
        f"{file} has no stack `baseline`, so nothing creates the roles {roles.plan} and {roles.apply}: add `baseline:` "
        f"under `stacks:`, with live/stacks/baseline.yaml as `orch init` writes it, and run `orch bootstrap "
        f"{account.name}`; or create the roles yourself"
    )
