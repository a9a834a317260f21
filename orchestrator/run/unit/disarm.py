"""Finds what protects the resources of a disposable unit from deletion, and writes what switches it off."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path

from orchestrator.config.catalogue import Unit
from orchestrator.errors import UnitError
from orchestrator.guard.rules.deletion_protection import Value, switches
from orchestrator.render.prevent_destroy import override_resources
from orchestrator.run.context import RunContext
from orchestrator.terraform.state.reader import StateInstance, read_instances


def armed_resources(context: RunContext, unit: Unit) -> Mapping[str, Mapping[str, Value]]:
    """Return what stands in the way of destroying a unit: address -> attribute -> the value that lets it go.

    Raises:
        DeniedError, ThrottledError, SetupError, UnitError: its state cannot be read.
    """
    return _armed(_instances(context, unit))


def write_switches(context: RunContext, unit: Unit, root: Path) -> tuple[str, ...]:
    """Write what switches the protection of a unit's resources off into its root of this run.

    Args:
        context: the run.
        unit: the unit.
        root: its rendered root in this run.

    Returns:
        the addresses whose protection is switched off.

    Raises:
        UnitError: that is not possible.
        DeniedError, ThrottledError, SetupError: its state cannot be read.
    """
    instances = _instances(context, unit)
    armed = _armed(instances)
    tainted = next((each.address for each in instances if each.tainted and each.address in armed), None)
    if tainted is not None:
        message = f"the protection of {tainted} cannot be switched off: it is tainted, so it would be replaced"
        raise UnitError(message, hint="switch it off in AWS, or delete the resource there")
    problems = override_resources(root, armed)
    for address, why in problems.items():
        raise UnitError(f"the protection of {address} cannot be switched off: {why}")
    return tuple(sorted(armed))


def _armed(instances: Iterable[StateInstance]) -> dict[str, Mapping[str, Value]]:
    return {each.address: found for each in instances if (found := switches(each.type, each.attributes))}


def _instances(context: RunContext, unit: Unit) -> tuple[StateInstance, ...]:
    found = context.aws.objects.read(unit)
    return read_instances(found.data) if found is not None else ()
