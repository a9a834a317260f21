"""Receipts in a run: made when a plan is judged, confirmed right before it is applied, kept beside the state after.

What is applied was judged: the planner calls `make_receipt`, the apply `confirm_plan` and afterwards `record_writes`. Units in which
nothing changes have none of it: there is nothing to apply.
"""

from __future__ import annotations

import subprocess
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from orchestrator import __version__
from orchestrator.config.catalogue import Unit
from orchestrator.errors import BlockedError, OrchError, SetupError
from orchestrator.guard.model import Verdict
from orchestrator.guard.receipt.check import check_receipt, check_verdict
from orchestrator.guard.receipt.freeze import FrozenFiles, freeze, hash_file
from orchestrator.guard.receipt.receipt import (
    Receipt,
    ReceiptInputs,
    StateWrites,
    digest_of,
)
from orchestrator.report.model import Notice
from orchestrator.run.context import RunContext
from orchestrator.run.history.paths import Folders
from orchestrator.terraform.model import PlanRecord
from orchestrator.terraform.plan.reader import read_plan
from orchestrator.terraform.setup.lock_file import LOCK_FILE, locked_providers
from orchestrator.terraform.state.header import StateHeader, planned_from


def make_receipt(
    context: RunContext, unit: Unit, plan: PlanRecord, verdict: Verdict, frozen: FrozenFiles, *, destroy: bool
) -> Receipt:
    """Make the receipt of a plan that was just judged, and save it as ``receipts/STAGE/STACK/REGION.json`` of the run.

    Args:
        context: the run.
        unit: the plan's unit.
        plan: the plan, with its JSON.
        verdict: what the guard said.
        frozen: hashes of the plan and of all files that applying it may read.
        destroy: the plan destroys the unit.

    Raises:
        BlockedError: the plan file is another one than that whose JSON was judged, or a file cannot be read.
        UnreadableStateError: the plan does not say which state it was made from.
        SetupError: the disk does not take the receipt.
    """
    if plan.sha256 != frozen.files["plan"]:
        message = f"{plan.file} was changed while it was judged"
        raise BlockedError(message, hint="plan again")
    facts = _facts(context, unit, planned_from(plan.file), frozen, _json_of(plan))
    receipt = Receipt.make(
        facts,
        verdict,
        run=context.run.folders.run,
        destroy=destroy,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=commit_of(context.run.folders.root),
    )
    _save(receipt, context.run.folders.receipt(unit))
    return receipt


def confirm_plan(
    context: RunContext,
    unit: Unit,
    *,
    made: Receipt | None = None,
    plan: PlanRecord | None = None,
    run: str | None = None,
) -> tuple[Receipt, PlanRecord]:
    """May a saved plan be applied now? Compares everything that its receipt binds, and judges the exact bytes again.

    In the process that planned, give ``made`` and ``plan``: the receipt on disk must be the one that was made. In
    another process (``orch apply --resume``) give ``run`` instead: its receipt and plan are read from disk, and
    Terraform makes the plan's JSON once more, which must be the judged one byte for byte. A receipt on disk proves the
    judgement, not the approval: before that compare ``plan_sha256`` with what the run's journal says was approved.

    Args:
        context: the run.
        unit: the unit.
        made: the receipt as this process made it; None: take what is on disk.
        plan: the plan as this process read it; None: read it anew.
        run: id of the run that planned; None: this one.

    Returns:
        the receipt and the plan, which may be applied right away.

    Raises:
        BlockedError: there is no receipt, it was edited, something differs, or the judgement is another one now.
        DeniedError, ThrottledError, SetupError, UnitError: the state or the account cannot be asked; TerraformError:
            the plan cannot be shown.
    """
    folders = Folders(root=context.run.folders.root, run=run or context.run.folders.run)
    path = folders.receipt(unit)
    receipt = Receipt.read(path)
    if made is not None and receipt != made:
        message = f"the receipt {path} was edited after the plan was judged"
        raise BlockedError(message, hint="plan again, so that what is applied is what was judged")
    plan = plan or _shown_again(context, unit, folders)
    frozen = freeze(folders.unit(unit), folders.plan(unit), extra=[folders.data(unit) / "modules"])
    found = context.aws.states.latest(unit)
    base = StateHeader(found[0].lineage, found[0].serial) if found else StateHeader()
    facts = _facts(context, unit, base, frozen, _json_of(plan))
    check_receipt(receipt, facts)
    brought = context.guard.scanner.scan(unit, folders.unit(unit), folders.data(unit), initialised=True)
    check_verdict(receipt, context.guard.judge.judge(unit, plan, destroy=receipt.destroy, more=brought))
    check_receipt(receipt, replace(facts, json_sha256=hash_file(_json_of(plan)).removeprefix("sha256:")))
    return receipt, plan


def record_writes(context: RunContext, unit: Unit, receipt: Receipt, *, ok: bool, began: bool = True) -> Receipt:
    """After an apply: note in the receipt what it wrote, and keep the receipt beside the state.

    Also after an apply that failed: it may have written serials before. For a run that was killed ``--resume`` calls
    this with the receipt that it finds: what followed on the receipt's serial is taken for that run's work.

    Args:
        context: the run.
        unit: the unit.
        receipt: of the plan that was applied.
        ok: whether the apply succeeded.
        began: whether Terraform began to change anything. If not, e.g. as another one held the lock, then what was
            written meanwhile is not its work, and nothing is noted.

    Returns:
        the receipt with what was written; as it was when nothing was.

    Raises:
        OrchError: the receipt could not be kept; a notice has told of it. What was applied stays applied.
    """
    if not (began or ok):
        return receipt
    try:
        lineage, versions = context.aws.history.written(unit, StateHeader(receipt.lineage, receipt.serial))
        if not versions:
            return receipt
        wrote = StateWrites(ok, lineage, first=min(versions.values()), last=max(versions.values()), versions=versions)
        done = replace(receipt, wrote=wrote)
        folders = Folders(root=context.run.folders.root, run=receipt.run)
        _save(done, folders.receipt(unit))
        context.aws.history.put_receipt(unit, wrote.last, done.form())
    except OrchError as error:
        hint = (
            f"what was applied is applied, but its receipt is not beside the state: orch verify {unit.account} names it"
        )
        context.run.sink(Notice(text=f"{error}; {hint}", unit=unit.id))
        raise
    return done


def record_state_edit(context: RunContext, unit: Unit, verb: str, lineage: str, versions: Mapping[str, int]) -> None:
    """Keep a receipt of what orch itself wrote into a state without a plan: ``orch move``, ``orch adopt`` and the like.

    Without it ``orch verify`` takes the new version for one that was written past orch.

    Args:
        context: the run.
        unit: whose state was written.
        verb: ``move``, ``adopt``, …
        lineage: of the state that was written.
        versions: the version id that S3 gave each object that was written -> its serial; at least one.

    Raises:
        DeniedError, ThrottledError, SetupError, UnitError: it cannot be kept.
    """
    account = context.catalogue.account_of(unit)
    first, last = min(versions.values()), max(versions.values())
    receipt = Receipt(
        run=context.run.folders.run,
        unit=unit.id,
        verb=verb,
        account_id=context.aws.history.confirmed(unit),
        region=unit.region,
        state=f"s3://{account.state_bucket}/{unit.state_key}",
        lineage=lineage,
        serial=first - 1,
        digest=digest_of({}),
        plan_sha256="",
        json_sha256="",
        policies=context.guard.judge.policies.digest,
        versions={"orch": __version__},
        checks=(),
        blocked=False,
        findings=(),
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=commit_of(context.run.folders.root),
        files={},
        wrote=StateWrites(ok=True, lineage=lineage, first=first, last=last, versions=dict(versions)),
    )
    context.aws.history.put_receipt(unit, last, receipt.form())


def commit_of(root: Path) -> str:
    """Git's commit of a folder, with ``-dirty`` when a file differs from it; empty where there is no git."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _facts(context: RunContext, unit: Unit, base: StateHeader, frozen: FrozenFiles, json_file: Path) -> ReceiptInputs:
    account = context.catalogue.account_of(unit)
    lock = frozen.root / LOCK_FILE
    binary = context.terraform.cli.binary
    return ReceiptInputs(
        unit=unit.id,
        account_id=context.aws.history.confirmed(unit),
        region=unit.region,
        state=f"s3://{account.state_bucket}/{unit.state_key}",
        base=base,
        frozen=frozen,
        json_sha256=hash_file(json_file).removeprefix("sha256:"),
        policies=context.guard.judge.policies.digest,
        versions={
            "orch": __version__,
            binary.kind: binary.version,
            **(locked_providers(lock.read_text(encoding="utf-8")) if lock.is_file() else {}),
        },
    )


def _json_of(plan: PlanRecord) -> Path:
    if plan.json_file is None:
        message = f"there is no JSON of {plan.file}, so it was not judged"
        raise BlockedError(message, hint="plan again")
    return plan.json_file


def _shown_again(context: RunContext, unit: Unit, folders: Folders) -> PlanRecord:
    """A plan of another process, read from a JSON that Terraform makes of it now."""
    root = replace(context.root(unit, preview=False), folder=folders.unit(unit))
    file = folders.plan(unit)
    if not file.is_file():
        message = f"{file} is gone, and it is the plan that was judged"
        raise BlockedError(message, hint="plan again")
    json_file = file.with_suffix(".again.json")
    context.terraform.cli.show_json(root, file, json_file)
    return read_plan(file, json_file)


def _save(receipt: Receipt, path: Path) -> None:
    try:
        receipt.write(path)
    except OSError as error:
        message = f"the receipt {path} cannot be saved: {error.strerror}"
        raise SetupError(message, hint="without it nothing is applied; make room on the disk") from error
