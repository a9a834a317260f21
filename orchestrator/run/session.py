"""Assembles a run, and takes it apart again however it ends."""

from __future__ import annotations

import gc
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from functools import cache, partial

from orchestrator.aws.identity.credential_files import CredentialFiles
from orchestrator.aws.identity.roles import BreakGlass
from orchestrator.config.catalogue import Unit
from orchestrator.config.graph import Graph
from orchestrator.config.live.run_values import values_missing
from orchestrator.errors import SetupError
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.model import Severity
from orchestrator.guard.trust.committed_state import refuse_committed, refuse_committed_programs
from orchestrator.guard.trust.trust import Trust, load_trust
from orchestrator.report.live.sink import Sink, Tee
from orchestrator.report.model import ApprovedPlans, Notice, RunReport, StoredPlans, UnitReport
from orchestrator.report.text import NO_REFRESH, values_note
from orchestrator.run.assemble import Access, make_tools, program_places, started_server
from orchestrator.run.assemble_guard import assemble_guard
from orchestrator.run.context import Guard, RunContext, RunState
from orchestrator.run.executor.interface import Executor
from orchestrator.run.executor.select import open_executor
from orchestrator.run.exit_codes import INTERRUPTED, detailed_exit_code, exit_code
from orchestrator.run.history.end import error_text, record_end, record_failed_start
from orchestrator.run.history.journal import Journal
from orchestrator.run.history.paths import RunPaths, new_run
from orchestrator.run.history.prune import remove_old
from orchestrator.run.history.reports import Recorder, save_report
from orchestrator.run.history.start import earlier_runs, record_start
from orchestrator.run.interrupt import Interrupts, interruptible
from orchestrator.run.request import RunRequest
from orchestrator.run.scheduler import Stop
from orchestrator.run.unit.lock_holders import existing_locks
from orchestrator.run.unit.receipts import commit_of
from orchestrator.run.unit.role import break_glass_note, confirm_break_glass
from orchestrator.terraform.setup.binary import BinarySearch, search_binary, user_cache
from orchestrator.terraform.setup.user_config import provider_notices
from orchestrator.terraform.warm.providers import WarmProviders, cold_notice
from orchestrator.terraform.warm.start import StartedServer
from orchestrator.util.ci import is_protected
from orchestrator.util.git import Repository

_REPORT_LOCKS = frozenset({"plan", "apply", "destroy"})
"""Commands that report existing state locks before they start."""


class Session:
    """One run, ready to go.

    Args:
        context: what the steps of the run work with.
        command: the command that runs.
        interrupts: counts Ctrl-C and SIGTERM.
        recorder: remembers how units ended, for a run that ends before its report.
        executor: plans and applies a unit.
        started: ``time.monotonic()`` when the run began.
        dry_run: nothing is to be changed.

    Attributes:
        stored: the plans that the run keeps for ``orch apply --approved``.
        approved: says how units that ended so were approved; None for a run that applies no stored plans.
    """

    def __init__(
        self,
        context: RunContext,
        command: str,
        interrupts: Interrupts,
        recorder: Recorder,
        *,
        executor: Executor,
        started: float,
        dry_run: bool = False,
    ) -> None:
        self.context = context
        self.executor = executor
        self.interrupts = interrupts
        self._command = command
        self._recorder = recorder
        self._started = started
        self._dry_run = dry_run
        self._final: RunReport | None = None
        self.stored: StoredPlans | None = None
        self.approved: Callable[[Sequence[UnitReport]], ApprovedPlans] | None = None

    def report(self, units: Sequence[UnitReport], notes: Sequence[str] = (), *, error: str = "") -> RunReport:
        """Return the report of the run as it is now. Stores nothing."""
        context = self.context
        break_glass = context.aws.break_glass
        refresh = context.run.options.refresh
        always = [] if break_glass is None else [break_glass_note(break_glass)]
        always += [] if refresh else [NO_REFRESH]
        return RunReport(
            run=context.run.folders.run,
            verb=self._command,
            targets=context.run.options.targets,
            units=tuple(units),
            seconds=time.monotonic() - self._started,
            interrupted=self.interrupts.level > 0,
            notes=(
                *always,
                *values_note(context.catalogue.run_values),
                *context.guard.blocked.notes,
                *notes,
                *_way_past(context.run.folders.run, units),
                *_lost_records(context.run.journal),
            ),
            error=error,
            refresh=refresh,
            dry_run=self._dry_run,
            stored=self.stored,
            approved=self.approved(units) if self.approved is not None else None,
            changed_lines=context.guard.changed_lines,
        )

    def finish(self, units: Sequence[UnitReport], notes: Sequence[str] = ()) -> RunReport:
        """Close the live view and return the final report, which is saved when the session ends."""
        self.context.run.sink.close()
        self._final = self.report(units, notes)
        return self._final

    def exit_code(self, *, detailed: bool = False) -> int:
        """Return the exit code of the finished run. ``detailed``: as with ``--detailed-exitcode``."""
        report = self._final or self._so_far()
        if report.interrupted:
            return INTERRUPTED
        return detailed_exit_code(report.units) if detailed else exit_code(report.units)

    def save(self) -> None:
        """Save the final report, or what is known of the units when there is none, and record the end of the run.

        Raises:
            SetupError: the report cannot be written.
        """
        report = self._final or self._so_far()
        try:
            save_report(self.context.run.folders, report)
        except OSError as error:
            record_end(self.context.run.journal, report, error="SetupError")
            message = f"cannot save the report of run {self.context.run.folders.run}: {error.strerror}"
            raise SetupError(message, hint="changes already made stay; see the run's journal and logs") from error
        record_end(self.context.run.journal, report)

    def save_failed(self, failure: BaseException) -> None:
        """Like `save`, for a run that ends with an exception; a failure to save is ignored in favor of it."""
        report = self._so_far(error=error_text(failure))
        with suppress(OSError):
            save_report(self.context.run.folders, report)
        record_end(self.context.run.journal, report, error=type(failure).__name__)

    def _so_far(self, *, error: str = "") -> RunReport:
        return self.report(self._recorder.units(self.context.run.graph.order), error=error)


@contextmanager
def open_session(request: RunRequest, console: Sink) -> Iterator[Session]:
    """Assemble a run, yield it, and save its report.

    Everything that can be wrong before a unit runs is found here: credentials, account ids, state buckets, disk space,
    the Terraform binary, providers.

    Args:
        request: what the run is made for.
        console: shows the run's events to the user.

    Raises:
        UsageError: the cluster must not be used: it does not use TLS.
        SetupError: something that the run needs is missing.
        CatalogueError: the policies are invalid, or a value of the run is missing.
    """
    started = time.monotonic()
    if unset := [each for unit in _rendered(request) for each in unit.unset]:
        raise values_missing(unset)
    with open_executor(request) as executor:
        slots = request.options.parallelism or executor.slots or request.slots
        request = replace(request, options=replace(request.options, parallelism=slots))
        with _judged(request, console, executor, started) as session:
            yield session


def _rendered(request: RunRequest) -> Sequence[Unit]:
    """Return the units whose configuration is rendered: not those of which only the state exists."""
    return request.units if request.orphan_providers is None else ()


@contextmanager
def _judged(request: RunRequest, console: Sink, executor: Executor, started: float) -> Iterator[Session]:
    """Assemble a run with its executor; see ``open_session``."""
    # First, because it takes half a second to verify the providers, while orch waits for AWS.
    with started_server(request) as server, ThreadPoolExecutor(1, thread_name_prefix="orch-start") as beside:
        root, settings = request.catalogue.root, request.catalogue.settings
        repository = Repository.find(root)
        refuse_committed(repository)
        if is_protected(os.environ):
            refuse_committed_programs(repository, program_places(settings, os.environ))
        search = beside.submit(search_binary, settings, env=os.environ, cache=user_cache(os.environ))
        trust = load_trust(root, repository, os.environ, restricted=_restricted(request))
        with Checks(trust.policies) as checks:
            checks.start()  # They are imported while orch waits for AWS, and Terraform plans.
            parts = _Parts(started, executor, server, repository, trust, checks, search, beside)
            with _session(request, console, parts) as session:
                yield session


def _restricted(request: RunRequest) -> Callable[[str], bool]:
    """Return what says whether a unit can change a restricted account; on the emulator none can."""
    return request.catalogue.is_restricted if request.emulator is None else lambda _: False


@dataclass(frozen=True, slots=True)
class _Parts:
    """What a session has before AWS is asked.

    Attributes:
        started: ``time.monotonic()`` when the run began.
        executor: plans and applies a unit.
        server: the provider server.
        repository: the git repository; None if there is none.
        trust: whose policies and waivers count.
        checks: the checks of these policies.
        search: the Terraform binaries of this machine.
        beside: one thread for what nothing waits for.
    """

    started: float
    executor: Executor
    server: StartedServer
    repository: Repository | None
    trust: Trust
    checks: Checks
    search: Future[BinarySearch]
    beside: ThreadPoolExecutor


@contextmanager
def _session(request: RunRequest, console: Sink, parts: _Parts) -> Iterator[Session]:
    """Assemble a run from its parts; see ``open_session``."""
    catalogue, trust = request.catalogue, parts.trust
    access = Access.of(catalogue, trust, request.emulator)
    with ExitStack() as stack:
        stack.callback(access.states.close)
        guard = assemble_guard(request, trust, parts.repository, parts.checks, access)
        break_glass = confirm_break_glass(access.identities, request.units, request.options.break_glass)
        notices = [*trust.notices, *provider_notices(os.environ), *earlier_runs(catalogue.root)]
        begun = _Begun(access, guard, break_glass, *_begin(request, stack))
        parts.beside.submit(remove_old, begun.folders.of_run.parent)  # Now that the journal says that it is active.
        try:
            session = _assembled(request, console, parts, begun, stack)
            _show_notices(request, session.context, notices)
            gc.freeze()  # What is loaded now lives until the end: the collector need not scan it again and again.
        except BaseException as error:
            record_failed_start(begun.folders, begun.journal, request, error, time.monotonic() - parts.started)
            raise
        with _recorded(session):
            yield session


@dataclass(frozen=True, slots=True)
class _Begun:
    """A run that has its record, and what was found out before it began."""

    access: Access
    guard: Guard
    break_glass: BreakGlass | None
    folders: RunPaths
    journal: Journal


def _begin(request: RunRequest, stack: ExitStack) -> tuple[RunPaths, Journal]:
    """Create the folder and the journal of a run, with its first record.

    Raises:
        SetupError: the journal cannot be written.
    """
    folders = new_run(request.catalogue.root)
    journal = Journal(folders.journal)
    stack.callback(journal.close)
    record_start(
        journal,
        command=request.command,
        options=request.options,
        units=_graph(request).order,
        continues=request.continues,
        dry_run=request.dry_run,
        values=request.catalogue.run_values,
    )
    return folders, journal


def _assembled(request: RunRequest, console: Sink, parts: _Parts, begun: _Begun, stack: ExitStack) -> Session:
    """Return the session of a run that has begun.

    Raises:
        SetupError: there is no usable binary or provider source, or the executor cannot be opened.
    """
    catalogue, trust, folders, journal = request.catalogue, parts.trust, begun.folders, begun.journal
    recorder = Recorder()
    sink = Tee([console, recorder])
    stack.callback(sink.close)
    warm = WarmProviders(parts.server, notify=lambda unit, why: sink(Notice(text=cold_notice(why), unit=unit)))
    credentials = CredentialFiles(folders.of_run / "aws", catalogue, begun.access.identities)
    stack.callback(credentials.close)
    tools = make_tools(
        catalogue,
        trust,
        folders.of_run,
        warm=warm,
        orphans=request.orphan_providers,
        search=parts.search.result(),
        refused=begun.guard.blocked.refused,
    )
    context = RunContext(
        catalogue=catalogue,
        aws=begun.access.clients(credentials, begun.break_glass),
        terraform=tools,
        guard=begun.guard,
        run=RunState(
            graph=_graph(request),
            options=request.options,
            folders=folders,
            journal=journal,
            sink=sink,
            stop=Stop(),
            commit=cache(partial(commit_of, catalogue.root)),
        ),
    )
    executor = parts.executor
    executor.open(context)
    stack.callback(executor.close, context)
    interrupts = Interrupts(executor.stoppable(context), context.run.stop, journal, notify=sink)
    handled = stack.enter_context(interruptible(interrupts))
    return Session(
        context,
        request.command,
        handled,
        recorder,
        executor=executor,
        started=parts.started,
        dry_run=request.dry_run,
    )


def _show_notices(request: RunRequest, context: RunContext, notices: list[str]) -> None:
    """Show what there is to know before the first unit, and record the use of the break-glass role."""
    break_glass = context.aws.break_glass
    if break_glass is not None:
        context.run.journal.write("break-glass", owner=break_glass.owner, reason=break_glass.reason)
        notices = [break_glass_note(break_glass), *notices]
    if request.checked_as in _REPORT_LOCKS:
        notices = [*notices, *existing_locks(context)]
    for text in notices:
        context.run.sink(Notice(text=text))


def _graph(request: RunRequest) -> Graph:
    graph = request.graph.subgraph(request.selected)
    return graph.reversed() if request.reverse else graph


@contextmanager
def _recorded(session: Session) -> Iterator[None]:
    """Record the end of the run and save its report. A run that is killed has neither."""
    try:
        yield
    except BaseException as error:
        session.save_failed(error)
        raise
    session.save()


def _way_past(run: str, units: Sequence[UnitReport]) -> tuple[str, ...]:
    """Return how to allow several findings at once; nothing if there are none, or nobody could."""
    findings = [each for unit in units for each in unit.findings if each.severity is Severity.BLOCK]
    waivable = [each for each in findings if f"orch waive {each.id}" in each.hint]
    if len(waivable) < 2:
        return ()
    command = f"orch waive {run} --owner NAME --reason TEXT"
    return (f"a waiver for each of the {len(waivable)} findings that an owner can allow: {command}",)


def _lost_records(journal: Journal) -> tuple[str, ...]:
    if not journal.broken:
        return ()
    return (f"{journal.broken}; changes already made stay, and a resumed run checks the states",)
