"""``orch destroy``; the part for ``--orphans`` is in ``destroy_orphans.py``."""

from __future__ import annotations

from typing import Annotated

import typer

from orchestrator.cli.approve import destroy_all_or_none
from orchestrator.cli.commands.destroy_orphans import destroy_orphans
from orchestrator.cli.context import Common, command
from orchestrator.cli.options import (
    Exclude,
    ExecutorName,
    FailFast,
    LockTimeout,
    Parallelism,
    Scheduler,
    SetValues,
    Targets,
    Timeout,
    Yes,
    given_values,
)
from orchestrator.cli.output import write
from orchestrator.cli.project import Project, open_project
from orchestrator.cli.session import circumstances, ready_session
from orchestrator.errors import UsageError
from orchestrator.run.apply_rules import check_apply_allowed
from orchestrator.run.request import THREADED, RunOptions, RunRequest
from orchestrator.run.session import Session
from orchestrator.util.plural import plural


@command
def destroy(
    common: Common,
    targets: Targets = None,
    exclude: Exclude = None,
    parallelism: Parallelism = None,
    fail_fast: FailFast = False,
    timeout: Timeout = None,
    executor: ExecutorName = THREADED,
    scheduler: Scheduler = None,
    values: SetValues = None,
    lock_timeout: LockTimeout = "0s",
    yes: Yes = False,
    orphans: Annotated[
        bool,
        typer.Option("--orphans", help="Destroy what remains in AWS of stages and units that live/ no longer has."),
    ] = False,
) -> int:
    """Destroy units, downstreams first.

    Plans are judged as usual: if one unit is protected, none is destroyed.
    """
    options = RunOptions.parse(
        targets,
        exclude=exclude,
        parallelism=parallelism,
        fail_fast=fail_fast,
        timeout=timeout,
        executor=executor,
        scheduler=scheduler,
        lock_timeout=lock_timeout,
    )
    if orphans:
        if options.scheduler is not None:
            raise UsageError("--orphans runs on this machine", hint="leave out --executor")
        return destroy_orphans(common, options, yes=yes)
    return destroy_selection(common, open_project(common, given=given_values(values)), options, yes=yes)


def destroy_selection(common: Common, project: Project, options: RunOptions, *, yes: bool) -> int:
    """Destroy the units that the options select, all or none; return the exit code.

    Raises:
        UsageError: nothing is selected, a unit outside of the selection depends on it, or nobody can be asked.
        SetupError: something that the run needs is missing.
    """
    request = project.request("destroy", options, reverse=True)
    words = check_apply_allowed(project.catalogue, request.units, circumstances(common, yes=yes))
    with ready_session(common, request) as session:
        _check_downstreams(project, session, request)
        destroy_all_or_none(common, session, words=words, yes=yes)
    code = session.exit_code()
    if code == 0 and not (common.json or common.quiet):
        write("".join(f"{name} is destroyed. Delete live/stages/{name}.yaml.\n" for name in _gone(project, request)))
    return code


def _gone(project: Project, request: RunRequest) -> list[str]:
    """Return the disposable stages of which the run destroyed every unit."""
    whole = {unit.stage for unit in request.units}
    whole -= {unit.stage for unit in project.catalogue.units.values() if unit.id not in request.selected}
    return sorted(whole & {stage.name for stage in project.catalogue.stages.values() if stage.disposable})


def _check_downstreams(project: Project, session: Session, request: RunRequest) -> None:
    """Refuse to destroy a unit that a unit outside of the selection depends on.

    Raises:
        UsageError: there is one, and it has resources.
    """
    selected = set(request.selected)
    for id_ in project.graph.order:
        unit = project.catalogue.units[id_]
        if id_ in selected or not set(unit.upstreams) & selected:
            continue
        state = session.context.aws.states.read(unit)
        if state is not None and state.addresses:
            needed = sorted(set(unit.upstreams) & selected)[0]
            count = plural(len(state.addresses), "resource")
            message = f"cannot destroy {needed}: {id_} depends on it and still has {count}"
            raise UsageError(message, hint=f"destroy both: orch destroy {' '.join(request.options.targets)} {needed}+")
