"""Puts the parts of a run together, and takes them apart again however the run ends."""

from __future__ import annotations

import gc
import os
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.aws.identity.phases import Phases
from orchestrator.aws.identity.roles import Identities
from orchestrator.aws.state.history import History
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.locks import StateLocks
from orchestrator.aws.state.objects import StateObjects
from orchestrator.aws.state.observed import ObservedState
from orchestrator.aws.state.outputs import StateStore
from orchestrator.cli.aws import Aws
from orchestrator.cli.context import Common
from orchestrator.cli.project import Project
from orchestrator.cli.request import RunRequest, seconds
from orchestrator.config.catalogue import Catalogue
from orchestrator.errors import OrchError, SetupError
from orchestrator.guard.judge import Judge
from orchestrator.guard.policies.load import Policies
from orchestrator.guard.rules.accounts import trusted_lock
from orchestrator.guard.rules.code import CodeScanner
from orchestrator.guard.trust.committed_state import refuse_committed
from orchestrator.guard.trust.trust import load_trust
from orchestrator.render.orphan_root import BareWorkspace
from orchestrator.render.write import Workspace
from orchestrator.report.live.sink import Tee, console_sink
from orchestrator.report.model import Notice, RunReport, UnitReport
from orchestrator.run.checks.preflight import look_first
from orchestrator.run.context import Options, Tools
from orchestrator.run.history.journal import Journal
from orchestrator.run.history.paths import new_run
from orchestrator.run.history.reports import Recorder, save_report
from orchestrator.run.history.start import left_before, record_start
from orchestrator.run.interrupt import Interrupts, interruptible
from orchestrator.run.scheduler import Stop
from orchestrator.run.unit.locking import locks_left
from orchestrator.run.unit.role import break_glass_note, take_break_glass
from orchestrator.terraform.commands import Terraform
from orchestrator.terraform.process.supervisor import Processes
from orchestrator.terraform.setup.binary import find_binary, user_cache
from orchestrator.terraform.setup.cliconfig import plugin_cache, write_cli_config
from orchestrator.terraform.setup.providers import ensure_available

_LOOKS = frozenset({"plan", "apply", "destroy"})
"""Verbs that look for locks before they begin."""


@dataclass(frozen=True, slots=True)
class Session:
    """One run, ready to go."""

    tools: Tools
    interrupts: Interrupts
    started: float
    verb: str
    targets: tuple[str, ...]
    kept: Recorder

    def report(self, units: Sequence[UnitReport], notes: Sequence[str] = (), *, error: str = "") -> RunReport:
        """The report of the run as it stands; the last one that is made is saved when the run ends."""
        break_glass = self.tools.options.break_glass
        always = () if break_glass is None else (break_glass_note(break_glass),)
        return self.kept.note(
            RunReport(
                run=self.tools.folders.run,
                verb=self.verb,
                targets=self.targets,
                units=tuple(units),
                seconds=time.monotonic() - self.started,
                interrupted=self.interrupts.level > 0,
                notes=(*always, *self.tools.blocked.notes, *notes, *_lost_records(self.tools.journal)),
                error=error,
            )
        )

    def report_so_far(self, *, error: str = "") -> RunReport:
        """The report of a run that nobody showed one of: how units ended as far as they did."""
        return self.report(self.kept.units(self.tools.graph.order), error=error)


def make_terraform(catalogue: Catalogue, processes: Processes, folder: Path) -> Terraform:
    """The door to the terraform binary, with orch's own CLI configuration in ``folder``.

    Raises:
        SetupError: there is no usable binary or provider source.
    """
    cache = user_cache(os.environ)
    ensure_available(catalogue.settings, env=os.environ, cache=cache)
    binary = find_binary(catalogue.settings, env=os.environ, cache=cache)
    config = write_cli_config(folder / "terraform.tfrc", env=os.environ, cache=cache)
    return Terraform(binary, processes, config, plugin_cache=plugin_cache(os.environ, cache))


@contextmanager
def open_session(
    common: Common,
    project: Project,
    aws: Aws,
    selected: Sequence[str],
    request: RunRequest,
    *,
    verb: str,
    reverse: bool = False,
    continues: str | None = None,
    left: Mapping[str, frozenset[str]] | None = None,
) -> Iterator[Session]:
    """Make a run over the selected units.

    Args:
        common: the options of every verb.
        project: the catalogue.
        aws: what is acted on.
        selected: ids of the units.
        request: how the run goes.
        verb: what it does.
        reverse: downstreams first.
        continues: the past run that it resumes.
        left: the units are former ones, of which only states are left: unit -> names of its providers.

    Everything that can be wrong before a unit runs is said here: credentials, account ids, state buckets, disk space,
    the terraform binary, providers.

    Raises:
        SetupError: something that the run needs is missing.
        CatalogueError: the policies are wrong.
    """
    started = time.monotonic()
    catalogue = project.catalogue
    graph = project.graph.subgraph(selected)
    with ExitStack() as stack:
        refuse_committed(catalogue.root)
        trust = load_trust(catalogue.root, os.environ)
        identities = Identities(catalogue, aws.emulator)
        store = StateStore(catalogue, identities, trust.policies.protected.types)
        ledger = Ledger(catalogue, identities, store)
        outside = ObservedState(catalogue, identities, store, ledger)
        states = frozenset(account.state_bucket for account in catalogue.accounts.values())
        judge = Judge(trust.policies, trust.allowance, trust.weakened, states=states, outside=outside)
        units = [catalogue.units[id_] for id_ in selected]
        lock = trusted_lock(catalogue.root, trust.base)
        blocked = look_first(
            catalogue, identities, ledger, units, judge=judge, lock=lock, verb=verb, compare=left is None
        )
        break_glass = take_break_glass(identities, units, request.break_glass)
        before = (*trust.notices, *left_before(catalogue.root))
        folders = new_run(catalogue.root)
        journal = Journal(folders.journal)
        stack.callback(journal.close)
        processes = Processes()
        terraform = make_terraform(catalogue, processes, folders.of_run)
        phases = Phases(folders.of_run / "aws", catalogue, identities)
        stack.callback(phases.close)
        kept = Recorder()
        console = console_sink(sys.stderr, os.environ, no_color=not common.colour, quiet=common.quiet)
        sink = Tee([console, kept])
        stack.callback(sink.close)
        stop = Stop()
        tools = Tools(
            catalogue=catalogue,
            graph=graph.reversed() if reverse else graph,
            workspace=_workspace(catalogue, trust.policies, left),
            terraform=terraform,
            processes=processes,
            phases=phases,
            identities=identities,
            store=store,
            ledger=ledger,
            locks=StateLocks(catalogue, identities),
            history=History(catalogue, identities),
            objects=StateObjects(catalogue, identities),
            judge=judge,
            scanner=CodeScanner(catalogue),
            sink=sink,
            journal=journal,
            folders=folders,
            stop=stop,
            options=Options(
                slots=request.slots,
                timeout=request.timeout,
                lock_timeout=request.lock_timeout,
                lock_seconds=seconds(request.lock_timeout, "--lock-timeout"),
                fail_fast=request.fail_fast,
                replace=request.replace,
                break_glass=break_glass,
            ),
            blocked=blocked,
        )
        record_start(
            journal,
            verb=verb,
            targets=request.targets,
            units=tools.graph.order,
            options=tools.options,
            continues=continues,
        )
        if break_glass is not None:
            journal.write("break-glass", owner=break_glass.owner, reason=break_glass.reason)
            before = (break_glass_note(break_glass), *before)
        for text in (*before, *(locks_left(tools) if verb in _LOOKS else ())):
            sink(Notice(text=text))
        gc.freeze()  # what is loaded by now stays to the end: the collector need not look at it again and again
        interrupts = stack.enter_context(interruptible(Interrupts(processes, stop, journal, tell=sink)))
        session = Session(tools, interrupts, started=started, verb=verb, targets=request.targets, kept=kept)
        with _recorded(journal), _saved(session):
            yield session


@contextmanager
def _recorded(journal: Journal) -> Iterator[None]:
    """Record the end of the run; one that is killed has none."""
    try:
        yield
    except BaseException as error:
        journal.note("run-ended", error=type(error).__name__)
        raise
    journal.note("run-ended")


def _workspace(catalogue: Catalogue, policies: Policies, left: Mapping[str, frozenset[str]] | None) -> Workspace:
    if left is not None:
        return BareWorkspace(catalogue, left)
    return Workspace(catalogue, policies.protected.delete_apis)


@contextmanager
def _saved(session: Session) -> Iterator[None]:
    """Save the run's report when it ends, also when it ends with an error.

    Raises:
        SetupError: the report cannot be saved; what was done is done.
    """
    folders = session.tools.folders
    try:
        yield
    except BaseException as error:
        what = str(error) if isinstance(error, OrchError) else type(error).__name__  # a bug's text may have values
        with suppress(OSError):  # what ended the run is what a person must read
            save_report(folders, session.report_so_far(error=what))
        raise
    try:
        save_report(folders, session.kept.final or session.report_so_far())
    except OSError as error:
        message = f"the report of run {folders.run} cannot be saved: {error.strerror}"
        raise SetupError(message, hint="what was done is done; the run's journal and logs say it") from error


def _lost_records(journal: Journal) -> tuple[str, ...]:
    if not journal.broken:
        return ()
    return (f"{journal.broken}; what was done is done, and a resumed run looks at the states for it",)
