"""Paths that environment variables name, and errors that say which variable a path comes from."""

from __future__ import annotations

import errno
import os
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path

from orchestrator.errors import SetupError

_TEMPORARY = ("TMPDIR", "TEMP", "TMP")
_NAMED = (
    "ORCH_CACHE",
    "ORCH_PROVIDER_MIRROR",
    "ORCH_TERRAFORM_MIRROR",
    "TF_CLI_CONFIG_FILE",
    "TERRAFORM_CONFIG",
    "TF_PLUGIN_CACHE_DIR",
    "AWS_CONFIG_FILE",
    "AWS_SHARED_CREDENTIALS_FILE",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE",
    "AWS_CREDENTIAL_FILE",
    "BOTO_CONFIG",
    "AWS_CA_BUNDLE",
    "AWS_DATA_PATH",
    "SSL_CERT_FILE",
    "SSL_CERT_DIR",
    "SSLKEYLOGFILE",
    "REQUESTS_CA_BUNDLE",
    "CURL_CA_BUNDLE",
    "NETRC",
    "DASK_CONFIG",
    "DASK_ROOT_CONFIG",
    "GITHUB_EVENT_PATH",
    "XDG_CACHE_HOME",
    "XDG_CONFIG_HOME",
    "XDG_DATA_HOME",
    *_TEMPORARY,
)
"""Variables whose values are paths that orch, botocore, requests, Dask or Python read or write.

git and Terraform run in processes of their own, and say themselves which file they cannot use.
"""

_IN_HOME = (".cache", "Library", ".aws", ".terraform.d", ".terraformrc", ".local", ".config")
"""What is looked for in HOME. Other paths below it, such as the repository, do not come from the variable."""

_FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
_DENIED = frozenset({errno.EACCES, errno.EROFS, errno.EPERM})
_BROKEN = frozenset({errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG, errno.EIO})


def home_folder(env: Mapping[str, str]) -> Path:
    """Return the user's home folder.

    Raises:
        SetupError: ``HOME`` is not set, and the system knows no home folder of the user.
    """
    if env.get("HOME"):
        return Path(env["HOME"])
    try:
        return Path.home()
    except RuntimeError as error:
        message = "the home folder is unknown: HOME is not set, and the user has no entry in /etc/passwd"
        raise SetupError(message, hint="set HOME to a folder that the user can write to") from error


def named_path(env: Mapping[str, str], variable: str) -> Path | None:
    """Return the path that a variable names, with ``~`` expanded; None if it is not set or empty.

    Raises:
        SetupError: it names the home folder of an unknown user.
    """
    named = env.get(variable)
    if not named:
        return None
    if named == "~" or named.startswith("~/"):
        return home_folder(env) / named[2:]
    try:
        return Path(named).expanduser()
    except RuntimeError as error:
        message = f"{variable} names {named}, and there is no such user"
        raise SetupError(message, hint=f"set {variable} to the whole path") from error


def check_temporary_folder(env: Mapping[str, str]) -> None:
    """Check that ``TMPDIR`` names a folder that can be written to: Terraform and its providers take no other.

    Raises:
        SetupError: it does not.
    """
    named = named_path(env, "TMPDIR")
    if named is None:
        return
    try:
        with tempfile.TemporaryFile(dir=named) as file:
            file.write(b"x")
    except OSError as error:
        message = f"cannot write temporary files to {named}: {error.strerror}"
        hint = "TMPDIR names it: set it to a folder that you can write to, or unset it"
        raise SetupError(message, hint=hint) from error


def file_error(error: OSError, env: Mapping[str, str]) -> SetupError | None:
    """Return the error of a file that the user can do something about.

    Args:
        error: what the system said.
        env: the environment.

    Returns:
        An error that names the file, and the variable that it comes from; None if nobody but the authors of orch can do
        something about it.
    """
    path = str(error.filename2 or error.filename or "")
    why = error.strerror or str(error)
    variable = _variable_of(path, str(error), env)
    if variable:
        place = path or env.get(variable, "")
        hint = f"the environment variable {variable} leads there: make it usable, or set {variable} to another path"
        return SetupError(f"cannot use {place}: {why}" if place not in why else why, hint=hint)
    where = path or "a file"
    if error.errno in _FULL:
        return SetupError(f"cannot write {where}: {why}", hint="free some disk space, then run orch again")
    if error.errno in _DENIED:
        hint = "give the user that runs orch read and write permission there"
        return SetupError(f"cannot use {where}: {why}", hint=hint)
    if error.errno in _BROKEN and path:
        return SetupError(f"cannot use {where}: {why}", hint="check this path and each folder on the way to it")
    return None


def _variable_of(path: str, text: str, env: Mapping[str, str]) -> str:
    """Return the variable that a path comes from; without a path, one whose value the text of the error contains."""
    named = [(name, value) for name, value in _named_paths(env) if len(value) > 1]
    if path:
        found = [(len(value), name) for name, value in named if _leads_to(name, value, path)]
    else:
        found = [(len(value), name) for name, value in named if value in text]
        if not found and "temporary directory" in text:  # tempfile tried them all.
            return next((name for name in _TEMPORARY if env.get(name)), "TMPDIR")
    return max(found)[1] if found else ""


def _leads_to(name: str, value: str, path: str) -> bool:
    """Return whether a path is the value of a variable, below it, or a folder on the way to it.

    Below the folder for temporary files there may be anything, a repository too: only orch's own files count.
    """
    one, other = Path(value).absolute(), Path(path).absolute()
    if name in _TEMPORARY and other != one and other.is_relative_to(one):
        return other.relative_to(one).parts[0].startswith(("orch-", "tmp"))
    return other.is_relative_to(one) or (one.is_relative_to(other) and not other.is_dir())


def _named_paths(env: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name in _NAMED:
        if env.get(name):
            yield name, os.path.expanduser(env[name])  # noqa: PTH111 - raises nothing for an unknown user
    if env.get("HOME"):
        yield from (("HOME", str(Path(env["HOME"]) / name)) for name in _IN_HOME)
