"""The resources of a module, and the blocks in it that run a program on this machine."""

from __future__ import annotations

from orchestrator.hcl.modules.blocks import Declarations
from orchestrator.hcl.modules.interface import CodeBlock


def resource_types_of(declared: Declarations) -> frozenset[str]:
    """Types of all resources, data sources and ephemeral resources."""
    return frozenset(each.labels[0] for each in declared.of_type("resource", "data", "ephemeral"))


def externals_of(declared: Declarations) -> tuple[CodeBlock, ...]:
    """The ``external`` data sources: each runs a program during plan."""
    return tuple(
        CodeBlock("external", each.labels[1], f"data.external.{each.labels[1]}", each.at)
        for each in declared.of_type("data")
        if each.labels[0] == "external"
    )


def provisioners_of(declared: Declarations) -> tuple[CodeBlock, ...]:
    """The provisioners: each runs a program when its resource is created or destroyed."""
    return tuple(
        CodeBlock("provisioner", ".".join(block.labels), ".".join(each.labels), file.at(block.position))
        for each in declared.of_type("resource")
        for file, block in each.blocks
        if block.type == "provisioner"
    )
