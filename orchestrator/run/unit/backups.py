"""Before something protected is changed, what can be saved of it is saved; ``copies.json`` of the run says where."""

from __future__ import annotations

import json
import re
import secrets
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

from orchestrator.aws.backup.backup import WaitOptions, back_up, can_back_up
from orchestrator.aws.backup.locate import locate_resource
from orchestrator.aws.causes import AwsFailure
from orchestrator.aws.errors import translate
from orchestrator.aws.identity.roles import AnyRole
from orchestrator.config.catalogue import Unit
from orchestrator.errors import BlockedError, InterruptedRunError, OrchError
from orchestrator.guard.checkov.annotate import label
from orchestrator.guard.policies.protected import Protected
from orchestrator.report.model import Notice, Phase, UnitPhase, UnitProgress
from orchestrator.run.context import RunContext
from orchestrator.terraform.model import Action, PlanRecord, ResourceChange
from orchestrator.util.files import file_lock, write_atomic

BACKUP_FORMAT = 1
_CHANGED = frozenset({Action.UPDATE, Action.REPLACE, Action.DELETE})


@dataclass(frozen=True, slots=True)
class CopyEntry:
    """What was saved of one resource, and where.

    Attributes:
        unit, address, type, action: which change it was saved before.
        what: in words; of a type that cannot be saved: that nothing was.
        where: ARNs, ``s3://`` addresses, files relative to the repository; none when nothing was saved.
        at: when, ISO 8601, UTC.
    """

    unit: str
    address: str
    type: str
    action: str
    what: str
    where: tuple[str, ...]
    at: str


def changed_protected(plan: PlanRecord, protected: Protected) -> Iterator[ResourceChange]:
    """The protected resources that a plan changes in place, replaces or deletes.

    Every update counts, one of tags too: nobody knows what an update does before it is done.
    """
    for change in plan.changes:
        if change.mode == "managed" and change.type in protected and change.action in _CHANGED:
            yield change


def save_copies(context: RunContext, unit: Unit, plan: PlanRecord, role: AnyRole) -> bool:
    """Save what can be saved of what a plan is about to change, under the role that applies it.

    A copy of a pool is a private file of this run, and goes to the state bucket too: a CI machine and its files are
    gone after the run. It holds personal data.

    Returns:
        whether there was something to save.

    Raises:
        BlockedError: something cannot be saved; nothing was changed.
        InterruptedRunError: the run was interrupted meanwhile.
    """
    changes = list(changed_protected(plan, context.guard.judge.policies.protected))
    if not changes:
        return False
    context.run.sink(UnitPhase(unit.id, Phase.COPY))
    for change in changes:
        entry = _saved(context, unit, change, role)
        _record(context, entry)
        where = f": {', '.join(entry.where)}" if entry.where else ""
        context.run.sink(Notice(text=f"{_short(change)}: {entry.what}{where}", unit=unit.id))
    return True


def _saved(context: RunContext, unit: Unit, change: ResourceChange, role: AnyRole) -> CopyEntry:
    what: str = "nothing was saved: orch has no copy for this type"
    where: tuple[str, ...] = ()
    if can_back_up(change.type):
        try:
            what, where = _copy(context, unit, change, role)
        except InterruptedRunError as error:
            raise InterruptedRunError(f"{unit.id} was not applied: {error.what}") from error
        except OrchError as error:
            message = f"{_short(change)} was not changed, as no safety copy of it could be made: {error.what}"
            hint = f"{error.hint}; " if error.hint else ""
            raise BlockedError(message, hint=f"{hint}an apply goes on only with a copy") from error
    return CopyEntry(
        unit=unit.id,
        address=label(change),
        type=change.type,
        action=change.action.value,
        what=what,
        where=where,
        at=datetime.now(UTC).isoformat(timespec="seconds"),
    )


def _copy(context: RunContext, unit: Unit, change: ResourceChange, role: AnyRole) -> tuple[str, tuple[str, ...]]:
    """What was saved, in words, and where."""
    short = _short(change)
    thing = locate_resource(context.catalogue, unit, change.type, change.before)
    if thing is None:
        message = "the plan does not say what AWS calls it"
        raise BlockedError(message)
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", thing.id)
    file = context.run.folders.copies_of(unit) / f"{name}.json.gz"
    waiting = WaitOptions(
        stopped=context.run.stop.is_set,
        tell=lambda text: context.run.sink(UnitProgress(unit.id, f"{short}: copy: {text}")),
    )
    mark = f"{context.run.folders.run}-{secrets.token_hex(2)}"
    copied = back_up(context.aws.identities, role, thing, file=file, label=mark, waiting=waiting)
    if copied is None:
        return "nothing was saved: it is not there any more", ()
    if copied.file is None:
        return copied.what, (copied.arn,)
    return f"{copied.what}. It holds personal data", (
        copied.file.relative_to(context.run.folders.root).as_posix(),
        _upload(context, unit, copied.file, role),
    )


def _upload(context: RunContext, unit: Unit, file: Path, role: AnyRole) -> str:
    """Put a copy into the unit's state bucket, which is encrypted; where it is.

    Raises:
        DeniedError, ThrottledError, SetupError, UnitError: it cannot be put there.
    """
    account = context.catalogue.account_of(unit)
    key = f"copies/{unit.folder}/{context.run.folders.run}/{file.name}"
    try:
        client = context.aws.identities.client("s3", account, role)
        with file.open("rb") as body:
            client.put_object(
                Bucket=account.state_bucket,
                Key=key,
                Body=body,
                ContentType="application/gzip",
                ExpectedBucketOwner=account.id,
            )
    except AwsFailure as error:
        raise translate(
            error, f"put the copy into {account.state_bucket}", context.aws.identities.context(account)
        ) from error
    return f"s3://{account.state_bucket}/{key}"


def _record(context: RunContext, entry: CopyEntry) -> None:
    """Add an entry to the run's ``copies.json``; units are applied side by side.

    Raises:
        BlockedError: it cannot be written: nobody would find the copy.
    """
    path = context.run.folders.copies
    try:
        with file_lock(path.with_suffix(".lock")):
            before = json.loads(path.read_bytes())["copies"] if path.exists() else []
            document = {"format": BACKUP_FORMAT, "kind": "copies", "copies": [*before, asdict(entry)]}
            write_atomic(path, (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())
    except OSError as error:
        message = f"{entry.address} was not changed, as {path.name} cannot be written: {error.strerror}"
        raise BlockedError(message, hint="make room on the disk") from error


def _short(change: ResourceChange) -> str:
    return label(change).removeprefix("module.this.")
