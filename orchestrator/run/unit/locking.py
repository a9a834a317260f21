"""What a unit's apply does about another's lock on its state: it says for whom it waits."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

from orchestrator.aws.state.locks import HeldLock, StateLockedError
from orchestrator.config.catalogue import Unit
from orchestrator.errors import InterruptedRunError, OrchError
from orchestrator.report.model import UnitProgress
from orchestrator.run.context import RunContext
from orchestrator.run.unit.holders import find_holder, lock_message

_SIGN = "Acquiring state lock."
_LOOK_SECONDS = 0.5


def report_lock_waits(context: RunContext, unit: Unit, on_line: Callable[[str], None]) -> Callable[[str], None]:
    """A callback for Terraform's lines that also says whom it waits for, where Terraform says only that it does.

    Args:
        context: the run.
        unit: whose apply it is.
        on_line: gets every line.
    """

    def take(line: str) -> None:
        if line.startswith(_SIGN) and (text := _waits_for(context, unit)):
            context.run.sink(UnitProgress(unit.id, text))
        on_line(line)

    return take


def wait_for_lock(context: RunContext, unit: Unit) -> None:
    """With ``--lock-timeout``: wait, before a unit is planned to be applied, until nobody holds its state.

    A plan made while another changes the state would be out of date when its turn comes.

    Raises:
        UnitError: somebody still holds it when the time is over.
        InterruptedRunError: the run was interrupted meanwhile.
        DeniedError, ThrottledError, SetupError: the lock cannot be read.
    """
    if not context.run.options.lock_timeout:
        return
    deadline = time.monotonic() + context.run.options.lock_timeout
    said = ""
    while (held := context.aws.locks.read(unit)) is not None:
        if context.run.stop.is_set():
            message = f"{unit.id} was not planned: the run was interrupted"
            raise InterruptedRunError(message)
        if time.monotonic() >= deadline:
            raise _still_held(context, unit, held)
        if held.lock.id != said:
            said = held.lock.id
            context.run.sink(UnitProgress(unit.id, _for(context, unit, held)))
        time.sleep(_LOOK_SECONDS)


def existing_locks(context: RunContext) -> Iterator[str]:
    """Sentences about locks on the run's units before it begins: holder, host, age, and whether it still runs.

    A lock of a run that was cut off would else be found only when its unit's turn comes. What cannot be looked at is
    said too: the run goes on, and Terraform itself takes care of locks.
    """
    units = [context.unit(id_) for id_ in context.run.graph.order]
    try:
        found = context.aws.locks.held(units)
    except OrchError as error:
        yield f"whether states are locked is not known: {error}"
        return
    for id_, held in sorted(found.items()):
        yield f"{id_}: {lock_message(held.lock, context.unit(id_), context.catalogue.root)}"


def refuse_locked(context: RunContext, unit: Unit) -> None:
    """Stop before a unit is looked at whose state somebody holds: it may be changing.

    Raises:
        StateLockedError: somebody holds it; the message names the holder and what to do.
        DeniedError, ThrottledError, SetupError: the lock cannot be read.
    """
    held = context.aws.locks.read(unit)
    if held is not None:
        raise _still_held(context, unit, held)


def _still_held(context: RunContext, unit: Unit, held: HeldLock) -> StateLockedError:
    error = StateLockedError(unit.id, held)
    error.what = lock_message(held.lock, unit, context.catalogue.root)
    error.hint = None
    return error


def _waits_for(context: RunContext, unit: Unit) -> str:
    try:
        held = context.aws.locks.read(unit)
    except OrchError:  # only said for people: Terraform goes on waiting whatever this answers
        return "waiting for the state's lock"
    return _for(context, unit, held) if held is not None else ""


def _for(context: RunContext, unit: Unit, held: HeldLock) -> str:
    holder = find_holder(held.lock, unit, context.catalogue.root)
    return f"waiting for the state's lock, held by {holder.sentence()}"
