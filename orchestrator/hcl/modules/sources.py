"""Addresses of modules that Terraform downloads: from a registry, git and other sources."""

from __future__ import annotations

import re

REGISTRY = re.compile(
    r"(?:[a-z0-9.-]+\.[a-z]{2,}(?::\d+)?/)?[A-Za-z0-9_-]+/[A-Za-z0-9_-]+/[a-z0-9]+(?://[A-Za-z0-9_./-]+)?"
)
FETCHED = re.compile(
    r"(?:git::|hg::|s3::|gcs::)?(?:https|ssh)://[A-Za-z0-9_.@:/?=&%~+-]+|git@[A-Za-z0-9_.-]+:[A-Za-z0-9_./-]+"
)


def is_fetched(address: str) -> bool:
    """Return whether Terraform downloads a module from this address."""
    return ".." not in address and bool(REGISTRY.fullmatch(address) or FETCHED.fullmatch(address))


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
