"""Brings tasks to workers and their results back: through the state bucket of the unit's account, bound by hashes."""

from __future__ import annotations

import json
import os
import secrets
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path

from orchestrator import __version__
from orchestrator.aws.identity.identities import session_name
from orchestrator.aws.identity.roles import role_for
from orchestrator.aws.state.work import WORK_PREFIX, StoredObject, WorkStore
from orchestrator.config.catalogue import Unit
from orchestrator.errors import InterruptedRunError, OrchError, UnitError
from orchestrator.guard.receipt.receipt import Receipt
from orchestrator.render.values import Upstream
from orchestrator.report.model import Notice, Phase, UnitPhase
from orchestrator.run.context import RunContext
from orchestrator.run.executor.bundle import pack, repository_paths, unpack
from orchestrator.run.executor.cluster import Cluster, TaskLostError
from orchestrator.run.executor.files import allowed_below, output_file, planned_paths, run_file
from orchestrator.run.executor.forms import PlannedForm, RunForm, StepOutput, dump_form, dump_inputs, load_form
from orchestrator.run.executor.records import StepKind, UnitResult, UnitTask, WorkPlace
from orchestrator.run.executor.steering import Patience
from orchestrator.run.history.paths import RunPaths
from orchestrator.run.unit.planned import Planned
from orchestrator.util.files import write_atomic
from orchestrator.util.once_map import OnceMap

_REMOVERS = 16
"""Number of accounts whose objects are removed at the same time."""

LOST = "the connection to the scheduler was lost"


class Transport:
    """Sends tasks and receives results, for one run. Thread-safe.

    Args:
        cluster: the connected cluster.
        cold: let each Terraform command start its own providers.
    """

    def __init__(self, cluster: Cluster, *, cold: bool) -> None:
        self._cluster = cluster
        self._cold = cold
        self._lock = threading.Lock()
        self._archive: OnceMap[str, Path] = OnceMap()
        self._snapshots: OnceMap[str, StoredObject] = OnceMap()
        self._bundles: dict[str, StoredObject] = {}
        self._used: dict[str, Unit] = {}
        self._lost = False

    def task(
        self,
        context: RunContext,
        unit: Unit,
        kind: StepKind,
        *,
        inputs: StoredObject | None = None,
        pending: tuple[str, ...] = (),
        claim: str = "",
        destroy: bool = False,
    ) -> UnitTask:
        """Return a task for a unit. The repository is packed once, and stored once in each account.

        Raises:
            OrchError: the repository cannot be packed or stored.
        """
        account = context.catalogue.account_of(unit)
        emulated = context.aws.identities.emulator is not None
        return UnitTask(
            orch=__version__,
            run=context.run.folders.run,
            kind=kind,
            unit=unit.id,
            baseline=unit.baseline,
            place=WorkPlace(
                prefix=account.state_prefix,
                account=account.name,
                id=account.id,
                region=account.region,
                bucket=account.state_bucket,
                roles=account.roles,
                profile=account.profile,
            ),
            snapshot=self._snapshots.get(account.name, lambda: self._snapshot(context, unit)),
            inputs=inputs,
            pending=pending,
            claim=claim,
            destroy=destroy,
            emulator=str(context.run.folders.base / "emulator") if emulated else "",
        )

    def put_inputs(
        self, context: RunContext, unit: Unit, values: Upstream, disarm: tuple[str, ...]
    ) -> StoredObject | None:
        """Store the outputs of a unit's upstreams, and the addresses to switch off; None if there are none.

        Raises:
            OrchError: they cannot be stored.
        """
        if not values and not disarm:
            return None
        file = output_file(context.run.folders, unit).with_suffix(".values.json")
        try:
            write_atomic(file, dump_inputs(values, disarm))
            return self._put(context, unit, file, "values.json")
        finally:
            file.unlink(missing_ok=True)

    def put_plan(self, context: RunContext, unit: Unit, real: Planned, receipt: Receipt) -> StoredObject:
        """Return the stored object with an approved plan. A plan of this run is there already, as its worker left it.

        Args:
            context: the run.
            unit: the unit.
            real: its plan.
            receipt: the receipt of the plan; it names the run that planned it.

        Raises:
            OrchError: it cannot be stored.
        """
        with self._lock:
            known = self._bundles.get(_plan_key(unit, receipt.run, receipt.plan_sha256))
        if known is not None:
            return known
        folders = context.run.folders
        past = RunPaths(root=folders.root, run=receipt.run)
        output = StepOutput(root=str(folders.root), planned=PlannedForm.of(real, receipt.run))
        write_atomic(output_file(folders, unit), dump_form(StepOutput, output))
        archive = output_file(folders, unit).with_suffix(".tar.gz")
        try:
            pack(archive, folders.root, [output_file(folders, unit), *planned_paths(past, unit)])
            return self._put(context, unit, archive, "approved.tar.gz")
        finally:
            archive.unlink(missing_ok=True)

    def read_only(self, context: RunContext, unit: Unit, task: UnitTask) -> StepOutput:
        """Run a task that changes nothing, and bring its files here.

        Raises:
            InterruptedRunError: the run was interrupted, or the scheduler is gone.
            OrchError: the task failed on its worker.
        """
        try:
            result = self.send(context, unit, task, Patience(context, lambda: True))
        except TaskLostError as error:
            self.note_lost(context)
            what = f"{unit.id} was not {'compared' if task.kind is StepKind.DRIFT else 'planned'}"
            if context.run.stop.is_set():
                raise InterruptedRunError(f"{what}: {LOST if self._lost else 'the run was interrupted'}") from error
            hint = "the logs of the workers say why they ended: too little memory is a common cause"
            raise UnitError(f"{what}: {error.why}", hint=hint) from error
        if result.bundle is None and context.run.stop.is_set():
            raise InterruptedRunError(f"{unit.id} was not planned: the run was interrupted")
        return self.receive(context, unit, result, [task.run])

    def send(self, context: RunContext, unit: Unit, task: UnitTask, give_up: Callable[[], bool]) -> UnitResult:
        """Run a task on a worker.

        Raises:
            TaskLostError: there is no result.
        """
        context.run.sink(UnitPhase(unit.id, Phase.WAIT, "for a worker"))
        name = f"orch-{task.run}-{task.kind}-{unit.folder}"
        return UnitResult.parse(self._cluster.run(name, unit.account, task.text(), give_up=give_up))

    def receive(self, context: RunContext, unit: Unit, result: UnitResult, runs: list[str]) -> StepOutput:
        """Bring the files of a step to the paths that a step of this machine uses, and return what it returned.

        Args:
            context: the run.
            unit: the unit.
            result: the result of its task.
            runs: the runs in whose folders the step may have written.

        Raises:
            UnitError: the task failed on its worker, or its files are not those that it announced.
            OrchError: they cannot be read.
        """
        if result.bundle is None:
            raise UnitError(f"{unit.id}: {result.error or 'the worker returned nothing'}", hint=result.hint or None)
        folders = context.run.folders
        archive = output_file(folders, unit).with_suffix(".tar.gz")
        account, role = context.catalogue.account_of(unit), role_for(unit, write=False)
        try:
            WorkStore(context.aws.identities).get(account, role, result.bundle, archive)
            unpack(archive, folders.root, below=allowed_below(folders.root, unit, runs))
        finally:
            archive.unlink(missing_ok=True)
        output = _here(output_file(folders, unit), folders.root)
        if output.planned.receipt and output.planned.frozen is not None:
            with self._lock:
                plan = output.planned.frozen["plan"].removeprefix("sha256:")
                self._bundles[_plan_key(unit, output.planned.run, plan)] = result.bundle
        return output

    def note_lost(self, context: RunContext) -> None:
        """If the scheduler is gone, end the run: nothing new starts."""
        with self._lock:
            if self._lost or self._cluster.alive or context.run.stop.is_set():
                return
            self._lost = True
        context.run.stop.set()
        context.run.journal.note("scheduler-lost")
        again = f"`orch apply --resume {context.run.folders.run}` continues what was approved"
        context.run.sink(Notice(text=f"{LOST[0].upper()}{LOST[1:]}: nothing new starts. Once it is back, {again}"))

    def remove(self, context: RunContext) -> None:
        """Remove the objects of the run from the state buckets. Claims stay; the bucket's lifecycle removes them."""
        store = WorkStore(context.aws.identities)

        def remove(unit: Unit) -> None:
            with suppress(OrchError):  # The lifecycle rule of the bucket removes what stays.
                account = context.catalogue.account_of(unit)
                store.remove(account, role_for(unit, write=False), f"{WORK_PREFIX}{context.run.folders.run}/")

        with ThreadPoolExecutor(_REMOVERS) as pool:
            list(pool.map(remove, self._used.values()))

    def _put(self, context: RunContext, unit: Unit, file: Path, name: str) -> StoredObject:
        with self._lock:
            self._used.setdefault(unit.account, unit)
        key = f"{WORK_PREFIX}{context.run.folders.run}/{unit.folder}/{secrets.token_hex(4)}-{name}"
        account = context.catalogue.account_of(unit)
        return WorkStore(context.aws.identities).put(account, role_for(unit, write=False), key, file)

    def _snapshot(self, context: RunContext, unit: Unit) -> StoredObject:
        archive = self._archive.get("", lambda: _pack_repository(context, cold=self._cold))
        return self._put(context, unit, archive, "repository.tar.gz")


def _pack_repository(context: RunContext, *, cold: bool) -> Path:
    """Pack the repository as the run uses it, and what is the same for all units."""
    folders, run = context.run.folders, context.run
    form = RunForm.of(
        context.guard.judge,
        run=folders.run,
        options=run.options,
        session=session_name(os.environ),
        commit=run.commit(),
        break_glass=context.aws.break_glass,
        cold=cold,
        live=context.catalogue.trusted,
        values=context.catalogue.run_values,
        modules=context.guard.scanner.merged,
    )
    write_atomic(run_file(folders), dump_form(RunForm, form))
    archive = run_file(folders).with_suffix(".tar.gz")
    pack(archive, folders.root, {*repository_paths(context.catalogue), run_file(folders)})
    return archive


def _plan_key(unit: Unit, run: str, plan: str) -> str:
    return f"{unit.id} {run} {plan}"


def _here(file: Path, root: Path) -> StepOutput:
    """Read what a step returned, with the paths of this machine in its messages."""
    data = file.read_bytes()
    theirs = json.dumps(load_form(StepOutput, data).root)[1:-1].encode()
    return load_form(StepOutput, data.replace(theirs, json.dumps(str(root))[1:-1].encode()))
