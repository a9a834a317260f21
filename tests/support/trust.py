"""Repositories with policies, owners and waivers, and what of them counts."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, timedelta
from pathlib import Path

from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.trust.trust import Trust, load_trust
from orchestrator.util.git import Repository
from tests.support.git import Git

ROOT = Path(__file__).parents[2]
TODAY = date(2026, 11, 26)
CI = {"CI": "true"}
PULL = {"CI": "true", "GITHUB_BASE_REF": "main"}
POOL = "module.this.aws_cognito_user_pool.this"
OWNERS = "anna: [anna@example.com]\ncarl: [carl@example.com]\n"


def waiver(
    owner: str = "anna", days: int = 5, reason: str = "moved", address: str = "aws_cognito_user_pool.this"
) -> str:
    """A waiver in the form of ``policies/waivers.yaml``."""
    expires = TODAY + timedelta(days=days)
    return (
        f"- id: gone\n  rule: ORCH_PROTECTED\n  unit: prod/identity\n  address: {address}\n"
        f"  owner: {owner}\n  reason: {reason}\n  expires: {expires}\n"
    )


def write(git: Git, name: str, text: str) -> None:
    """Write a file of the repository."""
    path = git.root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)


def load(root: Path, env: Mapping[str, str] = {}) -> Trust:
    """What counts in a folder."""
    return load_trust(root, Repository.find(root), env, lambda: TODAY)


def trust(git: Git, env: Mapping[str, str] = {}) -> Trust:
    """What counts in a repository."""
    return load(git.root, env)


def judged(trusted: Trust) -> Finding:
    """The loss of a pool, after the waivers."""
    loss = Finding("i", "ORCH_PROTECTED", "prod/identity", POOL, "delete", "c", "m", "h")
    return trusted.waiver_policy.apply([loss])[0]


def allowed(trusted: Trust) -> bool:
    """Whether a waiver allows the loss of a pool."""
    return judged(trusted).severity is Severity.WAIVED
