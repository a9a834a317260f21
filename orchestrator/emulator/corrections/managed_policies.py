"""Correct IAM's AttachRolePolicy, AttachUserPolicy, AttachGroupPolicy and GetPolicy for policies managed by AWS.

moto has ``arn:aws:iam::aws:policy/ReadOnlyAccess`` and the others either in every account or in none, and a copy of all
1,500 takes 60 ms and some megabytes per account. Here a policy exists from the moment that a request names it.
"""

from __future__ import annotations

import json
from functools import cache
from typing import Any

from moto.iam.aws_managed_policies import aws_managed_policies_data
from moto.iam.models import AWSManagedPolicy, IAMBackend

_START = "arn:aws:iam::aws:policy"


class _Policies(dict[str, Any]):
    """An account's managed policies; those of AWS are added on first access."""

    def __init__(self, backend: Any) -> None:
        super().__init__()
        self._backend = backend

    def __missing__(self, arn: str) -> Any:
        data = _known().get(arn)
        if data is None:
            raise KeyError(arn)
        name = arn.rpartition("/")[2]
        self[arn] = AWSManagedPolicy.from_data(name, self._backend.account_id, self._backend.region_name, data)
        return self[arn]

    def __contains__(self, arn: object) -> bool:
        return super().__contains__(arn) or (isinstance(arn, str) and arn.startswith(_START) and arn in _known())

    def get(self, key: str, default: Any = None) -> Any:
        try:
            return self[key]
        except KeyError:
            return default


def correct_managed_policies() -> None:
    """Replace moto's methods."""
    IAMBackend._init_managed_policies = _of_account  # noqa: SLF001  # called once per account
    for name in ("attach_role_policy", "attach_user_policy", "attach_group_policy"):
        setattr(IAMBackend, name, _asked_for(getattr(IAMBackend, name)))


def _of_account(backend: Any) -> _Policies:
    return _Policies(backend)


def _asked_for(original: Any) -> Any:
    def attach(self: Any, policy_arn: str, *args: Any, **kwargs: Any) -> Any:
        self.managed_policies.get(policy_arn)  # adds the policy: moto searches the existing ones
        return original(self, policy_arn, *args, **kwargs)

    return attach


@cache
def _known() -> dict[str, Any]:
    """Return every policy managed by AWS, by ARN."""
    return {f"{_START}{data['Path']}{name}": data for name, data in json.loads(aws_managed_policies_data).items()}
