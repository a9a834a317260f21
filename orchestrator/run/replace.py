"""Checks the addresses of ``--replace ADDR``. The resulting plan is judged like any replacement."""

from __future__ import annotations

from collections.abc import Sequence

from orchestrator.errors import UsageError
from orchestrator.run.context import RunContext
from orchestrator.util.plural import agreeing
from orchestrator.util.suggest import near_miss

_MODULE = "module.this."


def check_single_unit(selected: Sequence[str], replace: Sequence[str]) -> None:
    """Check that exactly one unit is selected when resources are to be replaced: an address belongs to one unit.

    Raises:
        UsageError: another number of units is selected.
    """
    if replace and len(selected) != 1:
        message = (
            f"--replace requires exactly one unit; {len(selected)} {agreeing(len(selected), 'is', 'are')} selected"
        )
        raise UsageError(message, hint="name the unit that contains the resource: " + ", ".join(selected[:5]))


def check_replaced_exist(context: RunContext) -> None:
    """Check that the resources to replace exist, because Terraform ignores an unknown address silently.

    Raises:
        UsageError: a resource does not exist.
        DeniedError, ThrottledError, SetupError: the state cannot be read.
    """
    for wanted in context.run.options.replace:
        unit = context.unit(context.run.graph.order[0])
        state = context.aws.states.read(unit)
        existing = state.addresses if state is not None else ()
        address = module_address(wanted)
        if address not in existing:
            instances = [each.removeprefix(_MODULE) for each in existing if each.startswith(f"{address}[")]
            known = [each.removeprefix(_MODULE) for each in existing]
            hint = f"name one of its instances: {', '.join(instances[:5])}" if instances else None
            listing = f"orch terraform {unit.id} -- state list"
            raise UsageError(f"{unit.id} has no {wanted}", hint=hint or near_miss(wanted, known) or listing)


def module_address(address: str) -> str:
    """Return an address in Terraform's form. The user may omit the prefix of the unit's module."""
    return address if address.startswith(_MODULE) else _MODULE + address
