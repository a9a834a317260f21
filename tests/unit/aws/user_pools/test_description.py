"""What a pool and its clients have beside what the module manages is found, and what nobody may read is said."""

from __future__ import annotations

from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ClientError

from orchestrator.aws.user_pools.description import describe_pool

POOL = "eu-west-1_AbCdEf123"
CSS = {"UserPoolId": POOL, "ClientId": "ALL", "CSS": ".logo {}"}
RISK = {"UserPoolId": POOL, "CompromisedCredentialsRiskConfiguration": {"Actions": {"EventAction": "BLOCK"}}}
NAMES = {"1": "web", "2": "app"}


Parts = dict[str, dict[str, dict[str, Any]]]


class Cognito:
    """Answers as Cognito does for a pool with two clients.

    Args:
        parts: call -> client, or "" for the pool -> what it has of its own.
        denied: calls that are not allowed.
    """

    def __init__(self, parts: Parts, denied: tuple[str, ...] = ()) -> None:
        self.parts, self.denied = parts, denied
        self.model: Any = botocore.session.get_session().create_client("cognito-idp", region_name="eu-west-1").meta
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> Any:
        operation = self.model.method_to_api_mapping[name]
        shape = self.model.service_model.operation_model(operation)

        def call(**arguments: Any) -> dict[str, Any]:
            assert set(arguments) <= set(shape.input_shape.members)
            self.asked.append(name)
            if name in self.denied:
                raise ClientError({"Error": {"Code": "AccessDeniedException", "Message": "no"}}, operation)
            (key, *_) = shape.output_shape.members
            if name == "describe_user_pool":
                return {key: {"Id": POOL, "Name": "members"}}
            if name == "list_user_pool_clients":
                return {key: [{"ClientId": id_, "ClientName": each} for id_, each in NAMES.items()]}
            if name in {"describe_user_pool_client", "get_user_pool_mfa_config"}:
                return {key: {"ClientId": arguments.get("ClientId")}}
            if name.startswith("list_"):
                return {key: []}
            return {key: self.part(name, operation, arguments.get("ClientId", ""))}

        return call

    def part(self, name: str, operation: str, id_: str) -> dict[str, Any]:
        own = self.parts.get(name, {})
        if id_ in own:
            return own[id_]
        if "branding" in name:
            raise ClientError({"Error": {"Code": "ResourceNotFoundException", "Message": "none"}}, operation)
        return own.get("", {})


def beside(parts: Parts, *denied: str) -> tuple[tuple[str, ...], tuple[str, ...]]:
    found = describe_pool(Cognito(parts, denied), POOL)
    assert found is not None
    return found.beside, found.unread


def test_nothing_beside() -> None:
    assert beside({}) == ((), ())


def test_what_a_pool_has_as_a_whole_is_told_once() -> None:
    logs = {"UserPoolId": POOL, "LogConfigurations": [{"LogLevel": "ERROR"}]}
    parts: Parts = {
        "get_ui_customization": {"": CSS},
        "describe_risk_configuration": {"": RISK},
        "get_log_delivery_configuration": {"": logs},
    }
    pool = ("a UI customization of the hosted pages", "a risk configuration", "a log delivery configuration")
    assert beside(parts) == (pool, ())


def test_what_a_client_has_of_its_own_is_told_with_its_name() -> None:
    logo = {"UserPoolId": POOL, "ClientId": "2", "ImageUrl": "https://example.com/logo.png"}
    parts: Parts = {
        "get_ui_customization": {"": {"UserPoolId": POOL}, "2": logo},
        "describe_risk_configuration": {"": RISK, "1": RISK | {"ClientId": "1"}},
        "describe_managed_login_branding_by_client": {"1": {"UserPoolId": POOL, "ManagedLoginBrandingId": "x"}},
    }
    assert beside(parts)[0] == (
        "a UI customization of the hosted pages of the client app",
        "a risk configuration",
        "a risk configuration of the client web",
        "a branding of the managed login of the client web",
    )


@pytest.mark.parametrize(
    ("call", "what"),
    [
        ("get_ui_customization", "a UI customization of the hosted pages"),
        ("describe_managed_login_branding_by_client", "a branding of the managed login"),
    ],
)
def test_what_nobody_may_read_is_asked_for_once(call: str, what: str) -> None:
    client = Cognito({}, (call,))
    found = describe_pool(client, POOL)
    assert found is not None
    assert (found.beside, found.unread) == ((), (what,))
    assert client.asked.count(call) == 1
