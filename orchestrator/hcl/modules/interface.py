"""What a Terraform module shows to its caller, as frozen records: read from its HCL, never evaluated."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.errors import Location


@dataclass(frozen=True, slots=True)
class Variable:
    """One input of a module.

    Attributes:
        name: as in ``variable "NAME"``.
        type: the type constraint as written, on one line; ``any`` when there is none.
        has_default: it may be left out.
        sensitive: Terraform hides it in its output.
        ephemeral: it is in no plan and no state, so it may carry a secret.
        nullable: ``null`` may be passed; with ``nullable = false`` a null stands for the default.
        description: for people; empty when there is none.
        at: where the block begins.
    """

    name: str
    type: str
    has_default: bool
    sensitive: bool
    ephemeral: bool
    nullable: bool
    description: str
    at: Location


@dataclass(frozen=True, slots=True)
class Output:
    """One output of a module."""

    name: str
    sensitive: bool
    ephemeral: bool
    description: str
    at: Location


@dataclass(frozen=True, slots=True)
class RequiredProvider:
    """One entry of ``required_providers``.

    Attributes:
        name: the local name in the module.
        source: ``hashicorp/aws``; ``hashicorp/NAME`` when the module does not say, as Terraform has it.
        version: the constraint, or None.
    """

    name: str
    source: str
    version: str | None


@dataclass(frozen=True, slots=True)
class ModuleCall:
    """One ``module`` block. ``source`` is as written: ``../bucket``, a registry address, ``git::https://…``."""

    name: str
    source: str
    version: str | None
    at: Location

    @property
    def local(self) -> bool:
        """Whether Terraform reads the module in place, from this repository."""
        return self.source.startswith(("./", "../"))


@dataclass(frozen=True, slots=True)
class CodeBlock:
    """A block that runs a program on this machine: a provisioner, or an ``external`` data source.

    Attributes:
        kind: ``provisioner`` or ``external``.
        name: the provisioner's type (``local-exec``), or the data source's name.
        resource: address inside the module of the resource or data source that holds it.
        at: where the block begins.
    """

    kind: str
    name: str
    resource: str
    at: Location


@dataclass(frozen=True, slots=True)
class ModuleInterface:
    """A module's folder, read.

    Attributes:
        path: the folder, as it was given.
        variables: name -> variable, in the order of files and lines.
        outputs: name -> output.
        required_providers: local name -> entry of ``required_providers``.
        aliases: provider configurations that the caller must pass (``configuration_aliases``): ``aws.edge``.
        calls: name -> module call.
        providers: local names of all providers that its own blocks use, without the built-in ``terraform``.
        locals: local value -> the variables that it depends on, through other local values too.
    """

    path: Path
    variables: Mapping[str, Variable]
    outputs: Mapping[str, Output]
    required_providers: Mapping[str, RequiredProvider]
    aliases: tuple[str, ...]
    calls: Mapping[str, ModuleCall]
    providers: frozenset[str]
    locals: Mapping[str, frozenset[str]]
