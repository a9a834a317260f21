"""Correct Cognito's CreateUserPool, UpdateUserPool, DeleteUserPool and DescribeUserPoolDomain.

- UpdateUserPool has no parameters for ``UsernameAttributes``, ``AliasAttributes`` and ``UsernameConfiguration``, which
  are fixed at creation, and its tags are optional. moto drops all of them, so Terraform's next plan replaces the pool.
- DeleteUserPool fails while ``DeletionProtection`` is ``ACTIVE`` or the pool has a domain. moto deletes the pool.
- A pool has all standard attributes, even if it was created with a schema, and reports ``INACTIVE`` if deletion
  protection was not requested.
- A domain reports its ``ManagedLoginVersion``.
"""

from __future__ import annotations

from typing import Any

from moto.cognitoidp.exceptions import InvalidParameterException
from moto.cognitoidp.models import (
    CognitoIdpBackend,
    CognitoIdpUserPool,
    CognitoIdpUserPoolAttribute,
    CognitoIdpUserPoolDomain,
)

_FIXED = ("UsernameAttributes", "AliasAttributes", "UsernameConfiguration", "UserPoolTags")


def correct_user_pools() -> None:
    """Replace moto's methods."""
    _correct_creation()
    _correct_update()
    _correct_deletion()
    _correct_domain()


def _correct_creation() -> None:
    original = CognitoIdpUserPool.__init__

    def create(self: Any, *args: Any, **kwargs: Any) -> None:
        original(self, *args, **kwargs)
        standard = {
            name: CognitoIdpUserPoolAttribute(name, False, schema)  # moto's signature
            for name, schema in CognitoIdpUserPoolAttribute.STANDARD_SCHEMA.items()
        }
        self.schema_attributes = {**standard, **self.schema_attributes}

    CognitoIdpUserPool.__init__ = create


def _correct_update() -> None:
    configure, update = CognitoIdpUserPool.update_extended_config, CognitoIdpBackend.update_user_pool

    def configured(self: Any, config: dict[str, Any]) -> None:
        configure(self, config)
        self.extended_config.setdefault("DeletionProtection", "INACTIVE")

    def updated(self: Any, user_pool_id: str, extended_config: dict[str, Any]) -> None:
        had = self.describe_user_pool(user_pool_id).extended_config
        update(self, user_pool_id, {**{name: had[name] for name in _FIXED if name in had}, **extended_config})

    CognitoIdpUserPool.update_extended_config = configured
    CognitoIdpBackend.update_user_pool = updated


def _correct_deletion() -> None:
    delete = CognitoIdpBackend.delete_user_pool

    def deleted(self: Any, user_pool_id: str) -> None:
        pool = self.describe_user_pool(user_pool_id)
        if pool.extended_config.get("DeletionProtection") == "ACTIVE":
            raise InvalidParameterException(
                "The user pool cannot be deleted because deletion protection is activated. "
                "Deletion protection must be inactivated first."
            )
        if pool.domain:
            raise InvalidParameterException(
                "User pool cannot be deleted. It has a domain configured that should be deleted first."
            )
        delete(self, user_pool_id)

    CognitoIdpBackend.delete_user_pool = deleted


def _correct_domain() -> None:
    describe = CognitoIdpUserPoolDomain.to_json

    def described(self: Any, *args: Any, **kwargs: Any) -> dict[str, Any]:
        return {**describe(self, *args, **kwargs), "ManagedLoginVersion": 1}

    CognitoIdpUserPoolDomain.to_json = described
