"""Checks that IAM denies the apply role what deletes protected resources: the second line behind the guard.

The baseline of an account attaches that policy. It is worth nothing if `roles.apply` names another role, or if somebody
detached it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from fnmatch import fnmatchcase
from typing import Any

from orchestrator.aws.identity.roles import Role
from orchestrator.config.catalogue import Account
from orchestrator.guard.findings import finding_id
from orchestrator.guard.model import Finding

APPLY_ROLE = "ORCH_APPLY_ROLE"

DELETES_POLICY = "-deletes"
"""How the name of the baseline's policy with the denies ends (``modules/account_baseline/deletes.tf``)."""

_SHOWN = 3


def not_denied(documents: Iterable[Mapping[str, Any]], actions: Iterable[str]) -> tuple[str, ...]:
    """Return the actions that no policy denies on all resources, sorted. Reads no more documents than it must.

    A deny with a condition, or for some resources only, does not count (IAM User Guide, "Policy evaluation logic").

    Args:
        documents: the policies of a role.
        actions: IAM actions without wildcards: ``cognito-idp:DeleteUserPool``.
    """
    missing = set(actions)
    for document in documents:
        for statement in _listed(document.get("Statement")):
            missing = {action for action in missing if not _denies(statement, action)}
        if not missing:
            break
    return tuple(sorted(missing))


def missing_denies(
    policies: Iterable[tuple[str, Mapping[str, Any]]], actions: Iterable[str]
) -> tuple[tuple[str, ...], bool]:
    """Return the actions that a role is not denied, and whether it has the baseline's policy, of an older list then.

    Args:
        policies: name and document of each policy, the baseline's first. No more are read than must be.
        actions: IAM actions without wildcards.
    """
    missing, dated = tuple(sorted(set(actions))), False
    for name, document in policies:
        left = not_denied([document], missing)
        dated = dated or (name.endswith(DELETES_POLICY) and len(left) < len(missing))
        missing = left
        if not missing:
            break
    return missing, dated


def _denies(statement: Mapping[str, Any], action: str) -> bool:
    if statement.get("Effect") != "Deny" or statement.get("Condition") or "*" not in _listed(statement.get("Resource")):
        return False
    if "NotAction" in statement:
        return not _matches(_listed(statement["NotAction"]), action)
    return _matches(_listed(statement.get("Action")), action)


def _matches(patterns: Iterable[str], action: str) -> bool:
    """Return whether a pattern with ``*`` and ``?`` matches; IAM ignores the case of actions."""
    return any(fnmatchcase(action.lower(), pattern.lower().replace("[", "[[]")) for pattern in patterns)


def _listed(value: Any) -> Sequence[Any]:
    """Return a value of a policy as a list: IAM accepts a single one without brackets."""
    if value is None:
        return ()
    return value if isinstance(value, list) else (value,)


def shared_role(account: Account) -> Finding | None:
    """Return the finding that `roles.apply` of an account is a role that may delete protected resources, or None."""
    roles = account.roles
    same = {roles.bootstrap: Role.BOOTSTRAP, roles.break_glass: Role.BREAK_GLASS}.get(roles.apply)
    if same is None:
        return None
    what = {
        Role.BOOTSTRAP: "the role that may do everything (roles.bootstrap)",
        Role.BREAK_GLASS: "the break-glass role (roles.break_glass)",
    }[same]
    return _finding(
        account,
        cause=f"roles.apply of {account.name} is {roles.apply}, which is also {what}",
        hint="name a role of its own in `roles.apply` of live/orch.yaml or of the account: `orch-apply`, which "
        f"`orch bootstrap {account.name}` makes",
    )


def undenied_role(account: Account, missing: Sequence[str]) -> Finding:
    """Return the finding that the apply role lacks the policy that denies it what deletes protected resources."""
    return _finding(
        account,
        cause=f"no policy of the role {account.roles.apply} in {account.id} denies {shown(missing)}",
        hint=f"`orch bootstrap {account.name}` attaches the policy again, if roles.apply is the role that it makes",
    )


def shown(actions: Sequence[str]) -> str:
    """Return the first actions, and how many more there are."""
    more = f" and {len(actions) - _SHOWN} more" if len(actions) > _SHOWN else ""
    return ", ".join(actions[:_SHOWN]) + more


def _finding(account: Account, *, cause: str, hint: str) -> Finding:
    unit = f"account:{account.name}"
    return Finding(
        id=finding_id(APPLY_ROLE, unit, account.roles.apply, ""),
        rule=APPLY_ROLE,
        unit=unit,
        address=account.roles.apply,
        action="",
        cause=cause,
        message=f"the apply role of {account.name} may delete protected resources",
        hint=hint,
        where=account.at,
    )
