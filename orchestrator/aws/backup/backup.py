"""Back up a protected resource before it is changed, as far as AWS allows it, and wait until the backup is complete."""

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
"""Maximum duration of a backup or snapshot. The first one of a large database takes longer than later ones."""
_POLL_SECONDS = 5.0
_GONE = frozenset(
    {"ResourceNotFoundException", "TableNotFoundException", "DBInstanceNotFound", "DBClusterNotFoundFault"}
)


@dataclass(frozen=True, slots=True)
class Backup:
    """The backup of one resource.

    Attributes:
        what: description: ``3 users, 1 group and the settings; no passwords …``.
        arn: ARN of the backup or snapshot; empty for a user pool, which is saved to a file.
        file: the file of a user pool; None for other types.
    """

    what: str
    arn: str = ""
    file: Path | None = None


@dataclass(frozen=True, slots=True)
class WaitOptions:
    """How to wait for a backup.

    Attributes:
        stopped: returns whether the run was interrupted.
        tell: called with the progress.
        limit: maximum duration in seconds.
        poll: seconds between two checks.
        clock: returns the current time in seconds.
    """

    stopped: Callable[[], bool] = lambda: False
    tell: Callable[[str], None] = lambda _: None
    limit: float = LIMIT_SECONDS
    poll: float = _POLL_SECONDS
    clock: Callable[[], float] = field(default=time.monotonic, repr=False)


def can_back_up(type_: str) -> bool:
    """Whether resources of a type can be backed up."""
    return type_ in _BACKUPS


def back_up(
    identities: Identities, role: AnyRole, thing: ResourceLocation, *, file: Path, label: str, waiting: WaitOptions
) -> Backup | None:
    """Back up a resource and wait until the backup is complete.

    Args:
        identities: provides the clients.
        role: the role that applies; the plan role has no access to the data.
        thing: the resource; its type must satisfy `can_back_up`.
        file: where to save a user pool.
        label: makes the names of backups and snapshots unique: letters, digits and hyphens.
        waiting: how to wait.

    Returns:
        the backup; None if the resource does not exist any more.

    Raises:
        DeniedError, ThrottledError, SetupError, UnitError: the backup failed or took too long.
        InterruptedRunError: the run was interrupted while waiting.
    """
    service, save = _BACKUPS[thing.type]
    try:
        client = identities.client(service, thing.account, role, region=thing.region)
        return save(client, thing.id, file, label, waiting)
    except AwsFailure as error:
        if code_of(error) in _GONE:
            return None
        raise translate(error, f"back up {thing.id}", identities.context(thing.account)) from error
    except OSError as error:
        raise UnitError(f"cannot write {file}: {error.strerror}", hint="free disk space") from error


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
    return Backup(what="an on-demand backup with all items", arn=arn)


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
    """Return letters, digits and single hyphens, at most 255. IAM policies require the prefix ``orch-``."""
    return re.sub(r"-{2,}", "-", f"orch-{id_[:200]}-{label}").rstrip("-")


def _wait(status: Callable[[], str], wanted: str, arn: str, waiting: WaitOptions) -> None:
    """Wait until a backup or snapshot is complete. Only then can its source be changed or deleted.

    Raises:
        UnitError: it failed or took too long.
        InterruptedRunError: the run was interrupted.
    """
    began = waiting.clock()
    while (found := status()) != wanted:
        passed = waiting.clock() - began
        if found.lower() in {"failed", "deleted", "incompatible-restore"}:
            raise UnitError(f"{arn} ended as {found}", hint="check it in the AWS console, then apply again")
        if waiting.stopped():
            raise InterruptedRunError(f"{arn} is {found}, and the run was interrupted")
        if passed > waiting.limit:
            hint = "it continues without orch; apply again when it is complete"
            raise UnitError(f"{arn} is still {found} after {passed / 60:.0f} minutes", hint=hint)
        waiting.tell(f"{found} for {passed:.0f} s")
        time.sleep(waiting.poll)


_BackUp = Callable[[Any, str, Path, str, WaitOptions], Backup]
_BACKUPS: Mapping[str, tuple[str, _BackUp]] = {
    "aws_cognito_user_pool": ("cognito-idp", _pool),
    "aws_dynamodb_table": ("dynamodb", _table),
    "aws_db_instance": ("rds", _instance),
    "aws_rds_cluster": ("rds", _cluster),
}
"""Resource type -> the service that backs it up, and the function that does it."""
