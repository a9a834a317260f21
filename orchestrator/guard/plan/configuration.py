"""Reads the ``configuration`` of a plan's JSON: what Terraform found in the files that orch read before.

Terraform lists resources with their provisioners, module calls and provider configurations there. A plan contains its
configuration, and an apply uses that one, not the files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from orchestrator.guard.plan.entries import UnreadableError, each_entry, each_member, list_of, mapping, string_of
from orchestrator.hcl.modules.entries import ConfigurationEntry, call_entry, provider_entry, provisioners_entry
from orchestrator.terraform.plan.jsonstream import JsonStream

_DEEPEST = 100
_WHAT = "configuration"


def configuration_entries(stream: JsonStream) -> Iterator[ConfigurationEntry]:
    """Yield the entries of a plan's ``configuration``.

    Raises:
        UnreadableError: it has another form.
    """
    for key in each_member(_WHAT, stream):
        if key == "provider_config":
            yield from _providers(mapping(stream.value(), key))
        elif key == "root_module":
            yield from _module(stream, ())


def _module(stream: JsonStream, path: tuple[str, ...]) -> Iterator[ConfigurationEntry]:
    if len(path) > _DEEPEST:
        message = "configuration is nested too deeply"
        raise UnreadableError(message)
    for key in each_member(_WHAT, stream):
        if key == "resources":
            for entry in each_entry(key, stream):
                yield from _resource(entry, ".".join(path))
        elif key == "module_calls":
            for name in each_member(key, stream):
                yield from _call(stream, path, name)


def _call(stream: JsonStream, path: tuple[str, ...], name: str) -> Iterator[ConfigurationEntry]:
    source = ""
    for key in each_member("module_calls", stream):
        if key == "source":
            source = str(stream.value())
        elif key == "module":
            yield from _module(stream, (*path, name))
    yield call_entry(".".join(path), name, source)


def _resource(entry: Mapping[str, Any], module: str) -> Iterator[ConfigurationEntry]:
    address = string_of(entry, "address")
    yield ConfigurationEntry(module, "resource", address)
    types = [string_of(mapping(each, "provisioners"), "type") for each in list_of(entry.get("provisioners"), address)]
    if types:
        yield provisioners_entry(module, address, types)


def _providers(providers: Mapping[str, Any]) -> Iterator[ConfigurationEntry]:
    """Yield the providers that are configured. Without ``expressions``, one is only required or passed on."""
    for key, value in providers.items():
        entry = mapping(value, key)
        found = mapping(entry.get("expressions") or {}, key)
        arguments = [name for name, each in found.items() if each != {"constant_value": []}]
        if arguments:
            steps = str(entry.get("module_address") or "").split(".")
            module = ".".join(step for step in steps[1::2])
            alias = entry.get("alias")
            yield provider_entry(module, string_of(entry, "name"), str(alias) if alias else None, arguments)
