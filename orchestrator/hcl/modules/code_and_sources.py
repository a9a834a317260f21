"""Finds what a module brings that a plan does not show: programs, providers and other modules."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.hcl.modules.blocks import Declarations
from orchestrator.hcl.modules.entries import ConfigurationEntry, alias_of, configured_providers, entries_of
from orchestrator.hcl.modules.files import ModuleFile, configuration_files, read_by_opentofu, read_file, relative
from orchestrator.hcl.modules.interface import CodeBlock, ModuleCall
from orchestrator.hcl.modules.programs import PROGRAMS, REMOTE_STATE, remote_state_objections
from orchestrator.hcl.modules.providers import provider_of, required_providers_of, requirements_of
from orchestrator.hcl.modules.scan import Read, reads_of
from orchestrator.hcl.tree import Attribute, Reference, constant_text

BUILT_IN = "terraform.io/builtin/terraform"


@dataclass(frozen=True, slots=True)
class UsedProvider:
    """A provider that a module requires or uses: its address and location."""

    source: str
    at: Location


@dataclass(frozen=True, slots=True)
class Contents:
    """The relevant contents of one module folder.

    Attributes:
        code: blocks that run a program.
        providers: each provider once, at its first mention; without the built-in one.
        configured: provider blocks of the module that configure a provider, by name.
        calls: module calls; the source is empty if it is not constant text.
        problems: files and blocks that cannot be read, so their contents are unknown.
        entries: what a plan's ``configuration`` must list too; ``module`` is empty.
        files: the parsed files.
        declared: their blocks.
        reads: the places that name a file.
    """

    code: tuple[CodeBlock, ...] = ()
    providers: tuple[UsedProvider, ...] = ()
    configured: tuple[UsedProvider, ...] = ()
    calls: tuple[ModuleCall, ...] = ()
    problems: tuple[Problem, ...] = ()
    entries: frozenset[ConfigurationEntry] = frozenset()
    files: tuple[ModuleFile, ...] = ()
    declared: Declarations = field(default_factory=lambda: Declarations.of(()))
    reads: tuple[Read, ...] = ()


def sources_in(folder: Path) -> tuple[Path, ...]:
    """Return the files that Terraform reads in a folder, and those that only OpenTofu reads."""
    if not folder.is_dir():
        return ()
    return (*configuration_files(folder), *sorted(each for each in folder.iterdir() if read_by_opentofu(each)))


def read_contents(folder: Path, *, root: Path, opentofu: bool = False) -> Contents:
    """Read a module folder.

    Args:
        folder: the module.
        root: the repository; locations are relative to it.
        opentofu: report files that only OpenTofu reads as problems, because orch cannot read them.
    """
    files: list[ModuleFile] = []
    problems: list[Problem] = []
    for path in sources_in(folder):
        if read_by_opentofu(path):
            if opentofu:
                problems.append(Problem(Location(relative(path, root)), "only OpenTofu reads this file; orch cannot"))
            continue
        try:
            files.append(read_file(path, root))
        except CatalogueError as error:
            problems.extend(error.problems)
    declared = Declarations.of(files)
    return Contents(
        code=tuple(_code(declared)),
        providers=tuple({each.source: each for each in reversed(list(_providers(declared)))}.values()),
        configured=tuple(_configured(declared)),
        calls=tuple(_calls(declared)),
        problems=(*problems, *declared.problems),
        entries=frozenset(entries_of(declared)),
        files=tuple(files),
        declared=declared,
        reads=tuple(reads_of(files)),
    )


def _code(declared: Declarations) -> Iterator[CodeBlock]:
    yield from _provisioners(declared)
    for each in declared.of_type("data", "ephemeral"):
        kind, address = each.labels[0], ".".join((each.type, *each.labels))
        if kind in PROGRAMS:
            yield CodeBlock("external", kind, address, each.at, PROGRAMS[kind])
        elif kind == REMOTE_STATE:
            for reason in remote_state_objections(each):
                yield CodeBlock("remote state", kind, address, each.at, reason)
    for file, block in declared.others_of_type("action"):
        if block.labels[:1] and block.labels[0] in PROGRAMS:
            yield CodeBlock("action", block.labels[0], ".".join(("action", *block.labels)), file.at(block.position))
    for file, block in declared.others_of_type("removed"):
        for inner in block.body.blocks:
            if inner.type == "provisioner":
                address = _reference(block.body.attributes.get("from"))
                yield CodeBlock("provisioner", ".".join(inner.labels), address, file.at(inner.position))


def _provisioners(declared: Declarations) -> Iterator[CodeBlock]:
    """Yield the provisioners: each runs a program when its resource is created or destroyed."""
    return (
        CodeBlock("provisioner", ".".join(block.labels), ".".join(each.labels), file.at(block.position))
        for each in declared.of_type("resource")
        for file, block in each.blocks
        if block.type == "provisioner"
    )


def _reference(attribute: Attribute | None) -> str:
    if attribute is None:
        return "removed"
    value = attribute.value
    if isinstance(value, Reference):
        return ".".join([value.root, *(str(step) for step in value.steps)])
    return constant_text(value) or "removed"


def _providers(declared: Declarations) -> Iterator[UsedProvider]:
    required = required_providers_of(declared)
    for file, name, attribute in requirements_of(declared):
        if required[name].source != BUILT_IN:
            yield UsedProvider(full_source(required[name].source), file.at(attribute.position))
    for each in declared.of_type("resource", "data", "ephemeral"):
        name = provider_of(each)
        if name not in required and name != "terraform":
            yield UsedProvider(full_source(f"hashicorp/{name}"), each.at)
    for file, block in declared.others_of_type("provider"):
        if block.labels and block.labels[0] not in {*required, "terraform"}:
            yield UsedProvider(full_source(f"hashicorp/{block.labels[0]}"), file.at(block.position))
    for file, block in declared.others_of_type("action"):
        name = block.labels[0].split("_", 1)[0] if block.labels else ""
        if name not in required:
            yield UsedProvider(full_source(f"hashicorp/{name}"), file.at(block.position))


def _configured(declared: Declarations) -> Iterator[UsedProvider]:
    for file, block in configured_providers(declared):
        alias = alias_of(block)
        name = f"provider.{block.labels[0]}" + (f".{alias}" if alias else "")
        yield UsedProvider(name, file.at(block.position))


def full_source(source: str) -> str:
    """Return a provider's address with its host: ``registry.terraform.io/hashicorp/aws``."""
    parts = source.lower().split("/")
    if len(parts) == 1:
        parts = ["hashicorp", *parts]
    return "/".join(parts if len(parts) > 2 else ["registry.terraform.io", *parts])


def _calls(declared: Declarations) -> Iterator[ModuleCall]:
    for each in declared.of_type("module"):
        yield ModuleCall(each.labels[0], each.text("source") or "", each.text("version"), each.place_of("source"))
