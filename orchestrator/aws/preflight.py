"""What must be right before the first unit starts: who we are in each account, the state buckets, room on the disks.

Everything is looked at, side by side, and everything that is wrong is said at once.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.aws.causes import AwsFailure, Cause, cause_of, code_of
from orchestrator.aws.errors import translate
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role, role_for
from orchestrator.config.catalogue import Account, Catalogue, Unit
from orchestrator.errors import OrchError, SetupError

FREE_BYTES = 200 * 1024 * 1024
"""What must be free below ``.orch`` and in the temporary folder: a provider's unpacked copy is not counted."""
_THREADS = 16


@dataclass(frozen=True, slots=True)
class Need:
    """What a run needs of one account: which roles, and whether its state bucket is used."""

    roles: frozenset[Role] = field(default_factory=frozenset)
    bucket: bool = False


def needs_of(catalogue: Catalogue, units: Iterable[Unit], *, write: bool) -> dict[str, Need]:
    """What a run over these units needs of each account.

    Args:
        catalogue: resolves upstreams in other accounts.
        units: the selection.
        write: the run applies or destroys; else it only plans.

    Returns:
        account name -> need. Where the account's baseline is in the selection, only the bootstrap role is needed before
        the run: the baseline makes the others.
    """
    chosen = tuple(units)
    making = {unit.account for unit in chosen if unit.baseline}
    roles: dict[str, set[Role]] = {}
    buckets: set[str] = set()
    for unit in chosen:
        used = {role_for(unit, write=False), role_for(unit, write=write)}
        for account in {unit.account, *(p.account for p in unit.providers)}:
            roles.setdefault(account, set()).update(used)
        buckets.add(unit.account)
        for upstream in (catalogue.units[u] for u in unit.upstreams if u in catalogue.units):
            if upstream.account != unit.account:
                roles.setdefault(upstream.account, set()).add(Role.PLAN)
                buckets.add(upstream.account)
    return {
        name: Need(frozenset({Role.BOOTSTRAP}) if name in making else frozenset(found), name in buckets)
        for name, found in sorted(roles.items())
    }


def preflight(
    catalogue: Catalogue,
    identities: Identities,
    needs: Mapping[str, Need],
    *,
    folders: Iterable[Path] | None = None,
    free_bytes: int = FREE_BYTES,
) -> None:
    """Look at everything that a run needs, before it starts anything; changes nothing.

    Args:
        catalogue: names the accounts.
        identities: gives the roles.
        needs: account name -> what is needed of it; see `needs_of`.
        folders: folders that will be written to; default ``.orch`` and the temporary folder.
        free_bytes: what must be free in each.

    Raises:
        SetupError: all that is wrong, one line each.
    """
    watched = [catalogue.root / ".orch", Path(tempfile.gettempdir())] if folders is None else list(folders)
    problems = list(_full_disks(watched, free_bytes))
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="orch-preflight") as pool:
        looks = [pool.submit(_look, identities, catalogue.accounts[name], need) for name, need in needs.items()]
        for look in looks:
            problems += look.result()
    _tell(problems)


def _look(identities: Identities, account: Account, need: Need) -> list[OrchError]:
    """Everything that is wrong with one account."""
    problems: list[OrchError] = []
    usable: list[Role] = []
    for role in sorted(need.roles):
        try:
            identities.confirm(account, role)
            usable.append(role)
        except OrchError as error:
            problems.append(error)
    if need.bucket and usable:
        try:
            _find_bucket(identities, account, usable[0])
        except OrchError as error:
            problems.append(error)
    return problems


def _find_bucket(identities: Identities, account: Account, role: Role) -> None:
    client = identities.client("s3", account, role)
    try:
        client.head_bucket(Bucket=account.state_bucket, ExpectedBucketOwner=account.id)
    except AwsFailure as error:
        # A HEAD has no body, so that AWS's code is the bare status.
        if code_of(error) == "404" or cause_of(error) is Cause.NO_BUCKET:
            raise SetupError(
                f"account {account.name} has no state bucket {account.state_bucket}",
                hint=f"`orch bootstrap {account.name}` makes it",
            ) from error
        if cause_of(error) is Cause.DENIED:
            raise SetupError(
                f"the {role} role of account {account.name} may not see the state bucket {account.state_bucket}",
                hint=f"it needs s3:ListBucket, and the bucket must be in {account.id}: `orch bootstrap {account.name}`",
            ) from error
        raise translate(error, f"find the state bucket of {account.name}", identities.context(account)) from error


def _full_disks(folders: Iterable[Path], free_bytes: int) -> Iterator[OrchError]:
    for folder in folders:
        present = next(f for f in (folder, *folder.resolve().parents) if f.exists())
        free = shutil.disk_usage(present).free
        if free < free_bytes:
            yield SetupError(
                f"only {free // 1024**2} MB are free for {folder}, {free_bytes // 1024**2} MB are needed",
                hint="make room; `.orch/runs` keeps the records of past runs",
            )


def _tell(problems: list[OrchError]) -> None:
    """Raise one error for all; the same login that fails for ten accounts is said once."""
    lines = list(dict.fromkeys(str(problem) for problem in problems))
    if len(lines) == 1:
        raise problems[0]
    if lines:
        raise SetupError("\n".join([f"{len(lines)} things must be put right first:", *(f"  {line}" for line in lines)]))
