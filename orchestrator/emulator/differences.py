"""How the emulator differs from AWS in each service, for those who draw conclusions from it. See docs/emulator.md."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

_EVERYWHERE = "Nothing is eventually consistent, limited by quotas, or throttled."
_BY_SERVICE: Mapping[str, str] = {
    "lambda": "No function runs: triggers, custom resources and authorizers have no effect.",
    "codebuild": "No build runs.",
    "codepipeline": "No pipeline runs.",
    "ecs": "No container runs.",
    "ec2": "No instance runs.",
    "rds": "There is no database behind an instance or cluster.",
    "cognito-idp": "SignUp and InitiateAuth are not checked, and no mail or message is sent.",
    "sqs": "Policies of queues are stored but not evaluated.",
    "sns": "Policies of topics are not evaluated: publishing from another account succeeds.",
    "kms": "Policies of keys are stored but not evaluated.",
    "secretsmanager": "Policies of secrets are stored but not evaluated.",
    "acm": "Certificates are issued without validation.",
    "cloudformation": "Templates run on the emulator's models of their resources.",
}


def differences_in(services: Iterable[str]) -> tuple[str, ...]:
    """Return one sentence about each of these services in which the emulator differs, and what differs everywhere.

    Args:
        services: botocore's names, such as ``cognito-idp``.
    """
    own = (f"{name}: {_BY_SERVICE[name]}" for name in sorted(set(services)) if name in _BY_SERVICE)
    return (*own, _EVERYWHERE)
