"""The plan role of ``account_baseline`` may do what orch needs to count contents, and to see whether there are any."""

from __future__ import annotations

from fnmatch import fnmatchcase
from typing import Any

import boto3
import pytest

from orchestrator.aws.backup.count import COUNTS, LOOKED_INTO
from orchestrator.emulator.access.action_names import action_of
from orchestrator.emulator.access.request import AwsRequest
from orchestrator.hcl.modules.blocks import Declarations
from orchestrator.hcl.modules.files import read_module_files
from orchestrator.hcl.tree import Items, constant_text
from tests.support.project import REPOSITORY

LOOKS = [(type_, look) for table in (COUNTS, LOOKED_INTO) for type_, look in table.items()]
NOT_ALLOWED = {"cognito-idp:ListUsersInGroup"}
"""It returns the attributes of the members, and the plan role reads no users: a sly author's plan runs under it."""


class AskedError(Exception):
    """A request would be sent; ``args`` are the service and the operation."""


def asked(type_: str, look: Any) -> str:
    """The IAM action of the first request of a look."""
    client: Any = boto3.client(look.service, region_name="eu-west-1", aws_access_key_id="a", aws_secret_access_key="b")

    def before(model: Any, **_: Any) -> None:
        raise AskedError(model.service_model.service_name, model.name)

    client.meta.events.register("before-call", before)
    with pytest.raises(AskedError) as caught:
        look.ask(client, "eu-west-1:id/x" if type_ != "aws_s3_bucket" else "bucket")
    service, operation = caught.value.args
    return action_of(AwsRequest(service, operation, "", {}, "", "", "", {}, "", None, open=False))


@pytest.mark.parametrize(("type_", "look"), LOOKS)
def test_each_look_declares_the_action_that_it_needs(type_: str, look: Any) -> None:
    assert asked(type_, look) == look.action


def test_the_plan_role_may_do_it() -> None:
    module = REPOSITORY / "modules/account_baseline"
    declared = Declarations.of(read_module_files(module, root=REPOSITORY))
    allowed: set[str] = set()
    for name in ("look_actions", "look_counts"):
        value = declared.locals[name].value
        assert isinstance(value, Items)
        allowed |= {constant_text(each) or "" for each in value.items}
    missing = {look.action for _, look in LOOKS if not any(fnmatchcase(look.action, each) for each in allowed)}
    assert missing == NOT_ALLOWED
