"""The output of ``orch credentials ACCOUNT``: an environment for a shell, or a ``credential_process`` document."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping
from pathlib import Path

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.profiles import (
    emulator_variables,
    foreign_variables,
    process_document,
    profile_config,
    write_identity_file,
)
from orchestrator.aws.identity.roles import Role
from orchestrator.config.catalogue import Catalogue

MARKER = "ORCH_CREDENTIALS"
"""Set in a shell that received this environment. orch cannot start from there, and its errors mention that."""


def credential_process_json(identities: Identities, account: str, role: Role) -> str:
    """Return credentials as a ``credential_process`` document, for tools that ask again after it expires.

    Args:
        identities: provides the credentials.
        account: name of the account.
        role: the role.

    Returns:
        JSON text with a trailing newline.

    Raises:
        SetupError, ThrottledError: credentials are not available.
    """
    identities.confirm(account, role)
    return process_document(identities.credentials(account, role))


def shell_environment(
    folder: Path,
    catalogue: Catalogue,
    identities: Identities,
    account: str,
    role: Role,
    *,
    environ: Mapping[str, str] = os.environ,
) -> str:
    """Return shell commands that give a shell the role, for ``eval "$(orch credentials ACCOUNT)"``.

    They export the keys for any tool, and a configuration with the profile ``orch-ACCOUNT`` that rendered roots use, so
    that ``terraform plan`` works in a root without orch. Both expire together, within the hour.

    Args:
        folder: where that configuration is written (files with mode 0600), e.g. ``.orch/credentials``.
        catalogue: the configuration; its accounts become profiles.
        identities: provides the credentials.
        account: name of the account.
        role: the role.
        environ: the current environment of the shell; variables that lead to another identity are unset.

    Returns:
        one command per line, with every value quoted for the shell.

    Raises:
        SetupError, ThrottledError: credentials are not available, or the files cannot be written.
    """
    record = identities.account(account)
    identities.confirm(record, role)
    credentials = identities.credentials(record, role)
    folder = folder.resolve() / role.value
    files = {a.name: (a.region, folder / f"{a.name}.json") for a in catalogue.accounts.values()}
    write_identity_file(files[record.name][1], process_document(credentials))
    write_identity_file(folder / "aws.config", profile_config(files))
    values = {
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_SESSION_TOKEN": credentials.session_token or "",
        "AWS_CREDENTIAL_EXPIRATION": credentials.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
        "AWS_REGION": record.region,
        "AWS_DEFAULT_REGION": record.region,
        "AWS_CONFIG_FILE": str(folder / "aws.config"),
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        MARKER: f"{record.name}/{role.value}",
    }
    if identities.emulator is not None:
        values |= emulator_variables(identities.emulator.url)
    unset = [n for n in foreign_variables(environ, emulated=identities.emulator is not None) if n not in values]
    return shell_commands(values, unset)


def shell_commands(values: Mapping[str, str], unset: list[str]) -> str:
    """Return commands for sh, bash and zsh.

    Args:
        values: variable -> value; an empty value unsets the variable.
        unset: further variables to unset.

    Returns:
        ``unset`` and ``export`` lines with a trailing newline.
    """
    gone = sorted({*unset, *(name for name, value in values.items() if not value)})
    lines = [f"unset {' '.join(shlex.quote(name) for name in gone)}"] if gone else []
    lines += [f"export {name}={shlex.quote(value)}" for name, value in values.items() if value]
    return "\n".join(lines) + "\n"
