"""Writes what switches off the protection of resources into a unit's root, and changes nothing else of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.errors import UnitError
from orchestrator.guard.rules.deletion_protection import switches
from orchestrator.render.prevent_destroy import Override, override_resources
from orchestrator.run.context import RunContext
from orchestrator.terraform.state.reader import StateInstance, read_instances

_NOT_IGNORED = frozenset({"timeouts"})
"""What Terraform does not accept in ``ignore_changes``."""


def write_switches(context: RunContext, unit: Unit, root: Path, addresses: Sequence[str]) -> None:
    """Write override files that switch off the protection of resources.

    Every other attribute is ignored, so that a plan that is limited to these resources does nothing else, whatever the
    configuration says by now.

    Args:
        context: the run.
        unit: the unit.
        root: its rendered root in this run.
        addresses: the resources, as in the state.

    Raises:
        UnitError: the protection of a resource cannot be switched off by its configuration.
        DeniedError, ThrottledError, SetupError: its state cannot be read.
    """
    found = context.aws.objects.read(unit)
    instances = {each.address: each for each in (read_instances(found.data) if found is not None else ())}
    overrides: dict[str, Override] = {}
    for address in addresses:
        instance = instances.get(address)
        if instance is None:
            raise _cannot(address, "it is not in the state")
        if instance.tainted:
            raise _cannot(address, "it is tainted, so it would be replaced")
        overrides[address] = _override(instance)
    for address, why in override_resources(root, overrides, required=True).items():
        raise _cannot(address, why)


def _override(instance: StateInstance) -> Override:
    attributes = switches(instance.type, instance.attributes)
    ignored = instance.attributes.keys() - attributes.keys() - _NOT_IGNORED
    return Override(attributes, tuple(sorted(ignored)))


def _cannot(address: str, why: str) -> UnitError:
    message = f"the protection of {address.removeprefix('module.this.')} cannot be switched off: {why}"
    return UnitError(message, hint="switch it off in AWS, then try again")
