"""``orch unlock UNIT``: who holds a unit's state, and then, when a person says so, release of exactly that lock."""

from __future__ import annotations

import sys
from typing import Any

from orchestrator.aws.identity.roles import Identities
from orchestrator.aws.state.locks import HeldLock, StateLocks
from orchestrator.cli.aws import open_aws
from orchestrator.cli.context import Common
from orchestrator.cli.output import write
from orchestrator.cli.project import Project, open_project
from orchestrator.cli.prompt import typed
from orchestrator.errors import UsageError
from orchestrator.report.tables import dump
from orchestrator.report.text import clean
from orchestrator.run.unit.holders import Holder, holder_of


def run(common: Common, unit_id: str, *, yes: bool) -> int:
    """Show the lock of a unit's state, ask, release it; exit code 4 when the answer is no."""
    project = open_project(common)
    unit = project.unit(unit_id)
    with open_aws(common, project.catalogue) as aws:
        locks = StateLocks(project.catalogue, Identities(project.catalogue, aws.emulator))
        held = locks.read(unit)
        if held is None:
            _tell(common, {"unit": unit.id, "lock": None, "released": False}, f"{unit.id}: no lock")
            return 0
        holder = holder_of(held.lock, unit, project.catalogue.root)
        facts = _facts(project, held, holder)
        if not common.json:
            lines = [f"{key:<12}{clean(str(value))}" for key, value in facts.items() if value not in (None, "")]
            write("\n".join(line for line in lines if not line.startswith("alive")) + "\n")
        if not _agreed(common, unit.id, holder, yes=yes):
            _tell(common, {"unit": unit.id, "lock": facts, "released": False}, "The lock stays.")
            return 4
        gone = locks.release(unit, held)
        text = f"{unit.id}: released." if gone else f"{unit.id}: its holder has released it meanwhile."
        _tell(common, {"unit": unit.id, "lock": facts, "released": gone}, text)
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
        "state": f"s3://{account.state_bucket}/{project.catalogue.units[held.unit].state_key}",
    }


def _agreed(common: Common, unit: str, holder: Holder, *, yes: bool) -> bool:
    """Whether the lock may go.

    Raises:
        UsageError: nobody can be asked; or ``--yes`` for a holder that is known to run still.
    """
    if holder.alive and yes:
        message = f"the holder of {unit} {holder.process()}"
        raise UsageError(message, hint="let it finish or stop it first; without --yes you are asked all the same")
    if yes:
        return True
    if common.json or not sys.stdin.isatty():
        message = "there is no terminal to ask on"
        raise UsageError(message, hint="give --yes to release it without being asked")
    if holder.alive:
        sys.stderr.write("Its holder still runs: without the lock, two may write the state at once.\n")
        return typed("Release it all the same?", unit)
    if holder.alive is None:
        sys.stderr.write("Whether its holder still runs cannot be seen from here: ask them first.\n")
    return typed("Release it?", "yes")


def _tell(common: Common, document: dict[str, Any], text: str) -> None:
    if common.json:
        write(dump({"format": 1, "kind": "unlock", **document}) + "\n")
    else:
        write(text + "\n")
