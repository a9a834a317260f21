"""Which addresses Terraform fetches, and how."""

from __future__ import annotations

import pytest

from orchestrator.hcl.modules.sources import git_form, has_ref, is_fetched, is_git, is_registry, package_of

GIT = [
    "git@github.com:acme/net.git",
    "git@github.com:acme/net.git//modules/vpc?ref=v1.2",
    "git::git@git.example.com:acme/net.git?ref=v1",
    "deploy@git.example.com:~acme/net.git",
    "git::ssh://git@github.com/acme/net.git?ref=v1&depth=1",
    "git::ssh://git@git.example.com:2222/acme/net.git",
    "git::https://example.com/net.git//sub",
    "git::file:///srv/git/net.git//sub?ref=v1",
    "github.com/acme/net",
    "github.com/acme/net.git//modules/vpc?ref=v1",
    "bitbucket.org/acme/net",
]


@pytest.mark.parametrize("address", GIT)
def test_git_addresses(address: str) -> None:
    assert is_fetched(address)
    assert is_git(address)
    assert not is_registry(address)
    assert has_ref(address) is ("ref=v1" in address)


@pytest.mark.parametrize("address", ["acme/net/aws", "app.example.com/acme/net/aws//modules/x", "a/b/c"])
def test_registry_addresses(address: str) -> None:
    assert is_registry(address)
    assert is_fetched(address)
    assert not is_git(address)


@pytest.mark.parametrize("address", ["https://example.com/net.zip", "s3::https://s3.amazonaws.com/b/net.zip"])
def test_archives_are_neither(address: str) -> None:
    assert is_fetched(address)
    assert not is_git(address)
    assert not is_registry(address)


@pytest.mark.parametrize(
    "address",
    [
        "git::file://srv/net", "file:///srv/net", "/srv/net", "../net", "~/net", "git::https://x/../y", "git@host:a/../b",
        "git::ext::sh -c id", "git::-oProxyCommand=id@host:x", "github.com/acme", "ssh://git@host/x", "git://host/x.git",
        "git@host:-x y", 'github.com/acme/net"', "github.com/acme/net\n",
    ],
)  # fmt: skip
def test_refused(address: str) -> None:
    assert not is_fetched(address)
    assert not is_git(address)


@pytest.mark.parametrize(
    ("address", "meant"),
    [
        ("gitlab.com/acme/net", "git::https://gitlab.com/acme/net.git"),
        ("gitlab.com/acme/group/net.git//x?ref=v1", "git::https://gitlab.com/acme/group/net.git//x?ref=v1"),
        ("ssh://git@host/x.git", "git::ssh://git@host/x.git"),
        ("git://host.example/x.git", "git::https://host.example/x.git"),
        ("git::http://host/x.git", "git::https://host/x.git"),
        ("../net", ""),
        ("gitlab.com/../net", ""),
        ("net", ""),
    ],
)
def test_what_was_meant(address: str, meant: str) -> None:
    assert git_form(address) == meant
    assert not meant or is_git(meant)


def test_a_package_is_an_address_without_its_folder() -> None:
    assert package_of("git@github.com:acme/net.git//vpc?ref=v1") == "git@github.com:acme/net.git?ref=v1"
    assert package_of("git::file:///srv/net.git//vpc") == "git::file:///srv/net.git"
    assert package_of("github.com/acme/net//vpc?ref=v1") == "github.com/acme/net?ref=v1"
