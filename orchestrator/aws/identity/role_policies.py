"""Reads the policies of an IAM role: what is attached to it, and what is written into it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.config.catalogue import Account


def policy_documents(
    identities: Identities, account: Account, role: Role, *, first: str = ""
) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield name and document of a role's policies, each read when it is asked for: attached ones, then inline ones.

    Args:
        identities: provides the clients; the plan role reads.
        account: the account.
        role: the role whose policies are read.
        first: how the name of the policy ends that is yielded before all others.

    Raises:
        DeniedError: the plan role may not read them.
        ThrottledError, SetupError, UnitError: the role does not exist, or AWS cannot be reached.
    """
    reader = _Reader(identities, account, role.name_in(account).rpartition("/")[2])
    attached = reader.attached()
    for each in sorted(attached, key=lambda policy: not (first and policy["PolicyName"].endswith(first))):
        yield each["PolicyName"], reader.managed(each["PolicyArn"])
    for name in reader.inline():
        yield name, reader.inline_policy(name)


@dataclass(frozen=True, slots=True)
class _Reader:
    """Reads the policies of one role. ``name``: without its path."""

    identities: Identities
    account: Account
    name: str

    def attached(self) -> list[Mapping[str, str]]:
        found: list[Mapping[str, str]] = self._ask(
            lambda iam: _all(iam, "list_attached_role_policies", "AttachedPolicies", RoleName=self.name)
        )
        return found

    def managed(self, arn: str) -> Mapping[str, Any]:
        version = self._ask(lambda iam: iam.get_policy(PolicyArn=arn))["Policy"]["DefaultVersionId"]
        answer = self._ask(lambda iam: iam.get_policy_version(PolicyArn=arn, VersionId=version))
        document: Mapping[str, Any] = answer["PolicyVersion"]["Document"]
        return document

    def inline(self) -> list[str]:
        found: list[str] = self._ask(lambda iam: _all(iam, "list_role_policies", "PolicyNames", RoleName=self.name))
        return found

    def inline_policy(self, policy: str) -> Mapping[str, Any]:
        answer = self._ask(lambda iam: iam.get_role_policy(RoleName=self.name, PolicyName=policy))
        document: Mapping[str, Any] = answer["PolicyDocument"]
        return document

    def _ask(self, function: Callable[[Any], Any]) -> Any:
        client = self.identities.client("iam", self.account, Role.PLAN)
        return self.identities.call(
            self.account, f"read the policies of the role {self.name}", lambda: function(client)
        )


def _all(iam: Any, operation: str, key: str, **arguments: str) -> list[Any]:
    return [each for page in iam.get_paginator(operation).paginate(**arguments) for each in page[key]]
