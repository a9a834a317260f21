"""Finds the providers that a module requires, uses and expects from its caller."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from orchestrator.hcl.modules.blocks import Declaration, Declarations
from orchestrator.hcl.modules.files import ModuleFile
from orchestrator.hcl.modules.interface import RequiredProvider
from orchestrator.hcl.tree import Attribute, Entries, Expression, Items, Reference, constant_text

_BUILT_IN = "terraform"


def required_providers_of(declared: Declarations) -> Mapping[str, RequiredProvider]:
    """Return the entries of ``required_providers``: local name -> entry."""
    found: dict[str, RequiredProvider] = {}
    for name, value in _requirements(declared):
        entry = _entry(value)
        source = _text(entry.get("source")) or f"hashicorp/{name}"
        # `aws = "~> 5.0"` is the legacy syntax for a version alone
        version = constant_text(value) if not entry else _text(entry.get("version"))
        found[name] = RequiredProvider(name=name, source=source, version=version)
    return found


def aliases_of(declared: Declarations) -> tuple[str, ...]:
    """Return the provider configurations that the caller must pass, sorted: ``aws.edge``."""
    found: set[str] = set()
    for _, value in _requirements(declared):
        aliases = _entry(value).get("configuration_aliases")
        if isinstance(aliases, Items):
            found.update(filter(None, map(_configuration, aliases.items)))
    return tuple(sorted(found))


def providers_of(declared: Declarations) -> frozenset[str]:
    """Return the local names of the providers that the module's blocks use, without the built-in ``terraform``."""
    found = {name for name, _ in _requirements(declared)}
    for each in declared.of_type("resource", "data", "ephemeral"):
        found.add(provider_of(each))
    for call in declared.of_type("module"):
        found.update(_passed(call.attributes.get("providers")))
    found.update(block.labels[0] for _, block in declared.others_of_type("provider") if block.labels)
    return frozenset(found - {_BUILT_IN})


def requirements_of(declared: Declarations) -> Iterator[tuple[ModuleFile, str, Attribute]]:
    """Yield every entry of ``required_providers``: its file, local name and attribute."""
    for file, block in declared.others_of_type("terraform"):
        for inner in block.body.blocks:
            if inner.type == "required_providers":
                yield from ((file, name, attribute) for name, attribute in inner.body.attributes.items())


def _requirements(declared: Declarations) -> Iterator[tuple[str, Expression]]:
    return ((name, attribute.value) for _, name, attribute in requirements_of(declared))


def _entry(value: Expression) -> dict[str, Expression]:
    if not isinstance(value, Entries):
        return {}
    return {str(constant_text(key)): inner for key, inner in value.entries}


def _text(value: Expression | None) -> str | None:
    return constant_text(value) if value is not None else None


def _configuration(value: Expression) -> str | None:
    """Return ``aws`` or ``aws.edge``, written as a reference, or as text in JSON syntax."""
    if isinstance(value, Reference):
        return ".".join([value.root, *map(str, value.steps)])
    return constant_text(value)


def provider_of(declaration: Declaration) -> str:
    """Return the local name of a resource's provider."""
    attribute = declaration.attributes.get("provider")
    chosen = _configuration(attribute.value) if attribute else None
    return chosen.split(".")[0] if chosen else declaration.labels[0].split("_", 1)[0]


def _passed(attribute: Attribute | None) -> Iterator[str]:
    if attribute is not None and isinstance(attribute.value, Entries):
        for _, value in attribute.value.entries:
            name = _configuration(value)
            if name:
                yield name.split(".")[0]
