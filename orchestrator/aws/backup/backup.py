"""Safety copies: what AWS lets one save of a protected thing before it is changed, and waiting until it is saved."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from orchestrator.aws.backup.locate import ResourceLocation
from orchestrator.aws.backup.user_pool import save_user_pool
from orchestrator.aws.causes import AwsFailure, code_of
from orchestrator.aws.errors import translate
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import AnyRole
from orchestrator.errors import InterruptedRunError, UnitError

LIMIT_SECONDS = 1800.0
"""How long a backup or a snapshot may take; the first one of a large database takes longer than those after it."""
_POLL_SECONDS = 5.0
_GONE = frozenset(
    {"ResourceNotFoundException", "TableNotFoundException", "DBInstanceNotFound", "DBClusterNotFoundFault"}
)


@dataclass(frozen=True, slots=True)
class Backup:
    """One thing that was saved.

    Attributes:
        what: in words: ``3 users, 1 group and the settings; no passwords …``.
        arn: of the backup or snapshot; empty for a pool, whose copy is a file.
        file: of a pool; None for others.
    """

    what: str
    arn: str = ""
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class WaitOptions:
    """How a copy is waited for.

    Attributes:
        stopped: whether the run was interrupted.
        tell: told how far it is.
        limit: seconds; ``poll``: seconds between two looks.
    """

    stopped: Callable[[], bool] = lambda: False
    tell: Callable[[str], None] = lambda _: None
    limit: float = LIMIT_SECONDS
    poll: float = _POLL_SECONDS
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)


def can_back_up(type_: str) -> bool:
    """Whether there is a way to save things of a type."""
    return type_ in _SAVING


def back_up(
    identities: Identities, role: AnyRole, thing: ResourceLocation, *, file: Path, label: str, waiting: WaitOptions
) -> Backup | None:
    """Save a thing, and wait until it is saved.

    Args:
        identities: gives the clients.
        role: the role that applies: the plan role may not see what a copy holds.
        thing: what; of a type that `can_back_up`.
        file: where a pool goes.
        label: makes names of backups and snapshots unique: letters, digits and hyphens.
        waiting: how to wait.

    Returns:
        what was saved; None when the thing is not there any more, so that there is nothing to save.

    Raises:
        DeniedError, ThrottledError, SetupError, UnitError: it cannot be saved, or is not in time.
        InterruptedRunError: the run was interrupted meanwhile.
    """
    service, save = _SAVING[thing.type]
    try:
        client = identities.client(service, thing.account, role, region=thing.region)
        return save(client, thing.id, file, label, waiting)
    except AwsFailure as error:
        if code_of(error) in _GONE:
            return None
        raise translate(error, f"save a copy of {thing.id}", identities.context(thing.account)) from error
    except OSError as error:
        raise UnitError(f"cannot write {file}: {error.strerror}", hint="make room on the disk") from error


def _pool(client: Any, pool: str, file: Path, _label: str, waiting: WaitOptions) -> Backup:
    def tell(text: str) -> None:
        if waiting.stopped():
            raise InterruptedRunError("the run was interrupted")
        waiting.tell(text)

    return Backup(what=str(save_user_pool(client, pool, file, tell)), file=file)


def _table(client: Any, table: str, _file: Path, label: str, waiting: WaitOptions) -> Backup:
    made = client.create_backup(TableName=table, BackupName=f"{table}-{label}"[-255:])["BackupDetails"]
    arn = made["BackupArn"]

    def status() -> str:
        found = client.describe_backup(BackupArn=arn)["BackupDescription"]["BackupDetails"]
        return str(found["BackupStatus"])

    _wait(status, "AVAILABLE", arn, waiting)
    return Backup(what="an on-demand backup with every item", arn=arn)


def _instance(client: Any, instance: str, _file: Path, label: str, waiting: WaitOptions) -> Backup:
    name = _snapshot_name(instance, label)
    made = client.create_db_snapshot(DBInstanceIdentifier=instance, DBSnapshotIdentifier=name)["DBSnapshot"]

    def status() -> str:
        return str(client.describe_db_snapshots(DBSnapshotIdentifier=name)["DBSnapshots"][0]["Status"])

    _wait(status, "available", made["DBSnapshotArn"], waiting)
    return Backup(what="a snapshot of the instance", arn=made["DBSnapshotArn"])


def _cluster(client: Any, cluster: str, _file: Path, label: str, waiting: WaitOptions) -> Backup:
    name = _snapshot_name(cluster, label)
    made = client.create_db_cluster_snapshot(DBClusterIdentifier=cluster, DBClusterSnapshotIdentifier=name)
    arn = made["DBClusterSnapshot"]["DBClusterSnapshotArn"]

    def status() -> str:
        found = client.describe_db_cluster_snapshots(DBClusterSnapshotIdentifier=name)["DBClusterSnapshots"]
        return str(found[0]["Status"])

    _wait(status, "available", arn, waiting)
    return Backup(what="a snapshot of the cluster", arn=arn)


def _snapshot_name(id_: str, label: str) -> str:
    """Letters, digits and single hyphens, at most 255; it begins with ``orch-``, which the roles' policies say."""
    return re.sub(r"-{2,}", "-", f"orch-{id_[:200]}-{label}").rstrip("-")


def _wait(status: Callable[[], str], wanted: str, arn: str, waiting: WaitOptions) -> None:
    """Wait until a backup or snapshot is whole: only then may its source be changed or deleted.

    Raises:
        UnitError: it failed, or is not whole in time; InterruptedRunError: the run was interrupted.
    """
    began = waiting.clock()
    while (found := status()) != wanted:
        passed = waiting.clock() - began
        if found.lower() in {"failed", "deleted", "incompatible-restore"}:
            raise UnitError(f"{arn} ended as {found}", hint="look at it in AWS's console, then apply again")
        if waiting.stopped():
            raise InterruptedRunError(f"{arn} is {found}, and the run was interrupted")
        if passed > waiting.limit:
            hint = "it goes on without orch; apply again when it is there"
            raise UnitError(f"{arn} is still {found} after {passed / 60:.0f} minutes", hint=hint)
        waiting.tell(f"{found} for {passed:.0f} s")
        time.sleep(waiting.poll)


_Save = Callable[[Any, str, Path, str, WaitOptions], Backup]
_SAVING: Mapping[str, tuple[str, _Save]] = {
    "aws_cognito_user_pool": ("cognito-idp", _pool),
    "aws_dynamodb_table": ("dynamodb", _table),
    "aws_db_instance": ("rds", _instance),
    "aws_rds_cluster": ("rds", _cluster),
}
"""Type -> the service that saves it, and how."""
