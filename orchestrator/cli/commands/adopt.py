"""``orch adopt UNIT``: takes over a state (``--state``), a user pool (``--pool``) or resources (``--resource``)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Annotated, Any

import typer

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import role_for
from orchestrator.aws.user_pools.description import describe_pool, list_pools
from orchestrator.aws.user_pools.inputs import pool_inputs
from orchestrator.cli.aws import open_aws
from orchestrator.cli.context import Common, command
from orchestrator.cli.migrate import MigrationOptions, migrate, resume_migration
from orchestrator.cli.options import DryRun, LockTimeout, OneUnit, Yes
from orchestrator.cli.output import print_changes, print_progress, print_report, write
from orchestrator.cli.project import Project, open_project, project_of
from orchestrator.cli.session import ready_session
from orchestrator.config.adopted_names import names_to_allow
from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.edit.rename import FileEdit
from orchestrator.config.edit.stack_entry import check_writable, plain_inputs, stack_entry_edit
from orchestrator.config.load import load_edited
from orchestrator.errors import CatalogueError, UsageError
from orchestrator.hcl.modules.read import read_module
from orchestrator.run.migrate.adopt import AdoptRequest
from orchestrator.run.migrate.imports import judge_imports, parse_imports
from orchestrator.run.migrate.journal import check_edits, unfinished_of
from orchestrator.run.plan import plan_units
from orchestrator.run.request import RunOptions, parse_duration
from orchestrator.terraform.model import PlanRecord
from orchestrator.util.files import write_atomic


@dataclass(frozen=True, slots=True)
class _Proposal:
    """What would be written for a unit.

    Attributes:
        imports: resource address in the module -> import id.
        inputs: all inputs of the unit; empty: they stay as they are.
        notes: further lines for the user.
    """

    imports: Mapping[str, str]
    inputs: Mapping[str, Any]
    notes: tuple[str, ...] = ()


@command
def adopt(
    common: Common,
    unit: OneUnit,
    state: Annotated[
        str | None,
        typer.Option(
            "--state", metavar="URL", help="The state to take over: s3://BUCKET/KEY or a file. It is only read."
        ),
    ] = None,
    pool: Annotated[
        str | None, typer.Option("--pool", metavar="ID", help="The Cognito user pool to take over, with its clients.")
    ] = None,
    resource: Annotated[
        list[str] | None,
        typer.Option("--resource", metavar="ADDR=ID", help="A resource to import, and its import ID. Repeatable."),
    ] = None,
    dry_run: DryRun = False,
    lock_timeout: LockTimeout = "0s",
    yes: Yes = False,
) -> int:
    """Take over a state, a user pool or resources that exist.

    --state copies a state of Terraform or Terragrunt to the unit. --pool and --resource write `imports` into live/, and
    for a pool all inputs of the module user_pool; the next apply imports. Exits with 3 if something would change or be
    lost.
    """
    if sum(map(bool, (state, pool, resource))) != 1:
        message = "adopt takes one of --state, --pool and --resource"
        raise UsageError(message, hint=f"for example: orch adopt {unit} --pool eu-west-1_AbCdEf123 --dry-run")
    project = open_project(common)
    found = project.unit(unit)
    if state is not None:
        wait = parse_duration(lock_timeout, "--lock-timeout")
        options = MigrationOptions(f"adopt {found.id} --state {state}", dry_run, yes, wait)
        return _adopt_state(common, project, AdoptRequest(project.catalogue, found, state), options)
    if pool is not None:
        return _adopt(common, project, found, _pool(common, project, found, pool), dry_run=dry_run)
    return _adopt(common, project, found, _Proposal(parse_imports(resource or ()), {}), dry_run=dry_run)


def _adopt_state(common: Common, project: Project, request: AdoptRequest, options: MigrationOptions) -> int:
    begun = unfinished_of(project.catalogue.root, options.command)
    if begun is None:
        return migrate(common, request, options)
    if options.dry_run:
        message = f"`orch {options.command}` was cut off after it was approved and must be finished"
        raise UsageError(message, hint="run it without --dry-run")
    return resume_migration(common, project, begun, options)


def _pool(common: Common, project: Project, unit: Unit, pool: str) -> _Proposal:
    """Read a pool under the plan role.

    Raises:
        UsageError: there is no such pool, or the unit's module cannot take it over.
    """
    role = role_for(unit, write=False)
    with open_aws(common, project.catalogue) as aws:
        identities = Identities(project.catalogue, aws.emulator)
        identities.confirm(unit.account, role)
        client = identities.client("cognito-idp", unit.account, role, region=unit.region)
        found = identities.call(unit.account, f"read the user pool {pool}", lambda: describe_pool(client, pool))
        if found is None:
            pools = identities.call(unit.account, "list the user pools", lambda: list_pools(client))
            message = f"there is no user pool {pool} in {unit.account} ({unit.region})"
            known = ", ".join(f"{id_} ({name})" for id_, name in pools[:10])
            raise UsageError(message, hint=f"pools there: {known or 'none'}")
        if aws.emulator is not None and found.unread:
            print_progress(common, f"The emulator does not have: {', '.join(found.unread)}.")
            found = replace(found, unread=())
    made = pool_inputs(found)
    _check_module(project, unit, made.inputs)
    check_writable(unit, made.inputs)
    return _Proposal(made.imports, made.inputs, made.notes)


def _check_module(project: Project, unit: Unit, inputs: Mapping[str, Any]) -> None:
    """Check that the unit's module is ``user_pool``, and knows every input.

    Raises:
        UsageError: it is another module, or an older one.
    """
    path = unit.module.path
    interface = read_module(path, root=project.catalogue.root) if path is not None else None
    if interface is None or "sign_in" not in interface.variables:
        message = f"{unit.id} has the module {unit.module.address}, and --pool writes inputs of the module user_pool"
        hint = "set `module: user_pool` in the stack; for another module: orch adopt UNIT --resource ADDRESS=ID"
        raise UsageError(message, where=unit.module.at, hint=hint)
    missing = sorted(set(inputs) - set(interface.variables))
    if missing:
        message = f"the module {project.module_of(unit)} has no variable {', '.join(missing)}, which this pool needs"
        hint = "take modules/user_pool of this version of orch: `orch init --help` says how"
        raise UsageError(message, where=unit.module.at, hint=hint)


def _adopt(common: Common, project: Project, unit: Unit, proposal: _Proposal, *, dry_run: bool) -> int:
    """Plan the imports with the files as they would be; write the files if nothing would change."""
    catalogue = project.catalogue
    regions = [each for each in catalogue.units.values() if (each.stage, each.stack) == (unit.stage, unit.stack)]
    if len(regions) > 1:
        message = f"{unit.stage}/{unit.stack} has several regions, which share one entry in live/"
        raise UsageError(message, where=unit.at, hint="adopt into a stack of its own with a single `region`")
    edit = stack_entry_edit(catalogue, unit, proposal.inputs, proposal.imports)
    after = _with_edit(catalogue, unit, edit)
    if proposal.inputs and plain_inputs(after.units[unit.id]) != proposal.inputs:
        message = f"the entry of {unit.stack} in {edit.to} cannot be merged with the inputs of the pool"
        raise UsageError(message, where=unit.at, hint="use a stack without inputs of its own: `module: user_pool`")
    request = project_of(after).request_for("adopt", RunOptions.parse([unit.id]), [unit.id])
    with ready_session(common, replace(request, dry_run=dry_run, plan_only=True)) as session:
        planned = plan_units(session.context, executor=session.executor)[unit.id]
        verdict = judge_imports(planned.report, proposal.imports, unit.module.path, catalogue.root)
        notes = [*verdict.problems, *proposal.notes]
        accepted = not verdict.problems and planned.may_proceed
        if accepted:
            notes += names_to_allow(after, after.units[unit.id], _imported_arns(planned.plan))
            notes += _next_steps(unit, edit.to, verdict.tagged, dry_run=dry_run)
        elif verdict.problems:
            notes.append("nothing was written: change the inputs or the module, and run the command again")
        if not common.json:
            write(edit.diff() + "\n")
            print_changes(common, session.report([verdict.report]))
        if accepted and not dry_run:
            check_edits(catalogue.root, [edit])
            write_atomic(catalogue.root / edit.to, edit.after.encode(), mode=0o644)
        print_report(common, session.finish([verdict.report], notes), shown=[verdict.report])
    return session.exit_code()


def _imported_arns(plan: PlanRecord | None) -> list[str]:
    imported = [each.before for each in plan.changes if each.importing is not None] if plan is not None else []
    return [before["arn"] for before in imported if before is not None and isinstance(before.get("arn"), str)]


def _with_edit(catalogue: Catalogue, unit: Unit, edit: FileEdit) -> Catalogue:
    """Return the configuration as it would be after the edit.

    Raises:
        CatalogueError: it would be invalid. The lines that are not written yet have no place: the unit's is given.
    """
    try:
        return load_edited(catalogue.root, [edit], catalogue.trusted)
    except CatalogueError as error:
        raise CatalogueError(
            [
                replace(each, where=unit.at, what=f"nothing was written for {unit.id}: {each.what}")
                if each.where.file == edit.to
                else each
                for each in error.problems
            ]
        ) from error


def _next_steps(unit: Unit, file: str, tagged: tuple[str, ...], *, dry_run: bool) -> list[str]:
    steps = [f"the first apply also adds the tags of live/ to {', '.join(tagged)}"] if tagged else []
    if dry_run:
        return [*steps, "nothing was written: run the command without --dry-run"]
    return [*steps, f"{file} was written: commit it, then run `orch apply {unit.id}`, which imports"]
