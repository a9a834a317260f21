"""``--replace ADDR``: which resources of the one selected unit shall be made anew. Judged like any replacement."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.errors import UsageError
from orchestrator.run.context import RunContext
from orchestrator.util.suggest import near_miss

_MODULE = "module.this."


def check_single_unit(selected: Sequence[str], replace: Sequence[str]) -> None:
    """An address is one of a unit, so one unit must be meant.

    Raises:
        UsageError: something is to be replaced, and not exactly one unit is selected.
    """
    if replace and len(selected) != 1:
        message = f"--replace is for one unit, and {len(selected)} are selected"
        raise UsageError(message, hint="name the unit that has it: " + ", ".join(selected[:5]))


def check_replaced_exist(context: RunContext) -> None:
    """What is to be replaced must exist: Terraform says nothing about an address that nothing has.

    Raises:
        UsageError: it does not.
        DeniedError, ThrottledError, SetupError: the state cannot be read.
    """
    for wanted in context.run.options.replace:
        unit = context.unit(context.run.graph.order[0])
        state = context.aws.states.read(unit)
        there = state.addresses if state is not None else ()
        address = module_address(wanted)
        if address not in there:
            instances = [each.removeprefix(_MODULE) for each in there if each.startswith(f"{address}[")]
            known = [each.removeprefix(_MODULE) for each in there]
            hint = f"name one of its instances: {', '.join(instances[:5])}" if instances else None
            listing = f"orch terraform {unit.id} -- state list"
            raise UsageError(f"{unit.id} has no {wanted}", hint=hint or near_miss(wanted, known) or listing)


def module_address(address: str) -> str:
    """An address as Terraform wants it: one inside of the unit's module may be given without the module."""
    return address if address.startswith(_MODULE) else _MODULE + address
