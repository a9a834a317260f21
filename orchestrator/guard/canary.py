"""The canary: a plan that takes one object of every protected type away, which the policies must stop.

Before the first verdict of a run, it goes the way of every plan: through the guard's reader, its own rule, and every
check. A check that was disarmed in code, or a list that the code reads otherwise than it is written, shows there and
not on the day of a real deletion. When anything of it passes, nothing in that run is judged, so nothing is applied.
"""

from __future__ import annotations

import json
import secrets
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from orchestrator.guard.checkov.annotate import annotated_resources
from orchestrator.guard.findings import PROTECTED
from orchestrator.guard.plan.entries import UnreadableError
from orchestrator.guard.plan.reader import PlanDocument, read_document
from orchestrator.guard.policies.protected import Protected
from orchestrator.guard.rules.protected import protected_losses

if TYPE_CHECKING:
    from orchestrator.guard.checkov.runner import Engine

WAYS: Mapping[str, tuple[str, ...]] = {
    "deleted": ("delete",),
    "replaced": ("delete", "create"),
    "forgotten": ("forget",),
}
"""How each type is taken away: in words, and as Terraform's actions."""


def canary_failures(engine: Engine, protected: Protected) -> tuple[str, ...]:
    """What of the canary passes although it must be stopped, one line each; empty when the policies hold.

    Takes some 40 ms beside the 2 s that loading the engine takes.

    Args:
        engine: the checks, loaded.
        protected: the list that they must protect.
    """
    baits = _baits(protected)
    try:
        document = _document(baits)
    except UnreadableError as error:
        return (f"the guard cannot read its own canary: {error}",)
    caught = protected_losses(document, (), protected)
    missed = [f"{bait.what} past the guard's own rule" for bait in baits if bait.address not in caught]
    return (*missed, *_past_the_check(engine, document, baits, protected))


@dataclass(frozen=True, slots=True)
class _Bait:
    """One object that is taken away. ``what``: in words, for when nothing stops it."""

    address: str
    type: str
    actions: tuple[str, ...]
    what: str


def _baits(protected: Protected) -> tuple[_Bait, ...]:
    tag = secrets.token_hex(4)  # so that no check can know it by its name
    return tuple(
        _Bait(f"module.this.{kind}.{way[0]}{tag}", kind, actions, f"{kind} could be {way}")
        for kind in sorted(protected.types)
        for way, actions in WAYS.items()
    )


def _past_the_check(
    engine: Engine, document: PlanDocument, baits: tuple[_Bait, ...], protected: Protected
) -> list[str]:
    """What the check on protected resources lets pass, does not answer about, or cannot be asked about."""
    try:
        answers = engine.run(annotated_resources(document, protected))
    except Exception as error:  # noqa: BLE001 - whatever goes wrong in checkov, the canary was not caught
        return [f"checkov failed with {type(error).__name__}"]
    caught = {each.address for each in answers.given if each.check == PROTECTED and not each.passed}
    return [f"{bait.what} past the check {PROTECTED}" for bait in baits if bait.address not in caught]


def _document(baits: tuple[_Bait, ...]) -> PlanDocument:
    """The canary's plan, read as every plan is: from a file."""
    plan = {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {"root_module": {}},
        "resource_changes": [_change(bait) for bait in baits],
        "prior_state": {"format_version": "1.0", "values": {"root_module": {}}},
    }
    with tempfile.TemporaryDirectory(prefix="orch-canary-") as folder:
        file = Path(folder, "plan.json")
        file.write_text(json.dumps(plan), encoding="utf-8")
        return read_document(file)


def _change(bait: _Bait) -> dict[str, Any]:
    name = bait.address.rpartition(".")[2]
    values = {"id": name, "arn": name}
    return {
        "address": bait.address,
        "module_address": "module.this",
        "mode": "managed",
        "type": bait.type,
        "name": name,
        "provider_name": "registry.terraform.io/hashicorp/aws",
        "change": {
            "actions": list(bait.actions),
            "before": values,
            "after": values if "create" in bait.actions else None,
            "after_unknown": {},
            "before_sensitive": {},
            "after_sensitive": {},
        },
    }
