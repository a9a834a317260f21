"""State buckets, baselines and ``live/accounts.lock.yaml``: for `orch bootstrap`, `orch doctor` and new emulators."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.state.bucket import BucketChange, ensure_bucket, plan_bucket
from orchestrator.cli.approve import apply_planned
from orchestrator.cli.aws import Aws
from orchestrator.cli.context import Common
from orchestrator.cli.output import print_progress
from orchestrator.cli.project import Project
from orchestrator.config.accounts_lock import FILE, accounts_lock_text, counted, lock_entry, read_accounts_lock
from orchestrator.config.catalogue import Account
from orchestrator.errors import BlockedError, SetupError
from orchestrator.guard.rules.accounts import AccountComparison, compare_accounts
from orchestrator.report.live.sink import Silent
from orchestrator.run.exit_codes import exit_code
from orchestrator.run.plan import plan_units
from orchestrator.run.request import RunOptions, RunRequest
from orchestrator.run.session import open_session
from orchestrator.util.files import write_atomic


def bucket_steps(project: Project, aws: Aws, accounts: Iterable[Account]) -> Mapping[str, tuple[BucketChange, ...]]:
    """Return the steps that each account's state bucket needs; change nothing."""
    identities = Identities(project.catalogue, aws.emulator)
    return {account.name: plan_bucket(account, identities) for account in accounts}


def make_buckets(common: Common, project: Project, aws: Aws, accounts: Iterable[Account]) -> None:
    """Create or correct each account's state bucket, and print each change."""
    identities = Identities(project.catalogue, aws.emulator)
    for account in accounts:

        def show(step: BucketChange, name: str = account.name) -> None:
            if not step.done:
                print_progress(common, f"{name}: {step.change}")

        ensure_bucket(account, identities, on_step=show)


def baseline_units(project: Project, accounts: Iterable[Account]) -> tuple[str, ...]:
    """Return the ids of the accounts' baseline units, in graph order."""
    names = {account.name for account in accounts}
    units = project.catalogue.units
    return tuple(id_ for id_ in project.graph.order if units[id_].baseline and units[id_].account in names)


def baseline_request(project: Project, aws: Aws, selected: Sequence[str]) -> RunRequest:
    """Return the request for the run that applies the baselines of accounts."""
    accounts = dict.fromkeys(project.catalogue.units[id_].account for id_ in selected)
    request = project.request_for("bootstrap", RunOptions.parse(list(accounts)), selected)
    return replace(request, emulator=aws.emulator)


def bootstrap_quietly(common: Common, outer: RunRequest, aws: Aws, accounts: Sequence[Account]) -> None:
    """Bootstrap the accounts of an emulator that was started for one command.

    Raises:
        SetupError: a baseline could not be applied.
    """
    print_progress(common, f"Bootstrapping {', '.join(account.name for account in accounts)} on the emulator.")
    silent = replace(common, quiet=True)
    project = Project(outer.catalogue, outer.graph)
    make_buckets(silent, project, aws, accounts)
    selected = baseline_units(project, accounts)
    if not selected:
        return
    with open_session(baseline_request(project, aws, selected), Silent()) as session:
        planned = plan_units(session.context, preview_new=False, applies=True)
        reports = apply_planned(silent, session, planned, words=(), yes=True, report=False)
        bad = [report for report in reports if exit_code([report])]
    if bad:
        message = f"{bad[0].unit} could not be applied on the emulator: {bad[0].cause}"
        raise SetupError(message, hint=f"full output: {bad[0].log}")


def check_accounts_lock(common: Common, project: Project, accounts: Iterable[Account]) -> None:
    """Refuse accounts whose id, region, bucket or name differs from ``live/accounts.lock.yaml``.

    Raises:
        BlockedError: one of them differs.
        CatalogueError: the lock file cannot be read.
    """
    compared = _compared(common, project)
    for account in accounts:
        finding = compared.moved.get(account.name)
        if finding is not None:
            raise BlockedError(f"{finding.message}: {finding.cause}", where=finding.where, hint=finding.hint)


def missing_in_accounts_lock(common: Common, project: Project) -> Sequence[str]:
    """Return the names of accounts that ``live/accounts.lock.yaml`` does not list.

    Raises:
        CatalogueError: the lock file cannot be read.
    """
    return _compared(common, project).unknown


def _compared(common: Common, project: Project) -> AccountComparison:
    """Compare ``live/`` with the entries of the lock file that count where this command works, AWS or the emulator."""
    lock = counted(read_accounts_lock(project.catalogue.root), emulated=common.emulator)
    return compare_accounts(project.catalogue, lock)


def update_accounts_lock(common: Common, project: Project, accounts: Sequence[Account]) -> None:
    """Write the accounts to ``live/accounts.lock.yaml``; a renamed account replaces the entry with its id.

    On the emulator an entry gets a mark, so that it does not count against AWS; one that AWS has made stays as it is.

    Raises:
        CatalogueError: the lock file cannot be read.
    """
    catalogue = project.catalogue
    entries = dict(read_accounts_lock(catalogue.root))
    for account in accounts:
        before = [entries[account.name]] if account.name in entries else []
        for name, each in list(entries.items()):
            if each.id == account.id and name not in catalogue.accounts:
                before.append(entries.pop(name))
        emulator = common.emulator and all(each.emulator for each in before)
        entries[account.name] = lock_entry(catalogue, account, emulator=emulator)
    file = catalogue.root / FILE
    data = accounts_lock_text(entries.values()).encode()
    if file.is_file() and file.read_bytes() == data:
        return
    write_atomic(file, data, mode=0o644)
    marked = sorted(account.name for account in accounts if entries[account.name].emulator)
    if marked:
        print_progress(common, f"Wrote {FILE}. {', '.join(marked)}: on the emulator only, which AWS does not count.")
        return
    print_progress(common, f"Wrote {FILE}. Commit it: orch then refuses to run against any other account or bucket.")
