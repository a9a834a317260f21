"""The interface of a Terraform module to its caller, as frozen records."""

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
        type: the type constraint as written, on one line; ``any`` if there is none.
        has_default: whether it is optional.
        sensitive: whether Terraform hides it in its output.
        ephemeral: whether Terraform keeps it out of plans and states, so that it can carry a secret.
        nullable: whether ``null`` can be passed; with ``nullable = false``, null selects the default.
        description: empty if there is none.
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
        source: ``hashicorp/aws``; defaults to ``hashicorp/NAME``, as in Terraform.
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
    """A block that runs a program, or may: a provisioner, an action, or a data source.

    Attributes:
        kind: ``provisioner``, ``action``, ``external``, or ``remote state`` for ``terraform_remote_state``.
        name: type of the provisioner (``local-exec``), data source or action.
        resource: address, inside the module, of the resource or data source that contains it.
        at: where the block begins.
        reason: what it does, if its kind does not say it.
    """

    kind: str
    name: str
    resource: str
    at: Location
    reason: str = ""


@dataclass(frozen=True, slots=True)
class ModuleInterface:
    """The interface of a module folder.

    Attributes:
        path: the folder as given.
        variables: name -> variable, in the order of files and lines.
        outputs: name -> output.
        required_providers: local name -> entry of ``required_providers``.
        aliases: provider configurations that the caller must pass (``configuration_aliases``): ``aws.edge``.
        calls: name -> module call.
        providers: local names of all providers that its blocks use, without the built-in ``terraform``.
        locals: local value -> the variables that it depends on, directly or through other local values.
        resources: addresses of its resources, without those of modules that it calls: ``aws_sqs_queue.this``.
    """

    path: Path
    variables: Mapping[str, Variable]
    outputs: Mapping[str, Output]
    required_providers: Mapping[str, RequiredProvider]
    aliases: tuple[str, ...]
    calls: Mapping[str, ModuleCall]
    providers: frozenset[str]
    locals: Mapping[str, frozenset[str]]
    resources: frozenset[str]
