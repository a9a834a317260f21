"""Receipts in a run: made when a plan is judged, confirmed right before the apply, stored with the state afterwards.

The planner calls `make_receipt`, the apply calls `confirm_plan` and then `record_writes`. A unit without changes has no
receipt, because there is nothing to apply.
"""

from __future__ import annotations

import os
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
from orchestrator.run.history.paths import RunPaths
from orchestrator.terraform.model import PlanRecord
from orchestrator.terraform.plan.reader import read_plan
from orchestrator.terraform.setup.lock_file import LOCK_FILE, locked_providers
from orchestrator.terraform.state.header import StateHeader, planned_from
from orchestrator.util.git import git_environment


def make_receipt(
    context: RunContext, unit: Unit, plan: PlanRecord, verdict: Verdict, frozen: FrozenFiles, *, destroy: bool
) -> Receipt:
    """Make the receipt of a plan that was just judged, and save it in the run as ``receipts/STAGE/STACK/REGION.json``.

    Args:
        context: the run.
        unit: the plan's unit.
        plan: the plan, with its JSON.
        verdict: the guard's verdict.
        frozen: hashes of the plan and of all files that applying it may read.
        destroy: the plan destroys the unit.

    Raises:
        BlockedError: the plan file changed after its JSON was made, or a file cannot be read.
        UnreadableStateError: the plan does not contain the state that it was made from.
        SetupError: the receipt cannot be written.
    """
    if plan.sha256 != frozen.files["plan"]:
        message = f"{plan.file} changed while it was judged"
        raise BlockedError(message, hint="plan again")
    inputs = _inputs(context, unit, planned_from(plan.file), frozen, _json_of(plan), write=False)
    receipt = Receipt.make(
        inputs,
        verdict,
        run=context.run.folders.run,
        destroy=destroy,
        time=datetime.now(UTC).isoformat(timespec="seconds"),
        commit=context.run.commit(),
    )
    _save(receipt, context.run.folders.receipt(unit))
    return receipt


def confirm_plan(
    context: RunContext,
    unit: Unit,
    *,
    expected: Receipt | None = None,
    plan: PlanRecord | None = None,
    run: str | None = None,
) -> tuple[Receipt, PlanRecord]:
    """Confirm that a saved plan may be applied now: compare everything its receipt binds, and judge the bytes again.

    In the process that planned, give ``expected`` and ``plan``: the receipt on disk must be the one that was made. In
    another process (``orch apply --resume``) give ``run`` instead: receipt and plan are read from disk, and
    Terraform makes the plan's JSON again, which must equal the judged JSON byte for byte. A receipt on disk proves the
    verdict, not the approval: compare ``plan_sha256`` with the approval in the run's journal first.

    Args:
        context: the run.
        unit: the unit.
        expected: the receipt as this process made it; None takes the one on disk.
        plan: the plan as this process read it; None reads it again.
        run: id of the run that planned; None for this one.

    Returns:
        the receipt, and the plan, which may be applied immediately.

    Raises:
        BlockedError: there is no receipt, it was edited, something differs, or the verdict is different now.
        DeniedError, ThrottledError, SetupError, UnitError: the state or the account cannot be read.
        TerraformError: Terraform cannot show the plan.
    """
    folders = RunPaths(root=context.run.folders.root, run=run or context.run.folders.run)
    path = folders.receipt(unit)
    receipt = Receipt.read(path)
    if expected is not None and receipt != expected:
        message = f"the receipt {path} was edited after the plan was judged"
        raise BlockedError(message, hint="plan again")
    plan = plan or _read_again(context, unit, folders)
    frozen = freeze(folders.unit(unit), folders.plan(unit), extra=[folders.data(unit) / "modules"])
    found = context.aws.states.latest(unit)
    base = StateHeader(found[0].lineage, found[0].serial) if found else StateHeader()
    inputs = _inputs(context, unit, base, frozen, _json_of(plan), write=True)
    check_receipt(receipt, inputs)
    found_in_files = context.guard.scanner.scan(unit, folders.unit(unit), folders.data(unit), initialized=True)
    more, entries = found_in_files.findings, found_in_files.entries
    verdict = context.guard.judge.judge(unit, plan, destroy=receipt.destroy, more=more, scanned=entries)
    check_verdict(receipt, verdict)
    check_receipt(receipt, replace(inputs, json_sha256=hash_file(_json_of(plan)).removeprefix("sha256:")))
    return receipt, plan


def record_writes(context: RunContext, unit: Unit, receipt: Receipt, *, ok: bool, began: bool = True) -> Receipt:
    """After an apply, record in the receipt what it wrote, and store the receipt with the state.

    Also after a failed apply, which may have written states before it failed. For a run that was killed, ``--resume``
    calls this with the receipt it finds: states written since the receipt's serial count as that run's work.

    Args:
        context: the run.
        unit: the unit.
        receipt: the receipt of the plan that was applied.
        ok: whether the apply succeeded.
        began: whether Terraform began to change anything. If not, for example because the state was locked, states
            written in the meantime are not its work, and nothing is recorded.

    Returns:
        the receipt with what was written; unchanged when nothing was.

    Raises:
        OrchError: the receipt could not be stored; a notice reports it. The applied changes stay.
    """
    if not (began or ok):
        return receipt
    try:
        lineage, versions = context.aws.history.written(unit, StateHeader(receipt.lineage, receipt.serial))
        if not versions:
            return receipt
        wrote = StateWrites(ok, lineage, first=min(versions.values()), last=max(versions.values()), versions=versions)
        done = replace(receipt, wrote=wrote)
        folders = RunPaths(root=context.run.folders.root, run=receipt.run)
        _save(done, folders.receipt(unit))
        context.aws.history.put_receipt(unit, wrote.last, done.form())
    except OrchError as error:
        hint = f"the apply is complete, but its receipt is not stored: orch verify {unit.account} will list its state"
        context.run.sink(Notice(text=f"{error}; {hint}", unit=unit.id))
        raise
    return done


def record_state_edit(context: RunContext, unit: Unit, verb: str, lineage: str, versions: Mapping[str, int]) -> None:
    """Store a receipt of a state that orch wrote without a plan: ``orch move``, ``orch adopt``.

    Without it, ``orch verify`` would report the new version as written outside of orch.

    Args:
        context: the run.
        unit: the unit whose state was written.
        verb: ``move``, ``adopt``, …
        lineage: lineage of the written state.
        versions: S3 version id of each written object -> its serial; at least one.

    Raises:
        DeniedError, ThrottledError, SetupError, UnitError: the receipt cannot be stored.
    """
    account = context.catalogue.account_of(unit)
    first, last = min(versions.values()), max(versions.values())
    receipt = Receipt(
        run=context.run.folders.run,
        unit=unit.id,
        verb=verb,
        account_id=context.aws.history.confirmed(unit, write=True),
        region=unit.region,
        state=account.state_url(unit.state_key),
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
        commit=context.run.commit(),
        files={},
        wrote=StateWrites(ok=True, lineage=lineage, first=first, last=last, versions=dict(versions)),
    )
    context.aws.history.put_receipt(unit, last, receipt.form())


def commit_of(root: Path) -> str:
    """Return git's commit of a folder, with ``-dirty`` if files differ from it; empty without git."""
    command = ["git", "-C", str(root), "describe", "--always", "--dirty", "--abbrev=40", "--exclude=*"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=30, env=git_environment(os.environ)
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _inputs(
    context: RunContext, unit: Unit, base: StateHeader, frozen: FrozenFiles, json_file: Path, *, write: bool
) -> ReceiptInputs:
    """Return what a receipt covers. ``write``: for the role that applies, not the one that plans."""
    account = context.catalogue.account_of(unit)
    lock = frozen.root / LOCK_FILE
    binary = context.terraform.cli.binary
    return ReceiptInputs(
        unit=unit.id,
        account_id=context.aws.history.confirmed(unit, write=write),
        region=unit.region,
        state=account.state_url(unit.state_key),
        base=base,
        frozen=frozen,
        json_sha256=hash_file(json_file).removeprefix("sha256:"),
        policies=context.guard.judge.policies.digest,
        versions={
            "orch": __version__,
            binary.kind: binary.version,
            **(locked_providers(lock.read_text(encoding="utf-8")) if lock.is_file() else {}),
        },
        providers=context.terraform.cli.provider_checksums(lock, context.run.folders.data(unit)),
        values=unit.run_values,
    )


def _json_of(plan: PlanRecord) -> Path:
    if plan.json_file is None:
        message = f"{plan.file} has no JSON, so it was not judged"
        raise BlockedError(message, hint="plan again")
    return plan.json_file


def _read_again(context: RunContext, unit: Unit, folders: RunPaths) -> PlanRecord:
    """Read the plan of another process from JSON that Terraform makes now."""
    root = replace(context.root(unit, preview=False), folder=folders.unit(unit))
    file = folders.plan(unit)
    if not file.is_file():
        message = f"the judged plan {file} is gone"
        raise BlockedError(message, hint="plan again")
    json_file = file.with_suffix(".again.json")
    context.terraform.cli.show_json(root, file, json_file)
    return read_plan(file, json_file)


def _save(receipt: Receipt, path: Path) -> None:
    try:
        receipt.write(path)
    except OSError as error:
        message = f"cannot save the receipt {path}: {error.strerror}"
        raise SetupError(message, hint="free disk space; nothing is applied without a receipt") from error
