"""Puts a placeholder where a unit reads a secret that nothing in the emulator has: the real value is in AWS only."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from orchestrator.aws.causes import AwsFailure
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.config.catalogue import Unit
from orchestrator.errors import OrchError

PLACEHOLDER_TEXT = "orch-rehearsal"


def add_missing_secrets(identities: Identities, units: Iterable[Unit]) -> tuple[str, ...]:
    """Create every secret that units read and that does not exist; return their names, such as ``ssm:/prod/token``.

    Never fails: Terraform reports a secret that could not be created.

    Args:
        identities: those of the emulator.
        units: the units that are about to be planned.
    """
    made: list[str] = []
    for unit in units:
        for secret in unit.secrets:
            try:
                client = identities.client(secret.store, unit.account, Role.BOOTSTRAP, region=unit.region)
                if _make(client, secret.store, secret.key):
                    made.append(f"{secret.store}:{secret.key}")
            except (*AwsFailure, OrchError):
                continue
    return tuple(dict.fromkeys(made))


def _make(client: Any, store: str, key: str) -> bool:
    """Create one secret, and return whether it did not exist."""
    if store == "ssm":
        name = f"/{key.lstrip('/')}" if "/" in key else key
        if client.get_parameters(Names=[name])["Parameters"]:
            return False
        client.put_parameter(Name=name, Value=PLACEHOLDER_TEXT, Type="SecureString")
        return True
    try:
        client.describe_secret(SecretId=key)
    except client.exceptions.ResourceNotFoundException:
        client.create_secret(Name=key, SecretString=PLACEHOLDER_TEXT)
        return True
    return False
