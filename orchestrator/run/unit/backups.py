"""Makes safety copies before protected resources are changed, and lists them in ``copies.json`` of the run."""

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
from orchestrator.run.history.paths import RunPaths
from orchestrator.terraform.model import Action, PlanRecord, ResourceChange
from orchestrator.util.files import file_lock, write_atomic

BACKUP_FORMAT = 1
_CHANGED = frozenset({Action.UPDATE, Action.REPLACE, Action.DELETE})


@dataclass(frozen=True, slots=True)
class CopyEntry:
    """One safety copy.

    Attributes:
        unit, address, type, action: the change that it was made before.
        what: what was copied; for a type that orch cannot copy, that nothing was.
        where: ARNs, ``s3://`` addresses, and files relative to the repository; empty when nothing was copied.
        at: time, ISO 8601, UTC.
    """

    unit: str
    address: str
    type: str
    action: str
    what: str
    where: tuple[str, ...]
    at: str


def changed_protected(plan: PlanRecord, protected: Protected) -> Iterator[ResourceChange]:
    """Yield the protected resources that a plan updates, replaces or deletes.

    Every update counts, even one of tags: its effect is not known in advance.
    """
    for change in plan.changes:
        if change.mode == "managed" and change.type in protected and change.action in _CHANGED:
            yield change


def save_copies(context: RunContext, unit: Unit, plan: PlanRecord, role: AnyRole) -> bool:
    """Make safety copies of what a plan is about to change, under the role that applies it.

    The copy of a user pool contains personal data. It is a private file of this run, and is uploaded to the state
    bucket because the files of a CI machine are gone after the run.

    Returns:
        whether copies were made: the plan changes something protected, and the stage is not disposable.

    Raises:
        BlockedError: a copy cannot be made; nothing was changed.
        InterruptedRunError: the run was interrupted.
    """
    changes = list(changed_protected(plan, context.guard.judge.policies.protected))
    if not changes or context.guard.judge.disposable.permission(unit):
        return False
    context.run.sink(UnitPhase(unit.id, Phase.COPY))
    for change in changes:
        entry = _saved(context, unit, change, role)
        record_copy(context, entry)
        where = f": {', '.join(entry.where)}" if entry.where else ""
        context.run.sink(Notice(text=f"{_short(change)}: {entry.what}{where}", unit=unit.id))
    return True


def _saved(context: RunContext, unit: Unit, change: ResourceChange, role: AnyRole) -> CopyEntry:
    what: str = "no safety copy: orch cannot copy this type"
    where: tuple[str, ...] = ()
    if can_back_up(change.type):
        try:
            what, where = _copy(context, unit, change, role)
        except InterruptedRunError as error:
            raise InterruptedRunError(f"{unit.id} was not applied: {error.what}") from error
        except OrchError as error:
            message = f"{_short(change)} was not changed, because its safety copy failed: {error.what}"
            hint = f"{error.hint}; " if error.hint else ""
            raise BlockedError(
                message, hint=f"{hint}a protected resource is changed only after it was copied"
            ) from error
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
    """Return what was copied, and where to."""
    short = _short(change)
    resource = locate_resource(context.catalogue, unit, change.type, change.before)
    if resource is None:
        message = "the plan does not contain its AWS identifier"
        raise BlockedError(message)
    name = re.sub(r"[^A-Za-z0-9_.-]", "-", resource.id)
    file = context.run.folders.copies_of(unit) / f"{name}.json.gz"
    waiting = WaitOptions(
        stopped=context.run.stop.is_set,
        tell=lambda text: context.run.sink(UnitProgress(unit.id, f"{short}: copy: {text}")),
    )
    mark = f"{context.run.folders.run}-{secrets.token_hex(2)}"
    copied = back_up(context.aws.identities, role, resource, file=file, label=mark, waiting=waiting)
    if copied is None:
        return "no safety copy: it no longer exists", ()
    if copied.file is None:
        return copied.what, (copied.arn,)
    return f"{copied.what}. It contains personal data", (
        copied.file.relative_to(context.run.folders.root).as_posix(),
        _upload(context, unit, copied.file, role),
    )


def _upload(context: RunContext, unit: Unit, file: Path, role: AnyRole) -> str:
    """Upload a copy to the unit's state bucket, which is encrypted, and return its address.

    Raises:
        DeniedError, ThrottledError, SetupError, UnitError: the upload failed.
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
            error, f"upload the copy to {account.state_bucket}", context.aws.identities.context(account)
        ) from error
    return account.state_url(key)


def record_copy(context: RunContext, entry: CopyEntry) -> None:
    """Add an entry to the run's ``copies.json``, once. Units are applied in parallel, so the file is locked.

    Raises:
        BlockedError: the file cannot be written, so nobody would find the copy.
    """
    path = context.run.folders.copies
    try:
        with file_lock(path.with_suffix(".lock")):
            copies = [asdict(each) for each in dict.fromkeys([*_listed(path), entry])]
            document = {"format": BACKUP_FORMAT, "kind": "copies", "copies": copies}
            write_atomic(path, (json.dumps(document, indent=2, ensure_ascii=False) + "\n").encode())
    except OSError as error:
        message = f"{entry.address} was not changed, because {path.name} cannot be written: {error.strerror}"
        raise BlockedError(message, hint="free disk space") from error


def copies_of_unit(folders: RunPaths, unit: Unit) -> tuple[CopyEntry, ...]:
    """Return the safety copies that a run made of a unit's resources on this machine."""
    return tuple(entry for entry in _listed(folders.copies) if entry.unit == unit.id)


def _listed(path: Path) -> list[CopyEntry]:
    found = json.loads(path.read_bytes())["copies"] if path.exists() else []
    return [CopyEntry(**{**each, "where": tuple(each["where"])}) for each in found]


def _short(change: ResourceChange) -> str:
    return label(change).removeprefix("module.this.")
