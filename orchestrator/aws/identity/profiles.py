"""The configuration files and environment variables through which AWS tools receive credentials."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Mapping
from pathlib import Path

from orchestrator.aws.identity.identities import Credentials
from orchestrator.errors import SetupError
from orchestrator.util.files import write_atomic

_KEPT = frozenset({"AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS"})
_KEPT_OUTSIDE_EMULATOR = frozenset(
    {"AWS_CA_BUNDLE", "AWS_USE_FIPS_ENDPOINT", "AWS_USE_DUALSTACK_ENDPOINT", "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"}
)


def profile_name(account: str) -> str:
    """Return the profile that rendered roots use for an account: ``orch-ACCOUNT``."""
    return f"orch-{account}"


def profile_config(profiles: Mapping[str, tuple[str, Path]]) -> str:
    """Return the text of an AWS configuration file with one profile per account.

    Args:
        profiles: account name -> its region and the file that holds its credentials.

    Raises:
        SetupError: the file format cannot represent a path.
    """
    parts = []
    for account, (region, file) in sorted(profiles.items()):
        # The Go SDK ends a value at a space followed by a hash or semicolon, even inside quotes.
        if re.search(r"[\x00-\x1f\x7f]|\s[#;]", str(file)):
            raise SetupError(
                f"an AWS configuration file cannot contain the path {str(file.parent)!r}",
                hint="move the repository to a path without ' #', ' ;' and control characters",
            )
        command = f"cat {shlex.quote(str(file))}"
        parts.append(f"[profile {profile_name(account)}]\nregion = {region}\ncredential_process = {command}\n")
    return "\n".join(parts)


def process_document(credentials: Credentials) -> str:
    """Return credentials in the JSON format of a ``credential_process`` (version 1)."""
    document: dict[str, str | int] = {
        "Version": 1,
        "AccessKeyId": credentials.access_key,
        "SecretAccessKey": credentials.secret_key,
        "Expiration": credentials.expires.strftime("%Y-%m-%dT%H:%M:%SZ"),
    }
    if credentials.session_token:
        document["SessionToken"] = credentials.session_token
    return json.dumps(document, indent=2) + "\n"


def foreign_variables(environ: Mapping[str, str], *, emulated: bool) -> tuple[str, ...]:
    """Return the names of the ``AWS_`` variables that would lead a child process to another identity or endpoint.

    Args:
        environ: an environment.
        emulated: the child uses the emulator, so the endpoints of the user do not apply either.

    Returns:
        the names, sorted.
    """
    return tuple(sorted(n for n in environ if n.startswith("AWS_") and not _kept(n, emulated=emulated)))


def clean_environment(environ: Mapping[str, str], *, emulated: bool) -> dict[str, str]:
    """Return an environment without `foreign_variables`. Proxies and certificates remain."""
    dropped = set(foreign_variables(environ, emulated=emulated))
    return {name: value for name, value in environ.items() if name not in dropped}


def emulator_variables(url: str) -> dict[str, str]:
    """Return the variables that lead a child process to the emulator.

    The emulator is also set as the proxy: for S3 Control, the AWS SDK prepends the account ID to the host name
    (``111111111111.127.0.0.1``), and no resolver knows that name. Go sends requests to loopback addresses directly.
    """
    return {"AWS_ENDPOINT_URL": url, "HTTP_PROXY": url, "http_proxy": url, "NO_PROXY": "", "no_proxy": ""}


def _kept(name: str, *, emulated: bool) -> bool:
    if name in _KEPT:
        return True
    # Certificates too are for AWS only: the emulator speaks plain HTTP on loopback.
    return not emulated and (name in _KEPT_OUTSIDE_EMULATOR or name.startswith("AWS_ENDPOINT_URL"))


def write_identity_file(file: Path, text: str) -> None:
    """Write a private file (mode 0600) for AWS tools: a configuration or credentials.

    Raises:
        SetupError: the file cannot be written, e.g. because the disk is full.
    """
    try:
        write_atomic(file, text.encode())
    except OSError as error:
        raise SetupError(f"cannot write {file}: {error.strerror}", hint="make room, or make it writable") from error
