"""Opens the executor that a run asks for."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from orchestrator.run.executor.interface import Executor
from orchestrator.run.executor.local import THREADS
from orchestrator.run.request import RunRequest


@contextmanager
def open_executor(request: RunRequest) -> Iterator[Executor]:
    """Yield the executor of a run: threads, or the cluster at its ``scheduler``.

    Raises:
        UsageError, SetupError: the cluster cannot be used.
    """
    if request.options.scheduler is None:
        yield THREADS
        return
    from orchestrator.run.executor.cluster import Cluster  # noqa: PLC0415 - what only a cluster needs
    from orchestrator.run.executor.remote import ClusterExecutor  # noqa: PLC0415

    with Cluster.connected(request.options.scheduler) as cluster:
        yield ClusterExecutor(cluster, cold=request.cold)
