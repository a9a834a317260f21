"""Initializes the roots of units that wait for their upstreams, while these are applied."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

from orchestrator.config.catalogue import Unit
from orchestrator.errors import OrchError
from orchestrator.render.values import unit_references
from orchestrator.run.context import RunContext
from orchestrator.run.unit.prepare import scan_configuration


@contextmanager
def initialize_ahead(context: RunContext, units: Iterable[Unit]) -> Iterator[None]:
    """Initialize the roots of units in a thread, one after the other, so that their own init has nothing left to do.

    What fails here fails again, and is reported, when it is the unit's turn. A unit whose turn comes during its init
    waits for it: init holds a lock.

    Args:
        context: the run.
        units: units that were not planned yet, in the order of their turns.
    """
    with ThreadPoolExecutor(max_workers=1, thread_name_prefix="init") as pool:
        for unit in units:
            pool.submit(_initialize, context, unit)
        try:
            yield
        finally:
            pool.shutdown(cancel_futures=True)


def _initialize(context: RunContext, unit: Unit) -> None:
    if context.run.stop.is_set():
        return
    root = context.root(unit, preview=True)  # The folder of previews: the other one belongs to the unit's turn.
    unknown = {ref.unit: None for _, ref in unit_references(unit)}
    with suppress(OrchError, OSError):
        context.terraform.renderer.render(unit, unknown, root.folder)
        # Before init, so that an unlisted provider is not downloaded.
        scan_configuration(context, unit, root, initialized=False)
        context.terraform.cli.init(root, timeout=context.run.options.timeout or unit.timeouts.plan)
