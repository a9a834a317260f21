"""Finds the inputs in ``live/`` that Terraform's errors are about: it names the generated root."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from orchestrator.config.catalogue import Unit
from orchestrator.config.nodes import references
from orchestrator.config.written import input_location
from orchestrator.errors import Problem
from orchestrator.terraform.diagnostics import Diagnostic, printed_errors
from orchestrator.terraform.failures import TerraformError


def wrong_inputs(unit: Unit, errors: Iterable[Diagnostic]) -> Iterator[Problem]:
    """Yield what Terraform says about the inputs of a unit's module, with their places in ``live/``.

    Args:
        unit: the unit.
        errors: errors of Terraform in its root; those about something else are left out.
    """
    for each in errors:
        if name := each.argument:
            detail = " ".join(each.detail.split()).rstrip(".")
            yield Problem(input_location(unit, name), f"{each.summary}: {name}: {detail}" if detail else each.summary)


def is_wrong_for_sure(unit: Unit, error: TerraformError) -> bool:
    """Return whether an error is about an input that no apply of an upstream changes, so that a preview fails, too."""
    for name in (each.argument for each in printed_errors(error.block)):
        node = unit.inputs.get(name)
        if name and (node is None or not any(references(node))):
            return True
    return False
