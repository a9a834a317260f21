"""The work of ``orch rehearse``: base, then head, on an emulator that lives as long as the command."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.aws.identity.identities import Identities
from orchestrator.cli.account_setup import bootstrap_quietly
from orchestrator.cli.aws import Aws
from orchestrator.cli.context import Common
from orchestrator.cli.output import print_progress
from orchestrator.cli.project import Project
from orchestrator.cli.session import console
from orchestrator.config.catalogue import Account
from orchestrator.emulator.call_log import CallCounts, count_calls, unmodeled_in
from orchestrator.emulator.control import ensure_accounts, start, stop
from orchestrator.emulator.differences import differences_in
from orchestrator.emulator.info import EmulatorInfo
from orchestrator.errors import OrchError, SetupError
from orchestrator.report.rehearsal.model import Rehearsal, UnmodeledCall
from orchestrator.report.text import short_address
from orchestrator.run.context import accounts_touched
from orchestrator.run.rehearse.compare import AppliedBase, AppliedHead, compare
from orchestrator.run.rehearse.contents import count_filled
from orchestrator.run.rehearse.record import save_rehearsal
from orchestrator.run.rehearse.scope import RehearsalScope, with_downstreams
from orchestrator.run.rehearse.secrets import add_missing_secrets
from orchestrator.run.rehearse.session import apply_everything, instances_of, keep_logs, remove_applied, resources_of
from orchestrator.run.request import REHEARSE, RunOptions, RunRequest
from orchestrator.run.session import open_session
from orchestrator.util.plural import plural

_LOGS = "base-logs"
"""The folder for the logs of base, whose own folder is removed."""


@dataclass(frozen=True, slots=True)
class RehearsalPlan:
    """What is rehearsed.

    Attributes:
        base: the project as base has it.
        head: the project in the working tree.
        scope: the units of both.
        options: targets and limits.
        base_name: the revision as typed, or how it was found.
        base_commit: its commit.
    """

    base: Project
    head: Project
    scope: RehearsalScope
    options: RunOptions
    base_name: str
    base_commit: str


def run_rehearsal(common: Common, plan: RehearsalPlan, folder: Path) -> Rehearsal:
    """Rehearse, save the result as that of a run, and return it.

    Args:
        common: the options of every command.
        plan: what is rehearsed.
        folder: a private folder, removed by the caller.

    Raises:
        SetupError: the emulator or something that a run needs is missing.
        InterruptedRunError: Ctrl-C or SIGTERM. The emulator is stopped.
    """
    print_progress(common, "Starting a private emulator.")
    with _private_emulator(folder / "emulator", plan.base) as emulator:
        return _Rehearsing(common, plan, folder, emulator).run()


@contextmanager
def terminated_as_interrupt() -> Iterator[None]:
    """Let SIGTERM end the command as Ctrl-C does, so that what it started is removed. Only in the main thread."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


@contextmanager
def _private_emulator(folder: Path, base: Project) -> Iterator[EmulatorInfo]:
    accounts = _created(base.catalogue.accounts.values())
    management = base.catalogue.settings.management
    try:
        yield start(folder, accounts=accounts, management=management, ttl_parent=os.getpid())
    finally:
        stop(folder)


def _created(accounts: Iterable[Account]) -> dict[str, str]:
    return {account.name: account.id for account in accounts if account.created}


@dataclass(frozen=True, slots=True)
class _Rehearsing:
    """One rehearsal."""

    common: Common
    plan: RehearsalPlan
    folder: Path
    emulator: EmulatorInfo

    def run(self) -> Rehearsal:
        """Apply base, fill it, apply head, compare."""
        started = time.monotonic()
        base = self._apply_base() if self.plan.scope.base else AppliedBase()
        before = count_calls(self.folder / "emulator")
        return self._apply_head(base, before, started)

    def _apply_base(self) -> AppliedBase:
        project, ids = self.plan.base, self.plan.scope.base
        request = self._request(project, ids)
        self._bootstrap_base(request, accounts_touched(project.catalogue, request.units))
        print_progress(self.common, f"Base, {self.plan.base_name}: applying {plural(len(ids), 'unit')}.")
        identities = Identities(project.catalogue, self.emulator)
        applied, protected = self._base_session(request)
        failed = applied.failed()
        made = add_missing_secrets(identities, [unit for unit in request.units if unit.id in failed])
        if made:
            print_progress(self.common, f"Base again, with placeholders for {', '.join(made)}.")
            applied, protected = self._base_session(request)
            failed = applied.failed()
        units = [unit for unit in request.units if unit.id not in failed]
        resources = resources_of(project.catalogue, identities, units, protected)
        for each in resources:
            if each.noun:
                what = each.note or f"put {plural(each.number, each.noun)} into it"
                print_progress(self.common, f"{each.unit}: {short_address(each.instance.address)}: {what}")
        return replace(applied, resources=resources, placeholders=made)

    def _base_session(self, request: RunRequest) -> tuple[AppliedBase, frozenset[str]]:
        """Apply base; return how that ended, and the protected types."""
        with open_session(request, console(self.common)) as session:
            reports = apply_everything(session)
            session.finish(list(reports.values()))
            return AppliedBase(reports), frozenset(session.context.guard.judge.policies.protected.types)

    def _bootstrap_base(self, request: RunRequest, accounts: Sequence[Account]) -> None:
        try:
            self._bootstrap(request, accounts)
        except SetupError as error:
            logs = self.plan.head.catalogue.root / ".orch" / _LOGS
            keep_logs(request.catalogue.root, logs)
            raise SetupError(f"base cannot be rehearsed: {error.what}", hint=f"full output: {logs}") from error

    def _apply_head(self, base: AppliedBase, before: CallCounts, started: float) -> Rehearsal:
        scope = self._left(base)
        head = self.plan.head
        base_identities = Identities(self.plan.base.catalogue, self.emulator)
        head_identities = Identities(head.catalogue, self.emulator)
        request = self._request(head, scope.head)
        made = add_missing_secrets(head_identities, (unit for unit in request.units if unit.id not in scope.base))
        print_progress(self.common, f"Head, the working tree: applying {plural(len(scope.head), 'unit')}.")
        folders = None
        try:
            with open_session(request, console(self.common)) as session:
                folders = session.context.run.folders
                reports = apply_everything(session)
                session.finish(list(reports.values()))
                now = AppliedHead(
                    reports,
                    instances_of(head.catalogue, head_identities, request.units),
                    lambda place: count_filled(base_identities, place),
                    unmodeled_in,
                )
                counts = count_calls(self.folder / "emulator")
                rehearsal = Rehearsal(
                    run=folders.run,
                    targets=self.plan.options.targets,
                    base=self.plan.base_name,
                    base_commit=self.plan.base_commit,
                    head_commit=session.context.run.commit(),
                    units=compare(scope, base, now),
                    calls=tuple(_calls(before, counts)),
                    differences=differences_in(counts.services),
                    placeholders=(*base.placeholders, *made),
                    seconds=time.monotonic() - started,
                )
                save_rehearsal(folders, rehearsal)
        finally:
            if folders is not None:
                remove_applied(folders)
                keep_logs(self.plan.base.catalogue.root, folders.of_run / _LOGS)
        return rehearsal

    def _left(self, base: AppliedBase) -> RehearsalScope:
        """Return what of head can be rehearsed, after its new accounts are set up."""
        scope, head, project = self.plan.scope, self.plan.head, self.plan.base
        known = scope.units()
        causes = {unit: why for unit, why in base.failed().items() if unit in known}
        units = [head.catalogue.units[id_] for id_ in scope.head if id_ not in causes]
        done = {
            account.id
            for account in accounts_touched(project.catalogue, [project.catalogue.units[id_] for id_ in scope.base])
        }
        for account in accounts_touched(head.catalogue, units):
            if account.id in done:
                continue
            try:
                ensure_accounts(self.folder / "emulator", _created([account]))
                self._bootstrap(self._request(head, scope.head), [account])
            except OrchError as error:
                causes |= {
                    unit.id: f"the new account {account.name} cannot be set up: {error.what}"
                    for unit in units
                    if account in accounts_touched(head.catalogue, [unit])
                }
        left_out = {**scope.left_out, **with_downstreams(head.graph, scope.head, causes)}
        return replace(scope, head=tuple(id_ for id_ in scope.head if id_ not in left_out), left_out=left_out)

    def _bootstrap(self, request: RunRequest, accounts: Sequence[Account]) -> None:
        bootstrap_quietly(self.common, request, Aws(self.emulator, temporary=True), accounts)

    def _request(self, project: Project, ids: Sequence[str]) -> RunRequest:
        request = project.request_for(REHEARSE, self.plan.options, ids)
        return replace(request, emulator=self.emulator, cold=self.common.cold)


def _calls(before: CallCounts, after: CallCounts) -> Iterator[UnmodeledCall]:
    """Yield the calls that the emulator does not model: those of base, then those of head."""
    for failed in (False, True):
        early = before.failed if failed else before.not_supported
        every = after.failed if failed else after.not_supported
        for (service, action), times in sorted(every.items()):
            of_base = early.get((service, action), 0)
            for during, number in (("base", of_base), ("head", times - of_base)):
                if number:
                    yield UnmodeledCall(service, action, number, during, failed)
