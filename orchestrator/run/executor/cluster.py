"""The connection to a Dask cluster: sends tasks as text, waits for their results, and reaches every worker at once.

Knows nothing of units, plans and AWS. `distributed` is an optional extra: only this module and `worker.py` import it.
"""

from __future__ import annotations

import json
import logging
import threading
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import CancelledError
from contextlib import contextmanager, suppress
from typing import Any

from orchestrator import __version__
from orchestrator.errors import SetupError, UsageError
from orchestrator.run.executor.placement import choose_worker
from orchestrator.run.executor.records import topic_of
from orchestrator.run.executor.tls import INSTALL_DASK
from orchestrator.run.request import check_scheduler

_CONNECT_SECONDS = 20
_ORDER_SECONDS = 10.0
_POLL_SECONDS = 0.5


class TaskLostError(Exception):
    """A task has no result: its workers died, or the scheduler did. ``why``: one line."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


class Cluster:
    """A connected cluster. Thread-safe.

    Args:
        client: a connected client of Dask.
        slots: steps that its workers can run at the same time.
    """

    def __init__(self, client: Any, slots: int) -> None:
        self._client = client
        self.slots = slots
        self._lock = threading.Lock()
        self._busy: Counter[str] = Counter()
        self._number = 0

    @classmethod
    @contextmanager
    def connected(cls, address: str) -> Iterator[Cluster]:
        """Connect to a scheduler and prepare its workers; disconnect at the end.

        Raises:
            UsageError: a worker is not on this machine and does not use TLS.
            SetupError: `distributed` is not installed, the scheduler does not answer, no worker is connected, or a
                worker has another version of orch.
        """
        client = _connect(address)
        try:
            yield cls(client, _checked_slots(client))
        finally:
            with suppress(Exception):  # The run has ended; whatever fails now changes nothing.
                client.close(timeout=_ORDER_SECONDS)

    @property
    def alive(self) -> bool:
        """Whether the scheduler is connected."""
        return bool(self._client.status == "running")

    def run(self, name: str, account: str, text: str, *, give_up: Callable[[], bool]) -> str:
        """Run one task on a worker and return its result.

        Dask itself runs a task again elsewhere when its worker dies, so a task must bear that, or claim its work first.

        Args:
            name: what it is, for Dask's own views.
            account: its account, which prefers one worker.
            text: the task.
            give_up: asked twice a second; True ends the wait.

        Raises:
            TaskLostError: there is no result.
        """
        from orchestrator.run.executor.worker import run_task  # noqa: PLC0415 - imports distributed

        try:
            worker = self._take(account)
            future = self._client.submit(
                run_task,
                text,
                key=f"{name}-{self._next()}",
                workers=[worker] if worker else None,
                allow_other_workers=True,
                retries=0,
                pure=False,
            )
        except Exception as error:
            raise TaskLostError(_why(error)) from error
        try:
            return self._wait(future, give_up)
        finally:
            with self._lock:
                self._busy[worker or ""] -= 1
            future.release()

    def listen(self, run: str, take: Callable[[Mapping[str, Any]], None]) -> None:
        """Call ``take`` with each event of a run that its workers log, in a thread of Dask."""
        self._client.subscribe_topic(topic_of(run), lambda event: take(json.loads(event[1])))

    def order(self, order: str, run: str) -> None:
        """Pass an order about a run to every worker. Waits at most ten seconds, and never fails: a worker may be dead.

        Args:
            order: ``interrupt_plans``, ``ask_stop``, ``kill`` or ``end``.
            run: id of the run.
        """
        from orchestrator.run.executor.worker import take_order  # noqa: PLC0415 - imports distributed

        def call() -> None:
            with suppress(Exception):
                if self.alive:
                    self._client.run(take_order, order, run, on_error="ignore")

        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        thread.join(_ORDER_SECONDS)

    def _wait(self, future: Any, give_up: Callable[[], bool]) -> str:
        # Not `future.result(timeout=…)`: it fails when the result arrives as the time is over (distributed 2026.8.0).
        ended = threading.Event()
        future.add_done_callback(lambda _: ended.set())
        while not future.done():
            ended.wait(_POLL_SECONDS)
            if not future.done() and give_up():
                with suppress(Exception):
                    future.cancel(force=True)
                raise TaskLostError("it was given up")
        try:
            return str(future.result())
        except CancelledError as error:
            raise TaskLostError("the connection to the scheduler was lost") from error
        except Exception as error:
            if type(error).__name__ in _LOST:
                raise TaskLostError(_why(error)) from error
            raise

    def _take(self, account: str) -> str | None:
        workers = self._client.nthreads()
        with self._lock:
            worker = choose_worker(account, workers, self._busy)
            self._busy[worker or ""] += 1
        return worker

    def _next(self) -> int:
        with self._lock:
            self._number += 1
            return self._number


_LOST = frozenset({"KilledWorker", "CommClosedError", "FutureCancelledError", "NoValidWorkerError", "OSError"})
"""Names of Dask's exceptions about a task whose worker is gone; the classes are only there with the extra."""


def _why(error: BaseException) -> str:
    if type(error).__name__ == "KilledWorker":
        return "every worker that took it died"
    return f"the cluster does not answer ({type(error).__name__})"


def _connect(address: str) -> Any:
    try:
        from distributed import Client, Security  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        message = "--executor dask needs the package distributed, which is not installed"
        raise SetupError(message, hint=INSTALL_DASK) from error
    logging.getLogger("distributed").setLevel(logging.CRITICAL)  # orch says itself what it lost.
    encrypted = address.startswith("tls://")
    security = Security(require_encryption=encrypted)
    if encrypted and not (security.tls_ca_file and security.tls_client_cert):
        message = f"{address} needs a certificate, and Dask's configuration has none"
        names = ", ".join(f"DASK_DISTRIBUTED__COMM__TLS__{each}" for each in ("CA_FILE", "CLIENT__CERT", "CLIENT__KEY"))
        raise SetupError(message, hint=f"set distributed.comm.tls in Dask's configuration, or {names}")
    try:
        return Client(address, security=security, timeout=_CONNECT_SECONDS, set_as_default=False, name="orch")
    except (OSError, TimeoutError, ValueError, TypeError) as error:
        message = f"the scheduler {address} does not answer"
        hint = "check that it runs, that it uses TLS, and that its certificate is of the same authority"
        raise SetupError(message, hint=hint) from error


def _checked_slots(client: Any) -> int:
    """Register the plugin, and return the slots of all workers."""
    from orchestrator.run.executor.worker import WorkerRuns, version_of_worker  # noqa: PLC0415 - imports distributed

    workers = client.nthreads()
    if not workers:
        hint = "start one: dask worker SCHEDULER --nthreads 8 (docs/scale.md)"
        raise SetupError("no worker is connected to the scheduler", hint=hint)
    for worker in workers:
        try:
            check_scheduler(worker)
        except UsageError as error:
            message = f"the worker {worker} does not use TLS"
            raise UsageError(message, hint="start it with the tls:// address of the scheduler") from error
    try:
        versions = client.run(version_of_worker)
        client.register_plugin(WorkerRuns())
    except Exception as error:
        message = f"the workers cannot run orch: {type(error).__name__}"
        raise SetupError(message, hint=f"install orch {__version__} with the extra dask on each worker") from error
    others = sorted({str(each) for each in versions.values()} - {__version__})
    if others:
        message = f"this is orch {__version__}, and workers have orch {', '.join(others)}"
        raise SetupError(message, hint=f"pip install 'orch[dask]=={__version__}' on each worker")
    return sum(workers.values())
