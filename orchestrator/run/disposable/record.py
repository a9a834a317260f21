"""Records in the ledger, before anything is applied, which stages are disposable and which are so no longer."""

from __future__ import annotations

from datetime import UTC, datetime

from orchestrator.aws.state.stage_records import StageRecord, StageRecords
from orchestrator.run.context import RunContext


def record_stages(context: RunContext) -> None:
    """Record the new disposable stages of a run, and those that last from now on.

    Raises:
        DeniedError, ThrottledError, SetupError, UnitError: it cannot be written; then nothing may be applied.
    """
    stages = context.guard.judge.disposable
    records = StageRecords(context.aws.identities)
    for name in sorted(stages.new | stages.lasting):
        account = context.catalogue.accounts[context.catalogue.stages[name].account]
        record = StageRecord(
            stage=name,
            account_id=account.id,
            disposable=name in stages.new,
            commit=context.run.commit(),
            run=context.run.folders.run,
            time=datetime.now(UTC).isoformat(timespec="seconds"),
        )
        records.write(account, record)
