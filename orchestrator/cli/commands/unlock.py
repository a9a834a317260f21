"""``orch unlock UNIT``: shows who holds the lock on a unit's state, asks, and releases that lock only."""

from __future__ import annotations

import sys
from typing import Any

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.state.locks import HeldLock, StateLocks
from orchestrator.cli.aws import open_aws
from orchestrator.cli.context import Common, command_without_details
from orchestrator.cli.options import OneUnit, Yes
from orchestrator.cli.output import write
from orchestrator.cli.project import Project, open_project
from orchestrator.cli.prompt import typed
from orchestrator.errors import UsageError
from orchestrator.report.tables import dump
from orchestrator.report.text import clean
from orchestrator.run.unit.lock_holders import Holder, find_holder
from orchestrator.util.streams import write_stderr


@command_without_details
def unlock(common: Common, unit: OneUnit, yes: Yes = False) -> int:
    """Show the lock on a unit's state and release it.

    Shows the holder first, then asks. Exits with 4 if the answer is no.
    """
    project = open_project(common)
    found = project.unit(unit)
    with open_aws(common, project.catalogue) as aws:
        locks = StateLocks(project.catalogue, Identities(project.catalogue, aws.emulator))
        held = locks.read(found)
        if held is None:
            _print(common, {"unit": found.id, "lock": None, "released": False}, f"{found.id} is not locked.")
            return 0
        holder = find_holder(held.lock, found, project.catalogue.root)
        facts = _facts(project, held, holder)
        if not common.json:
            shown = {key: value for key, value in facts.items() if key != "alive"}
            lines = [f"{key:<12}{'-' if value in (None, '') else clean(str(value))}" for key, value in shown.items()]
            write("\n".join(lines) + "\n")
        if not _approved(common, found.id, holder, yes=yes):
            _print(common, {"unit": found.id, "lock": facts, "released": False}, "Not released.")
            return 4
        released = locks.release(found, held)
        text = f"Released the lock on {found.id}." if released else f"{found.id}: the holder has released its lock."
        _print(common, {"unit": found.id, "lock": facts, "released": released}, text)
    return 0


def _facts(project: Project, held: HeldLock, holder: Holder) -> dict[str, Any]:
    lock = held.lock
    account = project.catalogue.account_of(project.catalogue.units[held.unit])
    return {
        "unit": held.unit,
        "holder": lock.user,
        "host": lock.host,
        "operation": holder.operation,
        "since": lock.created.isoformat() if lock.created else None,
        "age": holder.age(),
        "process": holder.process(),
        "run": holder.run or None,
        "alive": holder.alive,
        "version": lock.version,
        "id": lock.id,
        "info": lock.info,
        "state": account.state_url(project.catalogue.units[held.unit].state_key),
    }


def _approved(common: Common, unit: str, holder: Holder, *, yes: bool) -> bool:
    """Return whether to release the lock.

    Raises:
        UsageError: there is no terminal to ask on; or ``--yes`` and the holder is still running.
    """
    if holder.alive and yes:
        message = f"the holder of {unit} {holder.process()}"
        raise UsageError(message, hint="wait until it ends or stop it; without --yes, orch asks and releases it anyway")
    if yes:
        return True
    if common.json or not sys.stdin.isatty():
        message = "cannot ask for approval: stdin is not a terminal"
        raise UsageError(message, hint="use --yes to release the lock without a question")
    if holder.alive:
        write_stderr("The holder is still running. Without its lock, two processes can write the state at once.\n")
        return typed("Release the lock anyway?", unit)
    if holder.alive is None:
        write_stderr("orch cannot tell from here whether the holder is still running: ask them first.\n")
    return typed("Release the lock?", "yes")


def _print(common: Common, document: dict[str, Any], text: str) -> None:
    if common.json:
        write(dump({"format": 1, "kind": "unlock", **document}) + "\n")
    else:
        write(text + "\n")
