"""Checks right before an apply that everything a receipt covers is unchanged."""

from __future__ import annotations

import json
from collections.abc import Iterator

from orchestrator.errors import BlockedError
from orchestrator.guard.model import Severity, Verdict
from orchestrator.guard.receipt.freeze import FrozenFiles
from orchestrator.guard.receipt.receipt import (
    PLAN_AGAIN,
    Receipt,
    ReceiptInputs,
    StateMovedError,
    receipt_files,
    recorded_findings,
)
from orchestrator.terraform.state.header import StateHeader


def check_receipt(receipt: Receipt, inputs: ReceiptInputs) -> None:
    """Block unless the receipt allows its plan and everything that it covers is unchanged.

    ``run.unit.receipts.confirm`` calls this right before an apply, also when a run resumes in another process. A
    receipt does not prove what a person approved: compare ``plan_sha256`` with the approval in the journal.

    Args:
        receipt: created when the plan was judged.
        inputs: the current inputs.

    Raises:
        StateMovedError: only the state differs: another run changed it.
        BlockedError: the plan was blocked, or something else differs; the message has the old and new value.
    """
    if receipt.blocked:
        rules = ", ".join(sorted({each.rule for each in receipt.findings if each.severity == Severity.BLOCK.value}))
        message = f"the plan of {receipt.unit} was blocked{f' ({rules})' if rules else ''}"
        raise BlockedError(message, hint=f"orch plan {receipt.unit} shows why, and what to do")
    for what in _differences(receipt, inputs):
        raise BlockedError(what, hint=PLAN_AGAIN)
    before = StateHeader(receipt.lineage, receipt.serial)
    if inputs.base != before:
        message = f"the state of {receipt.unit} changed after its plan was made: {moved_words(before, inputs.base)}"
        raise StateMovedError(message, hint=PLAN_AGAIN)


def check_verdict(receipt: Receipt, verdict: Verdict) -> None:
    """Block unless judging a plan again gave the verdict in its receipt.

    Raises:
        BlockedError: it is blocked now, other checks ran, or the findings differ, e.g. because a waiver expired.
    """
    if verdict.blocked:
        first = next(each for each in verdict.findings if each.severity is Severity.BLOCK)
        message = f"{receipt.unit} is blocked now, right before the apply: {first.message} ({first.cause})"
        raise BlockedError(message, hint=first.hint)
    if (verdict.checks, recorded_findings(verdict)) != (receipt.checks, receipt.findings):
        what = f"judging {receipt.unit} again right before the apply"
        message = f"{what} produced a different verdict from the one in its receipt"
        raise BlockedError(message, hint=PLAN_AGAIN)


def _differences(receipt: Receipt, inputs: ReceiptInputs) -> Iterator[str]:
    unit = receipt.unit
    if inputs.unit != unit:
        yield f"the receipt is for {unit}, but the plan is for {inputs.unit}"
    if inputs.account_id != receipt.account_id:
        yield f"{unit} was judged for account {receipt.account_id}, but STS reports {inputs.account_id}"
    if inputs.region != receipt.region:
        yield f"{unit} was judged for {receipt.region}, but would be applied in {inputs.region}"
    if inputs.state != receipt.state:
        yield f"{unit} was judged for the state {receipt.state}, but would be applied to {inputs.state}"
    yield from _files_differ(receipt, inputs.frozen)
    if inputs.json_sha256 != receipt.json_sha256:
        yield f"the JSON of the plan of {unit} was changed after the plan was judged"
    if inputs.policies != receipt.policies:
        yield f"policies/ changed after {unit} was judged"
    yield from _programs_differ(receipt, inputs)
    for name in sorted(receipt.values.keys() | inputs.values.keys()):
        if receipt.values.get(name) != inputs.values.get(name):
            was, now = (json.dumps(each.values.get(name)) for each in (receipt, inputs))
            yield f"{unit} was judged with run.{name} = {was}, but would be applied with {now}"


def _programs_differ(receipt: Receipt, inputs: ReceiptInputs) -> Iterator[str]:
    for name in sorted({*receipt.versions, *inputs.versions}):
        was, now = receipt.versions.get(name, "none"), inputs.versions.get(name, "none")
        if was != now:
            yield f"{receipt.unit} was judged with {name} {was}, but would be applied with {now}"
    for name in sorted(receipt.providers.keys() & inputs.providers.keys()):  # Another platform has another package.
        if receipt.providers[name] != inputs.providers[name]:
            provider = name.partition(" ")[0]
            yield f"{receipt.unit} was judged with {provider} ({receipt.providers[name]}), which is another program now"


def _files_differ(receipt: Receipt, frozen: FrozenFiles) -> Iterator[str]:
    """Yield the files that differ, by name."""
    if frozen.plan_sha256 != receipt.plan_sha256:
        yield f"{frozen.plan} was changed after the plan was judged"
    now = receipt_files(frozen)
    for name in sorted(receipt.files.keys() | now.keys()):
        if receipt.files.get(name) != now.get(name):
            how = "was added" if name not in receipt.files else "is gone" if name not in now else "was changed"
            yield f"{frozen.path_of(name)} {how} after the plan was judged"


def moved_words(before: StateHeader, now: StateHeader) -> str:
    """Return how a state differs from an earlier one."""
    if not now.lineage:
        return f"it had serial {before.serial}, and is gone"
    if not before.lineage:
        return f"it did not exist, and has serial {now.serial}"
    if now.lineage != before.lineage:
        return f"its lineage was {before.lineage}, and is {now.lineage}"
    return f"its serial was {before.serial}, and is {now.serial}"
