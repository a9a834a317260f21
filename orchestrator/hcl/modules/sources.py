"""Addresses of modules that Terraform downloads: from a registry, git and other sources."""

from __future__ import annotations

import re

REGISTRY = re.compile(
    r"(?:[a-z0-9.-]+\.[a-z]{2,}(?::\d+)?/)?[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/[a-z0-9]+(?://[A-Za-z0-9_./-]+)?"
)
_TAIL = r"[A-Za-z0-9_.@:/?=&%~+-]+"
_QUERY = r"(?:\?[A-Za-z0-9_.@:/?=&%~+-]*)?"
_WORD = r"[A-Za-z0-9_][A-Za-z0-9_.-]*"
_GIT = (
    # user@host:path, as git writes it
    rf"(?:git::)?{_WORD}@{_WORD}:[A-Za-z0-9_.~/-]+{_QUERY}",
    rf"git::file:///[A-Za-z0-9_.@/~+-]+{_QUERY}",
    rf"git::(?:https|ssh)://{_TAIL}",
    # Terraform itself makes git::https://… of these two
    rf"(?:github\.com|bitbucket\.org)/{_WORD}/{_WORD}(?://[A-Za-z0-9_./-]+)?{_QUERY}",
)
GIT = re.compile("|".join(_GIT))
FETCHED = re.compile("|".join((*_GIT, rf"(?:hg::|s3::|gcs::)?https://{_TAIL}", rf"hg::ssh://{_TAIL}")))
_GIT_HOST = re.compile(r"(?P<host>(?:[a-z0-9-]+\.)+[a-z]{2,})/(?P<path>[A-Za-z0-9_./~-]+)" + _QUERY)
_GIT_SCHEMES = {"ssh": "git::ssh", "git": "git::https", "git::git": "git::https", "git::http": "git::https"}
_REF = re.compile(r"[?&]ref=[^&]")


def is_fetched(address: str) -> bool:
    """Return whether Terraform downloads a module from this address."""
    return ".." not in address and bool(REGISTRY.fullmatch(address) or FETCHED.fullmatch(address))


def is_registry(address: str) -> bool:
    """Return whether an address is one of a module registry: ``NAMESPACE/NAME/PROVIDER``."""
    return ".." not in address and not FETCHED.fullmatch(address) and bool(REGISTRY.fullmatch(address))


def is_git(address: str) -> bool:
    """Return whether Terraform fetches this address with git."""
    return ".." not in address and bool(GIT.fullmatch(address))


def has_ref(address: str) -> bool:
    """Return whether an address names a tag, branch or commit: ``?ref=v1``."""
    return bool(_REF.search(address))


def git_form(address: str) -> str:
    """Return how an address that Terraform does not know would be written for git; empty if it does not look like one.

    ``gitlab.com/acme/net`` -> ``git::https://gitlab.com/acme/net.git``.
    """
    found = None if ".." in address else _GIT_HOST.fullmatch(address)
    if found is not None:
        package, slashes, rest = found["path"].partition("//")
        query = address[found.end("path") :]
        return f"git::https://{found['host']}/{package.removesuffix('.git')}.git{slashes}{rest}{query}"
    scheme, separator, rest = address.partition("://")
    if separator and scheme in _GIT_SCHEMES:
        return f"{_GIT_SCHEMES[scheme]}://{rest}"
    return ""


def package_of(address: str) -> str:
    """Return the package of a module address: without the subfolder and the default registry's host.

    ``registry.terraform.io/a/b/aws//modules/c`` and ``a/b/aws`` are one package; the ``?ref=`` of a git address counts.
    """
    start = address.find("://")
    start = start + 3 if start >= 0 else 0
    folder = address.find("//", start)
    if folder >= 0:
        query = address.find("?", folder)
        address = address[:folder] + (address[query:] if query >= 0 else "")
    return address.removeprefix("registry.terraform.io/")
