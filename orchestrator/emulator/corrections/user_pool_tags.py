"""Add Cognito's TagResource, UntagResource and ListTagsForResource, which moto lacks."""

from __future__ import annotations

from typing import Any

from moto.cognitoidp.responses import CognitoIdpResponse
from moto.core.responses import ActionResult, EmptyResult


def correct_user_pool_tags() -> None:
    """Add the three operations to moto."""
    CognitoIdpResponse.tag_resource = _tag
    CognitoIdpResponse.untag_resource = _untag
    CognitoIdpResponse.list_tags_for_resource = _list


def _tags(response: Any) -> dict[str, str]:
    pool_id = response._get_param("ResourceArn").rpartition("/")[2]  # noqa: SLF001  # as in moto's own methods
    config = response.backend.describe_user_pool(pool_id).extended_config
    if config.get("UserPoolTags") is None:
        config["UserPoolTags"] = {}
    tags: dict[str, str] = config["UserPoolTags"]
    return tags


def _tag(response: Any) -> ActionResult:
    _tags(response).update(response._get_param("Tags"))  # noqa: SLF001  # as in moto's own methods
    return EmptyResult()


def _untag(response: Any) -> ActionResult:
    tags = _tags(response)
    for key in response._get_param("TagKeys"):  # noqa: SLF001  # as in moto's own methods
        tags.pop(key, None)
    return EmptyResult()


def _list(response: Any) -> ActionResult:
    return ActionResult({"Tags": _tags(response)})
