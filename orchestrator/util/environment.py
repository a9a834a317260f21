"""The environment variables that child processes get: named ones, never the whole environment of the job.

The environment of a CI job has tokens: of the git host, of its OIDC provider, of other services. A child process that
runs what a change brings, or a program of somebody else, must not get them.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping

PROXIES = frozenset(
    name for each in ("HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY", "ALL_PROXY") for name in (each, each.lower())
)
CERTIFICATES = frozenset({"SSL_CERT_FILE", "SSL_CERT_DIR"})
_SYSTEM = frozenset({"PATH", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TMP", "TEMP", "USER", "LOGNAME"})
_LOCALE = "LC_"

USUAL = _SYSTEM | PROXIES | CERTIFICATES
"""What a program needs to run and to reach the network. ``LC_*`` belongs to it."""
FETCHING = frozenset({
    "HOME",
    "XDG_CONFIG_HOME",
    "SSH_AUTH_SOCK",
    "SSH_ASKPASS",
    "GIT_ASKPASS",
    "GIT_CONFIG_COUNT",
    "GIT_CONFIG_GLOBAL",
    "GIT_CONFIG_NOSYSTEM",
    "GIT_SSH",
    "GIT_SSH_COMMAND",
    "GIT_SSL_CAINFO",
    "GIT_TERMINAL_PROMPT",
    "NETRC",
})  # fmt: skip
"""What git, ssh and netrc need to log in where files are fetched from."""
FETCHING_PREFIXES = ("GIT_CONFIG_KEY_", "GIT_CONFIG_VALUE_")


def selected(env: Mapping[str, str], names: Collection[str], prefixes: tuple[str, ...] = ()) -> dict[str, str]:
    """Return the variables of an environment with these names or prefixes, and those of the locale."""
    prefixes = (_LOCALE, *prefixes)
    return {name: value for name, value in env.items() if name in names or name.startswith(prefixes)}
