"""What a module has, in the terms of the ``configuration`` that Terraform writes into a plan's JSON.

The guard compares the two: if orch reads a file differently from Terraform, they differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from orchestrator.hcl.modules.blocks import Declaration, Declarations
from orchestrator.hcl.modules.files import ModuleFile
from orchestrator.hcl.tree import Block, Body, Expression, Items, constant_text

_META = frozenset({"alias", "version"})
"""Arguments of a provider block that are Terraform's, not the provider's."""


class ConfigurationEntry(NamedTuple):
    """One block of a configuration.

    Attributes:
        module: Terraform's key of the module, ``this.vpc``; empty for the root.
        kind: ``resource`` (data sources and ephemeral resources included), ``provisioners``, ``module`` or
            ``provider``.
        name: an address in the module; for provisioners with their types, for a module with its source, for a provider
            with the names of its arguments.
    """

    module: str
    kind: str
    name: str


def provisioners_entry(module: str, address: str, types: list[str]) -> ConfigurationEntry:
    """Return the entry of a resource's provisioners, in their order."""
    return ConfigurationEntry(module, "provisioners", f"{address}: {', '.join(types)}")


def call_entry(module: str, name: str, source: str) -> ConfigurationEntry:
    """Return the entry of a module call."""
    return ConfigurationEntry(module, "module", f"module.{name} from {source!r}")


def provider_entry(module: str, name: str, alias: str | None, arguments: Iterable[str]) -> ConfigurationEntry:
    """Return the entry of a provider that is configured, with the names of its arguments and blocks."""
    address = f"{name}.{alias}" if alias else name
    return ConfigurationEntry(module, "provider", f"{address}: {', '.join(sorted(arguments))}")


def entries_of(declared: Declarations, module: str = "") -> Iterator[ConfigurationEntry]:
    """Yield the entries of one module."""
    for each in declared.of_type("resource", "data", "ephemeral"):
        address = ".".join(each.labels if each.type == "resource" else (each.type, *each.labels))
        yield ConfigurationEntry(module, "resource", address)
        if types := _provisioners(each):
            yield provisioners_entry(module, address, types)
    for each in declared.of_type("module"):
        yield call_entry(module, each.labels[0], each.text("source") or "")
    arguments: dict[tuple[str, str | None], set[str]] = {}
    for _, block in configured_providers(declared):
        # An override file adds to the block before it, or replaces its blocks.
        known = arguments.setdefault((block.labels[0], alias_of(block)), set())
        known -= {each.labels[0] for each in block.body.blocks if each.type == "dynamic" and each.labels}
        known |= set(_arguments(block.body))
    for (name, alias), found in arguments.items():
        if found:
            yield provider_entry(module, name, alias, found)


def _arguments(body: Body) -> Iterator[str]:
    """Yield the arguments and blocks of a provider block, without what Terraform's ``configuration`` leaves out.

    These are its own two arguments, what ``dynamic`` blocks make, and no blocks of a kind: ``[]`` in JSON syntax.
    """
    yield from (name for name, each in body.attributes.items() if name not in _META and not _is_none(each.value))
    yield from (each.type for each in body.blocks if each.type != "dynamic")


def _is_none(value: Expression) -> bool:
    return isinstance(value, Items) and not value.items


def configured_providers(declared: Declarations) -> Iterator[tuple[ModuleFile, Block]]:
    """Yield provider blocks that configure something; an empty block only declares what the caller passes."""
    for file, block in declared.others_of_type("provider"):
        if block.labels and (block.body.blocks or set(block.body.attributes) - _META):
            yield file, block


def alias_of(block: Block) -> str | None:
    """Return the alias of a provider block."""
    alias = block.body.attributes.get("alias")
    return constant_text(alias.value) if alias else None


def _provisioners(declared: Declaration) -> list[str]:
    """Return the types of a resource's provisioners. Those of a block in an override file replace all before it."""
    found: list[str] = []
    for part in declared.parts:
        found = [".".join(each.labels) for each in part.body.blocks if each.type == "provisioner"] or found
    return found
