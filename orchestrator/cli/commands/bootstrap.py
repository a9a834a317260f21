"""``orch bootstrap``."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Annotated, Any

import typer

from orchestrator.aws.identity.denied import missing_baseline
from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.preflight import Need, preflight
from orchestrator.aws.state.bucket import BucketChange
from orchestrator.cli.account_setup import (
    baseline_request,
    baseline_units,
    bucket_steps,
    check_accounts_lock,
    make_buckets,
    missing_in_accounts_lock,
    update_accounts_lock,
)
from orchestrator.cli.approve import apply_planned
from orchestrator.cli.aws import Aws, open_aws
from orchestrator.cli.context import Common, command
from orchestrator.cli.options import Accounts, Yes
from orchestrator.cli.organization import OrganizationStep, carry_out, organization_steps
from orchestrator.cli.output import print_next, print_progress, print_rows
from orchestrator.cli.project import Project, open_project
from orchestrator.cli.prompt import typed
from orchestrator.cli.session import circumstances, console
from orchestrator.config.accounts_lock import FILE
from orchestrator.config.catalogue import Account, has_baseline
from orchestrator.config.load import find_root
from orchestrator.report.tables import Column
from orchestrator.run.apply_rules import check_apply_allowed
from orchestrator.run.plan import plan_units
from orchestrator.run.request import RunRequest
from orchestrator.run.session import open_session
from orchestrator.util.files import file_lock

_MOST_STAGES = 3
_COLUMNS = [Column("account"), Column("step"), Column("done"), Column("change", wrap=True)]


@command
def bootstrap(
    common: Common,
    accounts: Accounts = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps, and change nothing.")] = False,
    yes: Yes = False,
) -> int:
    """Create an account's state bucket and roles.

    Creates the account itself if its file has no id, then the bucket, then applies the account's baseline, which has
    the roles. Run it again to finish or update.
    """
    if dry_run:
        return _bootstrap(common, accounts, dry_run=True, yes=yes)
    wait = "Another `orch bootstrap` works in this repository: waiting for its end."
    lock = find_root(common.folder) / ".orch" / "bootstrap.lock"
    with file_lock(lock, on_wait=lambda: print_progress(common, wait)):
        return _bootstrap(common, accounts, dry_run=False, yes=yes)


def _bootstrap(common: Common, accounts: Sequence[str] | None, *, dry_run: bool, yes: bool) -> int:
    project = open_project(common)
    selected = project.named_accounts(accounts)
    check_accounts_lock(common, project, selected)
    baselines = baseline_units(project, selected)
    with open_aws(common, project.catalogue) as aws:
        moves = organization_steps(common, project, aws, selected)
        steps = bucket_steps(project, aws, [account for account in selected if account.created])
        if dry_run or not yes:
            print_rows(common, "bootstrap", _rows(common, project, selected, (moves, steps), baselines), _COLUMNS)
        if dry_run:
            return 0
        units = [project.catalogue.units[id_] for id_ in baselines]
        words = check_apply_allowed(project.catalogue, units, circumstances(common, yes=yes))
        todo = [each.name for each in selected if not (each.name in steps and all(s.done for s in steps[each.name]))]
        if (moves or todo) and not yes and not _approved(moves, todo, words):
            return 4
        project = carry_out(common, project, aws, moves)
        selected = [project.account(account.name) for account in selected]
        make_buckets(common, project, aws, [account for account in selected if account.name in todo])
        update_accounts_lock(common, project, selected)
        code = _apply_baselines(common, baseline_request(project, aws, baselines), yes=yes) if baselines else 0
        code = code or _check_without_baseline(project, aws, selected)
    if code == 0:
        print_next(common, *_next_commands(project, selected))
    return code


def _apply_baselines(common: Common, request: RunRequest, *, yes: bool) -> int:
    """Plan, judge and, once approved, apply the baselines with the bootstrap role; return the exit code."""
    with open_session(request, console(common)) as session:
        planned = plan_units(session.context, preview_new=not yes, applies=True)
        apply_planned(common, session, planned, words=(), yes=yes)
    return session.exit_code()


def _next_commands(project: Project, accounts: Sequence[Account]) -> Iterator[str]:
    """Yield the command that makes use of the accounts: a plan of their stages, or a first stage."""
    names = {account.name for account in accounts}
    stages = [stage.name for stage in project.catalogue.stages.values() if stage.account in names]
    others = [stage for stage in project.catalogue.stages.values() if stage.account not in names]
    if stages:
        yield f"orch plan {' '.join(stages)}" if len(stages) <= _MOST_STAGES else f"orch plan {stages[0]}"
    elif others:
        yield f"orch stage new NAME --from {others[0].name} --account {accounts[0].name}"


def _approved(moves: Sequence[OrganizationStep], todo: Sequence[str], words: Sequence[str]) -> bool:
    created = [each.new for each in moves if each.new is not None and not each.known]
    parts = [f"create the AWS account {each.name} for {each.email}, which cannot be undone at once" for each in created]
    if any(each.known or each.destination is not None for each in moves):
        parts.append("change the organization and live/ as shown")
    parts += [f"set up the state bucket of {', '.join(todo)}"] if todo else []
    question = ", and ".join(parts)
    return typed(f"{question[0].upper()}{question[1:]}?", " ".join(words) or "yes")


def _check_without_baseline(project: Project, aws: Aws, accounts: Sequence[Account]) -> int:
    """Check that the roles of the accounts without a baseline are there; return 0.

    Raises:
        SetupError: a role is missing; the hint says what creates it.
    """
    without = [account for account in accounts if not has_baseline(project.catalogue, account)]
    needs = {account.name: Need(frozenset({Role.PLAN, Role.APPLY})) for account in without}
    preflight(project.catalogue, Identities(project.catalogue, aws.emulator), needs, folders=[])
    return 0


def _rows(
    common: Common,
    project: Project,
    accounts: Sequence[Account],
    steps: tuple[Sequence[OrganizationStep], Mapping[str, tuple[BucketChange, ...]]],
    baselines: Sequence[str],
) -> list[dict[str, Any]]:
    """Return the steps as rows: organization, state buckets, entries of the accounts lock, baselines."""
    moves, buckets = steps
    rows: list[dict[str, Any]] = [
        {"account": each.account.name, "step": "organization", "done": False, "change": change}
        for each in moves
        for change in each.changes
    ]
    for account in accounts:
        rows += [
            {"account": account.name, "step": step.name, "done": step.done, "change": "" if step.done else step.change}
            for step in buckets.get(account.name, ())
        ]
        if not account.created:
            change = "create and set up the state bucket in the new account"
            rows.append({"account": account.name, "step": "bucket", "done": False, "change": change})
    rows += [
        {"account": account.name, "step": "baseline", "done": None, "change": f"none: {missing_baseline(account)}"}
        for account in accounts
        if not has_baseline(project.catalogue, account)
    ]
    missing = set(missing_in_accounts_lock(common, project))
    rows += [
        {"account": account.name, "step": FILE, "done": False, "change": "add the account"}
        for account in accounts
        if account.name in missing
    ]
    return rows + [
        {
            "account": project.catalogue.units[id_].account,
            "step": id_,
            "done": None,
            "change": "plan, judge and apply with the bootstrap role",
        }
        for id_ in baselines
    ]
