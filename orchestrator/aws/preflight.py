"""Checks before the first unit starts: the identity in each account, the state buckets, and free disk space.

All roles are assumed in parallel; then all ids and buckets are checked in parallel. All problems are reported at once.
"""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable, Container, Hashable, Iterable, Iterator, Mapping
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

from orchestrator.aws.causes import AwsFailure, Cause, cause_of, code_of
from orchestrator.aws.errors import translate
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role, role_for
from orchestrator.config.catalogue import Account, Catalogue, Unit
from orchestrator.errors import OrchError, SetupError
from orchestrator.util.plural import plural

FREE_BYTES = 200 * 1024 * 1024
"""Required free space below ``.orch`` and in the temporary folder, without unpacked copies of providers."""
_THREADS = 32


@dataclass(frozen=True, slots=True)
class Need:
    """What a run needs in one account: the roles it assumes, and whether it uses the state bucket."""

    roles: frozenset[Role] = field(default_factory=frozenset)
    bucket: bool = False


def needs_of(catalogue: Catalogue, units: Iterable[Unit], *, write: bool) -> dict[str, Need]:
    """Return what a run over these units needs in each account.

    Args:
        catalogue: the configuration; resolves upstreams in other accounts.
        units: the selection.
        write: whether the run applies or destroys.

    Returns:
        account name -> need. If the selection contains the account's baseline, only the bootstrap role is needed: the
        baseline creates the other roles.
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
    on_login: Callable[[], None] = lambda: None,
    folders: Iterable[Path] | None = None,
    free_bytes: int = FREE_BYTES,
) -> None:
    """Check everything that a run needs before it starts. Changes nothing.

    Waits for three answers of AWS, one after the other: who the user is, the roles, and ids and buckets.

    Args:
        catalogue: the configuration, with the accounts.
        identities: provides the roles.
        needs: account name -> need, from `needs_of`.
        on_login: called when every role is assumed and nothing is wrong so far, before ids and buckets are checked: to
            start whatever else needs the roles.
        folders: folders that the run writes to; default: ``.orch`` and the temporary folder.
        free_bytes: required free space in each folder.

    Raises:
        SetupError: all problems, one per line.
    """
    watched = [catalogue.root / ".orch", Path(tempfile.gettempdir())] if folders is None else list(folders)
    disks = list(_full_disks(watched, free_bytes))
    roles = [(name, role) for name, need in needs.items() for role in sorted(need.roles)]
    with ThreadPoolExecutor(_THREADS, thread_name_prefix="orch-preflight") as pool:
        for name in list(needs)[:1]:
            pool.submit(identities.prepare, "s3", name)
        wrong = _failures(pool, {each: partial(identities.credentials, *each) for each in roles})
        if not (disks or wrong):
            on_login()
        readers = _readers(needs, wrong)
        checks: dict[Hashable, Callable[[], object]] = {
            each: partial(identities.confirm, *each) for each in roles if each not in wrong
        }
        checks |= {
            name: partial(_check_bucket, identities, catalogue.accounts[name], role) for name, role in readers.items()
        }
        wrong |= _failures(pool, checks)
    problems = list(disks)
    for name, need in needs.items():
        problems += [wrong[name, role] for role in sorted(need.roles) if (name, role) in wrong]
        if name in wrong and (name, readers[name]) not in wrong:  # What another account answers says nothing.
            problems.append(wrong[name])
    _raise_all(problems)


def _readers(needs: Mapping[str, Need], unusable: Container[Hashable]) -> dict[str, Role]:
    """Return the role to check the bucket with, of each account whose bucket is used."""
    readers = (Role.BOOTSTRAP, Role.PLAN, Role.APPLY)
    usable = {
        name: [role for role in readers if role in need.roles and (name, role) not in unusable]
        for name, need in needs.items()
        if need.bucket
    }
    return {name: found[0] for name, found in usable.items() if found}


def _failures(pool: Executor, checks: Mapping[Hashable, Callable[[], object]]) -> dict[Hashable, OrchError]:
    """Run checks in parallel, and return the errors of those that failed."""
    running = {key: pool.submit(_failure, check) for key, check in checks.items()}
    return {key: error for key, future in running.items() if (error := future.result()) is not None}


def _failure(check: Callable[[], object]) -> OrchError | None:
    try:
        check()
    except OrchError as error:
        return error
    return None


def _check_bucket(identities: Identities, account: Account, role: Role) -> None:
    client = identities.client("s3", account, role)
    try:
        client.head_bucket(Bucket=account.state_bucket, ExpectedBucketOwner=account.id)
    except AwsFailure as error:
        # The response to HEAD has no body, so the error code is just the status.
        if code_of(error) == "404" or cause_of(error) is Cause.NO_BUCKET:
            raise SetupError(
                f"account {account.name} has no state bucket {account.state_bucket}",
                hint=f"`orch bootstrap {account.name}` creates it",
            ) from error
        if cause_of(error) is Cause.DENIED:
            raise SetupError(
                f"the {role} role of account {account.name} cannot access the state bucket {account.state_bucket}",
                hint=f"it needs s3:ListBucket on a bucket in account {account.id}: `orch bootstrap {account.name}`",
            ) from error
        raise translate(error, f"find the state bucket of {account.name}", identities.context(account)) from error


def _full_disks(folders: Iterable[Path], free_bytes: int) -> Iterator[OrchError]:
    for folder in folders:
        present = next(f for f in (folder, *folder.resolve().parents) if f.exists())
        free = shutil.disk_usage(present).free
        if free < free_bytes:
            yield SetupError(
                f"not enough disk space for {folder}: {free // 1024**2} MB free, {free_bytes // 1024**2} MB required",
                hint="free disk space; `.orch/runs` holds the records of past runs",
            )


def _raise_all(problems: list[OrchError]) -> None:
    """Raise one error for all problems. A login that fails for ten accounts is reported once."""
    lines = list(dict.fromkeys(str(problem) for problem in problems))
    if len(lines) == 1:
        raise problems[0]
    if lines:
        raise SetupError("\n".join([f"{plural(len(lines), 'problem')}:", *(f"  {line}" for line in lines)]))
