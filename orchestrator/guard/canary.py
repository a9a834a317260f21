"""The canary: a plan that deletes, replaces and forgets one resource of every protected type.

Before the first verdict of a run it takes the path of every plan: the guard's reader, the built-in rule, and the check
on protected resources. It shows a check that was disabled in code, or a list that the code reads differently than it is
written, before a real deletion does. If they do not stop every part of it, no plan in that run is judged or applied.
"""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from orchestrator.guard.checkov.annotate import annotated_resources
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.checkov.outcomes import CheckOutcomes
from orchestrator.guard.findings import PROTECTED
from orchestrator.guard.plan.entries import UnreadableError
from orchestrator.guard.plan.reader import PlanDocument, read_document
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.rules.protected import protected_losses

WAYS: Mapping[str, tuple[str, ...]] = {
    "deleted": ("delete",),
    "replaced": ("delete", "create"),
    "forgotten": ("forget",),
}
"""How each type is lost: as a word, and as Terraform's actions."""


def canary_failures(checks: Checks, protected: Protected) -> tuple[str, ...]:
    """Return the losses that the policies fail to stop, one line each.

    Args:
        checks: the loaded checks.
        protected: the list of protected types.
    """
    losses = _losses(protected)
    try:
        document = _document(losses)
    except UnreadableError as error:
        return (f"the guard cannot read its own canary: {error}",)
    caught = protected_losses(document, (), protected)
    missed = [f"{loss.what}: the built-in rule does not stop it" for loss in losses if loss.address not in caught]
    return (*missed, *_missed_by_check(checks, document, losses, protected))


@dataclass(frozen=True, slots=True)
class _Loss:
    """The loss of one resource. ``what`` says it in words, for when nothing stops it."""

    address: str
    type: str
    actions: tuple[str, ...]
    what: str


def _losses(protected: Protected) -> tuple[_Loss, ...]:
    tag = secrets.token_hex(4)  # so that no check can recognize the canary by name
    return tuple(
        _Loss(f"module.this.{kind}.{way[0]}{tag}", kind, actions, f"{kind} could be {way}")
        for kind in sorted(protected.types)
        for way, actions in WAYS.items()
        if not (protected.types[kind].replaceable and "create" in actions)
    )


def _missed_by_check(
    checks: Checks, document: PlanDocument, losses: tuple[_Loss, ...], protected: Protected
) -> list[str]:
    """Return what the check on protected resources passes, does not answer for, or cannot be asked about."""
    try:
        policy = checks.by_id[PROTECTED].policy
        outcomes = checks.run(annotated_resources(document, protected), policy=policy)
    except Exception as error:  # noqa: BLE001 - whatever fails here, the canary was not caught
        return [f"checkov failed with {type(error).__name__}"]
    caught = {each.address for each in outcomes.given if each.check == PROTECTED and not each.passed}
    missed = [loss for loss in losses if loss.address not in caught]
    return [f"{each.what}: the check {PROTECTED} does not stop it{_why(outcomes, each)}" for each in missed]


def _why(outcomes: CheckOutcomes, loss: _Loss) -> str:
    why = outcomes.missing.get((PROTECTED, loss.address))
    return f": {why}" if why else ""


def _document(losses: tuple[_Loss, ...]) -> PlanDocument:
    """Write the canary's plan to a file and read it like any plan."""
    plan = {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {"root_module": {}},
        "resource_changes": [_change(loss) for loss in losses],
        "prior_state": {"format_version": "1.0", "values": {"root_module": {}}},
    }
    with tempfile.TemporaryDirectory(prefix="orch-canary-") as folder:
        file = Path(folder, "plan.json")
        file.write_text(json.dumps(plan), encoding="utf-8")
        return read_document(file)


def _change(loss: _Loss) -> dict[str, Any]:
    name = loss.address.rpartition(".")[2]
    values = {"id": name, "arn": name}
    return {
        "address": loss.address,
        "module_address": "module.this",
        "mode": "managed",
        "type": loss.type,
        "name": name,
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {
            "actions": list(loss.actions),
            "before": values,
            "after": values if "create" in loss.actions else None,
            "after_unknown": {},
            "before_sensitive": {},
            "after_sensitive": {},
        },
    }
