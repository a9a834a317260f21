"""Correct CloudFormation's CreateStack, UpdateStack and DeleteStack for ``AWS::Cognito::UserPool``.

moto does not know this type: it skips the resource and reports the stack as complete. Here the pool is created, updated
in place, and deleted with its stack or when it is removed from the template. Changing a property that Cognito fixes at
creation fails.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from moto.cloudformation.exceptions import UnformattedGetAttTemplateException, ValidationError
from moto.cognitoidp.models import CognitoIdpUserPool, cognitoidp_backends
from moto.core.common_models import CloudFormationModel

_FIXED = ("UsernameAttributes", "AliasAttributes", "UsernameConfiguration")


def correct_user_pool_stacks() -> None:
    """Do nothing more: moto finds the class below through its base class once this module is imported."""


class UserPoolInStack(CloudFormationModel):  # type: ignore[misc]  # moto is not typed
    """A user pool in a CloudFormation stack, with the methods that moto calls.

    Args:
        pool: Cognito's user pool.
    """

    attributes: ClassVar[Mapping[str, str]] = {"Arn": "arn", "UserPoolId": "id"}

    def __init__(self, pool: CognitoIdpUserPool) -> None:
        self.pool = pool

    @property
    def physical_resource_id(self) -> str:
        """The value of ``Ref``."""
        return str(self.pool.id)

    @staticmethod
    def cloudformation_name_type() -> str:
        """No property is a name that moto should generate."""
        return ""

    @staticmethod
    def cloudformation_type() -> str:
        """The type in templates."""
        return "AWS::Cognito::UserPool"

    @classmethod
    def has_cfn_attr(cls, attr: str) -> bool:
        """Whether ``Fn::GetAtt`` supports an attribute."""
        return attr in cls.attributes

    def get_cfn_attribute(self, attribute_name: str) -> str:
        """Return the value of ``Fn::GetAtt``."""
        if attribute_name not in self.attributes:
            raise UnformattedGetAttTemplateException
        return str(getattr(self.pool, self.attributes[attribute_name]))

    @classmethod
    def create_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str, **_: Any
    ) -> UserPoolInStack:
        """Create the pool."""
        given = dict(cloudformation_json.get("Properties", {}))
        name = given.pop("UserPoolName", resource_name)
        return cls(cognitoidp_backends[account_id][region_name].create_user_pool(name, given))

    @classmethod
    def update_from_cloudformation_json(
        cls,
        original_resource: UserPoolInStack,
        new_resource_name: str,
        cloudformation_json: Any,
        account_id: str,
        region_name: str,
    ) -> UserPoolInStack:
        """Update the pool in place."""
        del new_resource_name
        pool, given = original_resource.pool, dict(cloudformation_json.get("Properties", {}))
        given.pop("UserPoolName", None)
        for name in _FIXED:
            if pool.extended_config.get(name) != given.get(name):
                raise ValidationError(message=f"Updates are not allowed for property - {name}.")
        added = [each for each in given.pop("Schema", []) if f"custom:{each['Name']}" not in pool.schema_attributes]
        if added:
            pool.add_custom_attributes(added)
        cognitoidp_backends[account_id][region_name].update_user_pool(pool.id, given)
        return original_resource

    @classmethod
    def delete_from_cloudformation_json(
        cls, resource_name: str, cloudformation_json: Any, account_id: str, region_name: str
    ) -> None:
        """Delete a pool that was removed from the template."""
        del cloudformation_json
        cognitoidp_backends[account_id][region_name].delete_user_pool(resource_name)

    def delete(self, account_id: str, region_name: str) -> None:
        """Delete the pool with its stack."""
        cognitoidp_backends[account_id][region_name].delete_user_pool(self.pool.id)
