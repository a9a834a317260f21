"""One run on one worker: its copy of the repository, its context, and the steps that it does."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager, ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Self

from orchestrator.aws.endpoint import EmulatorEndpoint
from orchestrator.aws.identity.credential_files import CredentialFiles
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import BreakGlass, Role, role_for
from orchestrator.aws.state.work import WORK_PREFIX, StoredObject, WorkStore
from orchestrator.config.catalogue import Account, Catalogue, Settings, Timeouts, Unit
from orchestrator.config.graph import Graph
from orchestrator.config.load import load
from orchestrator.errors import Location, OrchError, SetupError
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.rules.code import CodeScanner
from orchestrator.guard.trust.disposable import DisposableStages
from orchestrator.guard.trust.live_modules import MergedModules
from orchestrator.report.model import Event, Notice
from orchestrator.run.assemble import Access, make_tools
from orchestrator.run.context import Guard, RunContext, RunState
from orchestrator.run.executor.bundle import pack, unpack
from orchestrator.run.executor.files import output_file, run_file, written_paths
from orchestrator.run.executor.forms import PlannedForm, RunForm, StepOutput, dump_form, load_form, load_inputs
from orchestrator.run.executor.records import CLAIMED, Claim, StepKind, UnitResult, UnitTask, WorkPlace
from orchestrator.run.history.journal import Journal
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.history.unsaved_state import unsaved_in
from orchestrator.run.scheduler import Stop
from orchestrator.run.unit.applier import apply_plan
from orchestrator.run.unit.backups import copies_of_unit
from orchestrator.run.unit.drifter import drift_unit
from orchestrator.run.unit.planned import Planned
from orchestrator.run.unit.planner import plan_unit
from orchestrator.run.unit.upstreams import UpstreamValues
from orchestrator.terraform.process.supervisor import TaskKind
from orchestrator.terraform.setup.binary import user_cache
from orchestrator.terraform.warm.providers import WarmProviders, cold_notice
from orchestrator.terraform.warm.start import StartedServer, provider_server
from orchestrator.util.files import write_atomic


class RelayedJournal(Journal):
    """Keeps the records of a run's steps until they travel back; the machine of the run writes them to its journal."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._records: list[dict[str, Any]] = []

    def write(self, event: str, **fields: str | float | bool | list[str] | None) -> None:
        """Keep one record, also in a file of the worker.

        Raises:
            SetupError: the disk does not accept it.
        """
        super().write(event, **fields)
        self._records.append({"event": event, **fields})

    def take(self, unit: str) -> tuple[Mapping[str, Any], ...]:
        """Return the records about a unit, and forget them."""
        found = [record for record in self._records if record.get("unit") == unit]
        self._records = [record for record in self._records if record.get("unit") != unit]
        return tuple(found)


@dataclass(frozen=True, slots=True)
class EventSink:
    """Passes the events of a run on. A sink."""

    log: Callable[[Event], None]

    def __call__(self, event: Event) -> None:
        """Pass one event on."""
        self.log(event)

    def close(self) -> None:
        """Do nothing: the events end with the run."""


@dataclass(frozen=True, slots=True)
class WorkerRun:
    """A run on this worker. Safe to use from several threads.

    Attributes:
        label: name of the worker.
        context: what the steps work with; its folders are below the worker's copy of the repository.
        store: where inputs come from and results go.
        folder: everything that the run writes here.
    """

    label: str
    context: RunContext
    journal: RelayedJournal
    store: WorkStore
    folder: Path
    stack: ExitStack = field(repr=False)

    @classmethod
    def open(cls, task: UnitTask, label: str, log: Callable[[Event], None], *, slots: int) -> Self:
        """Fetch the repository of a run and build its context.

        Args:
            task: the first task of the run here.
            label: name of the worker.
            log: passes an event on.
            slots: steps that run here at the same time.

        Raises:
            OrchError: something is missing: credentials, Terraform, the objects of the run.
            OSError: the disk does not take it.
        """
        folder = user_cache(os.environ) / "work" / f"{task.run}-{os.getpid()}"
        root = folder / "repository"
        root.mkdir(parents=True, mode=0o700)
        emulator = _emulator(task.emulator)
        place = account_at(task.place)
        archive = folder / "snapshot.tar.gz"
        WorkStore(Identities(only_account(place), emulator)).get(place, _transfer_role(task), task.snapshot, archive)
        unpack(archive, root, below=["."])
        folders = RunPaths(root=root, run=task.run)
        form = load_form(RunForm, run_file(folders).read_bytes())
        catalogue = load(root, trusted=form.trusted, given=form.values)
        trust = form.trust(root)
        access = Access.of(catalogue, trust, emulator, session=form.session)
        with ExitStack() as stack:
            journal = RelayedJournal(folders.journal)
            stack.callback(journal.close)
            server = stack.enter_context(_providers(catalogue, slots, cold=form.cold))
            checks = stack.enter_context(Checks(trust.policies))
            sink = EventSink(log)
            warm = WarmProviders(server, notify=lambda unit, why: sink(Notice(text=cold_notice(why), unit=unit)))
            credentials = stack.enter_context(CredentialFiles(folder / "aws", catalogue, access.identities))
            context = RunContext(
                catalogue=catalogue,
                aws=access.clients(credentials, BreakGlass(*form.break_glass) if form.break_glass else None),
                terraform=make_tools(catalogue, trust, folder, warm=warm),
                guard=Guard(
                    judge=access.judge(trust, checks, DisposableStages(form.disposable)),
                    scanner=CodeScanner(catalogue, merged=_told(form.modules)),
                ),
                run=RunState(
                    graph=Graph.of(catalogue.units),
                    options=form.options,
                    folders=folders,
                    journal=journal,
                    sink=sink,
                    stop=Stop(),
                    commit=lambda: form.commit,
                ),
            )
            return cls(label, context, journal, WorkStore(access.identities), folder, stack.pop_all())

    def work(self, task: UnitTask, claim: Claim) -> UnitResult:
        """Do one step, and store what it wrote.

        Raises:
            OrchError: an input cannot be read. Nothing was done.
        """
        unit = self.context.unit(task.unit)
        self.context.aws.states.forget(unit.id)  # Another worker may have applied it since.
        self._keep_initialized(unit)
        planned_in = task.run
        begun = False
        if task.kind is StepKind.APPLY:
            real = self._approved_plan(task, unit)
            planned_in = real.receipt.run if real.receipt is not None else task.run
            self._init(unit, planned_in)
            taken = self._claim(task, unit, claim)
            if taken is not None:
                return UnitResult(self.label, claim=taken)
            begun = True
            output = self._apply(task, unit, real, planned_in)
        else:
            output = self._read_only(task, unit)
        try:
            return UnitResult(self.label, bundle=self._store(task, unit, output, planned_in), begun=begun)
        except OrchError as error:
            status = output.planned.report.status.value
            kept = f"its files are in {self.folder} on that machine"
            message = f"{unit.id} ended on {self.label} as {status}, but its report could not be stored: {error.what}"
            return UnitResult(self.label, error=message, hint=kept, begun=begun)

    def steer(self, order: str) -> None:
        """Stop processes: ``interrupt_plans``, ``ask_stop`` or ``kill``; nothing new starts."""
        self.context.run.stop.set()
        orders = {name: getattr(self.context.terraform.processes, name) for name in _ORDERS}
        orders[order]()

    def applying(self) -> bool:
        """Return whether Terraform applies anything now."""
        return TaskKind.APPLY.value in self.context.terraform.processes.in_flight().values()

    def close(self) -> None:
        """Remove the credentials and all files, except a state that could not be saved."""
        self.stack.close()
        if not any(unsaved_in(self.context.run.folders.of_run)):
            shutil.rmtree(self.folder, ignore_errors=True)

    def _read_only(self, task: UnitTask, unit: Unit) -> StepOutput:
        if task.kind is StepKind.DRIFT:
            planned = Planned(drift_unit(self.context, unit))
        else:
            inputs = task.inputs is not None
            values, disarm = load_inputs(self._fetched(task, unit).read_bytes()) if inputs else ({}, ())
            upstream = UpstreamValues(values=values, pending=task.pending)
            planned = plan_unit(self.context, unit, upstream, destroy=task.destroy, disarm=disarm)
        return self._output(task, unit, PlannedForm.of(planned, task.run))

    def _approved_plan(self, task: UnitTask, unit: Unit) -> Planned:
        folders = self.context.run.folders
        archive = self._fetched(task, unit)
        unpack(archive, folders.root, below=[folders.of_run.parent.relative_to(folders.root).as_posix()])
        output = load_form(StepOutput, output_file(folders, unit).read_bytes())
        return output.planned.read(folders.root, unit)

    def _apply(self, task: UnitTask, unit: Unit, real: Planned, planned_in: str) -> StepOutput:
        end = apply_plan(self.context, unit, real, destroy=task.destroy)
        output = self._output(task, unit, PlannedForm(planned_in, end.report))
        return replace(output, overtaken=end.overtaken, objection=end.objection)

    def _keep_initialized(self, unit: Unit) -> None:
        """Let Terraform's data folder outlive the run, so that the next one skips init, as on one machine.

        It holds links to providers, copies of modules and the place of the state, and no value.
        """
        link = self.context.run.folders.data(unit)
        if link.exists():
            return
        account = self.context.catalogue.account_of(unit)
        kept = user_cache(os.environ) / "initialized" / account.state_bucket / unit.folder
        kept.mkdir(parents=True, exist_ok=True, mode=0o700)
        link.parent.mkdir(parents=True, exist_ok=True)
        link.symlink_to(kept, target_is_directory=True)

    def _init(self, unit: Unit, planned_in: str) -> None:
        """Initialize a root that another worker, or another run, planned in."""
        context = self.context
        folder = RunPaths(root=context.run.folders.root, run=planned_in).unit(unit)
        root = replace(context.root(unit, preview=False), folder=folder)
        context.terraform.cli.init(root, timeout=context.run.options.timeout or unit.timeouts.plan)

    def _claim(self, task: UnitTask, unit: Unit, claim: Claim) -> Claim | None:
        """Claim an apply; return None when this task may begin it, else who did before."""
        account = self.context.catalogue.account_of(unit)
        found = self.store.claim(account, role_for(unit, write=True), task.claim, claim.form())
        if found.get("id") == claim.id:
            self.context.run.sink(Notice(text=CLAIMED, unit=unit.id))
            return None
        return Claim(**found)

    def _output(self, task: UnitTask, unit: Unit, planned: PlannedForm) -> StepOutput:
        folders = self.context.run.folders
        used = self.context.terraform.cli.providers_of(unit.id)
        report = replace(planned.report, worker=self.label, providers=used)
        return StepOutput(
            root=str(folders.root),
            planned=replace(planned, report=report),
            records=self.journal.take(unit.id),
            copies=copies_of_unit(folders, unit) if task.kind is StepKind.APPLY else (),
        )

    def _store(self, task: UnitTask, unit: Unit, output: StepOutput, planned_in: str) -> StoredObject:
        folders = self.context.run.folders
        write_atomic(output_file(folders, unit), dump_form(StepOutput, output))
        past = RunPaths(root=folders.root, run=planned_in)
        archive = self.folder / "out" / unit.folder / f"{task.kind}.tar.gz"
        pack(archive, folders.root, written_paths(folders, unit, task.kind, planned_in=past))
        key = f"{WORK_PREFIX}{task.run}/{unit.folder}/{task.kind}-{os.getpid()}-{archive.stat().st_mtime_ns}.tar.gz"
        account = self.context.catalogue.account_of(unit)
        return self.store.put(account, role_for(unit, write=False), key, archive)

    def _fetched(self, task: UnitTask, unit: Unit) -> Path:
        if task.inputs is None:
            message = f"the task for {unit.id} has no inputs"
            raise SetupError(message, hint="this is a bug in orch")
        to = self.folder / "in" / unit.folder / task.inputs.sha256
        account = self.context.catalogue.account_of(unit)
        self.store.get(account, role_for(unit, write=False), task.inputs, to)
        return to


_ORDERS = ("interrupt_plans", "ask_stop", "kill")


def _providers(catalogue: Catalogue, slots: int, *, cold: bool) -> AbstractContextManager[StartedServer]:
    modules = {unit.module.path for unit in catalogue.units.values()}
    return provider_server(
        catalogue.settings,
        catalogue.root,
        env=os.environ,
        cache=user_cache(os.environ),
        slots=slots,
        cold=cold,
        modules=None if None in modules else [path for path in modules if path is not None],
    )


def _transfer_role(task: UnitTask) -> Role:
    return Role.BOOTSTRAP if task.baseline else Role.PLAN


def _emulator(folder: str) -> EmulatorEndpoint | None:
    """Return the emulator of this machine that a run uses. Its keys are read here, and never travel."""
    if not folder:
        return None
    file = Path(folder) / "emulator.json"
    try:
        data = json.loads(file.read_bytes())
        found = EmulatorEndpoint(data["url"], data["access_key"], data["secret_key"])
    except (OSError, ValueError, KeyError) as error:
        message = f"the worker cannot read {file}"
        raise SetupError(message, hint="workers for the emulator run on the same machine, as the same user") from error
    return found


def account_at(place: WorkPlace) -> Account:
    """Return the account of a place, as far as the place says."""
    return Account(
        name=place.account,
        id=place.id,
        region=place.region,
        regions=(),
        restricted=True,
        state_bucket=place.bucket,
        roles=place.roles,
        tags={},
        at=Location(f"live/accounts/{place.account}.yaml"),
        profile=place.profile,
        state_prefix=place.prefix,
    )


def only_account(account: Account) -> Catalogue:
    """Return a configuration with one account, to read the real one with."""
    settings = Settings(
        name="",
        region=account.region,
        terraform="",
        orch="",
        providers={},
        state_bucket=account.state_bucket,
        roles=account.roles,
        tags={},
        timeouts=Timeouts(),
        management="",
    )
    return Catalogue(Path(), settings, {account.name: account}, {}, {})


def _told(modules: MergedModules | None) -> Callable[[], MergedModules] | None:
    """Return what tells the scanner which modules are merged, as it was found where the run began."""
    return None if modules is None else lambda: modules
