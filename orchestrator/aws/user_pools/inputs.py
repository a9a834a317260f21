"""A user pool that exists as inputs of the module ``user_pool``, and the ids by which Terraform imports it."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.aws.user_pools.attributes import custom_attributes, standard_attributes
from orchestrator.aws.user_pools.clients import client_input, client_keys
from orchestrator.aws.user_pools.description import PoolDescription
from orchestrator.aws.user_pools.settings import pool_settings, renamed, sorted_list

_SECRETS = ("client_secret", "private_key")
_GROUP = {"Description": "description", "Precedence": "precedence", "RoleArn": "role_arn"}
_ADDRESSABLE = re.compile(r'[^"\\$%\x00-\x1f\x7f-\x9f\u2028\u2029]+')
"""Names that can be written as a key in a resource address of ``live/``."""


@dataclass(frozen=True, slots=True)
class PoolInputs:
    """What takes over a pool.

    Attributes:
        inputs: variable of the module -> value: text, numbers, booleans, lists and maps. Contains no secret.
        imports: resource address in the module -> import id.
        notes: what is not taken over, and what the user should know; one sentence each.
    """

    inputs: Mapping[str, Any]
    imports: Mapping[str, str]
    notes: tuple[str, ...]


def pool_inputs(found: PoolDescription) -> PoolInputs:
    """Return what takes over a pool."""
    settings = pool_settings(found.pool, found.mfa)
    first: dict[str, Any] = {name: settings.pop(name) for name in ("names", "sign_in") if name in settings}
    inputs: dict[str, Any] = {**first, **_attributes(found), **settings, **_domains(found)}
    imports = {"aws_cognito_user_pool.this": found.pool["Id"], **_domain_imports(inputs)}
    notes = list(_notes(found))
    for variable, resource, entries in _parts(found):
        for key in sorted(entries):
            import_id, value = entries[key]
            if _ADDRESSABLE.fullmatch(key) is None:
                notes.append(f"{json.dumps(key)} of {variable} is not taken over: live/ cannot name it in an address")
                continue
            inputs.setdefault(variable, {})[key] = value
            imports[f'{resource}.this["{key}"]'] = import_id
    return PoolInputs(inputs, imports, tuple(notes))


def _parts(found: PoolDescription) -> Iterator[tuple[str, str, Mapping[str, tuple[str, dict[str, Any]]]]]:
    """Yield the inputs that are maps of resources: variable, resource type, key -> import id and value."""
    id_ = found.pool["Id"]
    clients = client_keys(found.clients)
    groups = [each for each in found.groups if not _made_by_cognito(each["GroupName"], found)]
    yield (
        "clients",
        "aws_cognito_user_pool_client",
        {key: (f"{id_}/{each['ClientId']}", client_input(each, key)) for key, each in clients.items()},
    )
    yield (
        "groups",
        "aws_cognito_user_group",
        {each["GroupName"]: (f"{id_}/{each['GroupName']}", renamed(each, _GROUP)) for each in groups},
    )
    yield (
        "resource_servers",
        "aws_cognito_resource_server",
        {
            each["Identifier"]: (f"{id_}|{each['Identifier']}", _resource_server(each))
            for each in found.resource_servers
        },
    )
    yield (
        "identity_providers",
        "aws_cognito_identity_provider",
        {
            each["ProviderName"]: (f"{id_}:{each['ProviderName']}", _identity_provider(each))
            for each in found.identity_providers
        },
    )


def _attributes(found: PoolDescription) -> dict[str, Any]:
    schema = found.pool.get("SchemaAttributes") or ()
    parts = {"attributes": custom_attributes(schema), "standard_attributes": standard_attributes(schema)}
    return {name: part for name, part in parts.items() if part}


def _domains(found: PoolDescription) -> dict[str, Any]:
    """Return the domains: Cognito's own (without dots) first."""
    made = [_domain(name, each) for name, each in sorted(found.domains.items(), key=lambda item: "." in item[0])]
    return dict(zip(("domain", "custom_domain"), made, strict=False))


def _domain(name: str, domain: Mapping[str, Any]) -> dict[str, Any]:
    certificate = (domain.get("CustomDomainConfig") or {}).get("CertificateArn")
    version = domain.get("ManagedLoginVersion")
    found = {"name": name, "certificate_arn": certificate, "managed_login_version": version if version != 1 else None}
    return {key: value for key, value in found.items() if value}


def _domain_imports(inputs: Mapping[str, Any]) -> dict[str, str]:
    resources = {"domain": "this", "custom_domain": "custom"}
    return {
        f"aws_cognito_user_pool_domain.{resource}[0]": inputs[variable]["name"]
        for variable, resource in resources.items()
        if variable in inputs
    }


def _resource_server(server: Mapping[str, Any]) -> dict[str, Any]:
    scopes = {each["ScopeName"]: each["ScopeDescription"] for each in server.get("Scopes") or ()}
    name = {"name": server["Name"]} if server.get("Name") not in (None, server["Identifier"]) else {}
    return {**name, **({"scopes": scopes} if scopes else {})}


def _identity_provider(provider: Mapping[str, Any]) -> dict[str, Any]:
    details = {key: value for key, value in (provider.get("ProviderDetails") or {}).items() if key not in _SECRETS}
    found = {
        "type": provider["ProviderType"],
        "details": details,
        "attribute_mapping": dict(provider.get("AttributeMapping") or {}),
        "identifiers": list(provider.get("IdpIdentifiers") or ()),
    }
    return {key: value for key, value in found.items() if value}


def _made_by_cognito(group: str, found: PoolDescription) -> bool:
    """Return whether Cognito made a group by itself: one for the users of each identity provider."""
    return any(group == f"{found.pool['Id']}_{each['ProviderName']}" for each in found.identity_providers)


def _notes(found: PoolDescription) -> Iterator[str]:
    if (found.pool.get("DeletionProtection") or "INACTIVE") != "ACTIVE":
        yield (
            "its deletion protection is off: once it is imported, remove `deletion_protection` from its inputs, which "
            "switches it on"
        )
    secrets = sorted_list({each["ClientName"] for each in found.clients if each.get("ClientSecret")})
    if secrets:
        yield f"the secrets of {', '.join(secrets)} are in the state, and in no file of live/"
    for each in found.identity_providers:
        if any(key in (each.get("ProviderDetails") or {}) for key in _SECRETS):
            yield (
                f"the secret of the identity provider {each['ProviderName']} stays as it is, and is in no file of "
                "live/; another pool takes it from the SSM parameter that `secret` names"
            )
    yield from (f"it has {each}, which is not taken over" for each in found.beside)
    if found.unread:
        yield f"whether it has {' or '.join(found.unread)} could not be read; none is taken over"
    alike = client_keys(found.clients).keys() - {each["ClientName"] for each in found.clients}
    if alike:
        yield f"several clients are named alike: their keys end with their IDs ({', '.join(sorted(alike))})"
