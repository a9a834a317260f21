"""A pool that exists, as inputs of the module user_pool: nothing is lost on the way, and no secret is on it."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given, settings

from orchestrator.aws.user_pools.description import PoolDescription
from orchestrator.aws.user_pools.inputs import pool_inputs
from orchestrator.config.nodes import Node
from orchestrator.config.resolve.types import check_input
from orchestrator.errors import Location
from orchestrator.hcl.modules.interface import ModuleInterface
from orchestrator.hcl.modules.read import read_module
from tests.support.module_readme import ROOT
from tests.support.pool_arguments import description_from
from tests.support.user_pools import POOL, SECRET, descriptions

AT = Location("live/stages/prod.yaml")
EMPTY = PoolDescription({"Id": POOL, "Name": "hand made"}, {"MfaConfiguration": "OFF"}, {}, (), (), (), ())


@pytest.fixture(scope="module")
def module() -> ModuleInterface:
    return read_module(ROOT / "modules" / "user_pool", root=ROOT)


def node(value: Any) -> Node:
    """A value as ``live/`` would give it."""
    if isinstance(value, dict):
        return Node({key: node(item) for key, item in value.items()}, AT)
    return Node(tuple(node(item) for item in value) if isinstance(value, list) else value, AT)


def without_secrets(found: PoolDescription) -> PoolDescription:
    """The secrets of identity providers are nowhere: they stay as they are in AWS."""
    return replace(
        found,
        identity_providers=tuple(
            {**each, "ProviderDetails": {k: v for k, v in each["ProviderDetails"].items() if k != "client_secret"}}
            for each in found.identity_providers
        ),
    )


@given(found=descriptions())
@settings(max_examples=150)
def test_nothing_of_a_pool_is_lost_and_the_module_takes_every_input(
    module: ModuleInterface, found: PoolDescription
) -> None:
    made = pool_inputs(found)
    assert description_from(made.inputs, made.imports) == without_secrets(found)
    assert SECRET not in json.dumps([made.inputs, dict(made.imports), made.notes])
    for name, value in made.inputs.items():
        assert check_input(module.variables[name], node(value), name) == []


@given(found=descriptions())
def test_every_part_has_an_import_id(found: PoolDescription) -> None:
    made = pool_inputs(found)
    parts = (found.clients, found.groups, found.resource_servers, found.identity_providers)
    assert len(made.imports) == 1 + len(found.domains) + sum(map(len, parts))
    assert made.imports["aws_cognito_user_pool.this"] == POOL


def test_untouched_standard_attributes_are_left_to_cognito() -> None:
    untouched = {
        "Name": "email",
        "AttributeDataType": "String",
        "DeveloperOnlyAttribute": False,
        "Mutable": True,
        "Required": False,
        "StringAttributeConstraints": {"MinLength": "0", "MaxLength": "2048"},
    }
    subject = {**untouched, "Name": "sub", "Mutable": False, "Required": True}
    subject["StringAttributeConstraints"] = {"MinLength": "1", "MaxLength": "2048"}
    required = {**untouched, "Name": "name", "Required": True}
    found = replace(EMPTY, pool={**EMPTY.pool, "SchemaAttributes": [untouched, subject, required]})
    assert pool_inputs(found).inputs["standard_attributes"] == {"name": {"required": True}}


def test_what_is_not_taken_over_is_told() -> None:
    provider = {"ProviderName": "Google", "ProviderType": "Google", "ProviderDetails": {"client_secret": SECRET}}
    found = replace(
        EMPTY,
        groups=({"GroupName": f"{POOL}_Google"}, {"GroupName": 'a"b'}, {"GroupName": "admins"}),
        identity_providers=(provider,),
        clients=tuple({"ClientName": "web", "ClientId": id_, "ClientSecret": SECRET} for id_ in ("c1", "c2")),
        beside=("a risk configuration",),
        unread=("a log delivery configuration",),
    )
    made = pool_inputs(found)
    assert list(made.inputs["groups"]) == ["admins"], "Cognito makes a group for each identity provider by itself"
    assert list(made.inputs["clients"]) == ["web-c1", "web-c2"]
    told = "\n".join(made.notes)
    for part in (
        "deletion protection is off",
        "the secret of the identity provider Google stays",
        "the secrets of web are in the state",
        'a\\"b',
        "a risk configuration, which is not taken over",
        "whether it has a log delivery configuration could not be read",
        "named alike",
    ):
        assert part in told
    assert SECRET not in told
