"""``orch bootstrap``."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from orchestrator.cli.output import print_rows
from orchestrator.cli.project import Project, open_project
from orchestrator.cli.prompt import typed
from orchestrator.cli.session import circumstances, console
from orchestrator.config.accounts_lock import FILE
from orchestrator.config.catalogue import Account, has_baseline
from orchestrator.report.tables import Column
from orchestrator.run.apply_rules import check_apply_allowed
from orchestrator.run.plan import plan_units
from orchestrator.run.request import RunRequest
from orchestrator.run.session import open_session

_COLUMNS = [Column("account"), Column("step"), Column("done"), Column("change", wrap=True)]


@command
def bootstrap(
    common: Common,
    accounts: Accounts = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the steps, and change nothing.")] = False,
    yes: Yes = False,
) -> int:
    """Create an account's state bucket and roles.

    Creates the bucket, then applies the account's baseline, which has the roles. Run it again to finish or update.
    """
    project = open_project(common)
    selected = project.named_accounts(accounts)
    check_accounts_lock(project, selected)
    baselines = baseline_units(project, selected)
    with open_aws(common, project.catalogue) as aws:
        steps = bucket_steps(project, aws, selected)
        if dry_run or not yes:
            print_rows(common, "bootstrap", _rows(project, selected, steps, baselines), _COLUMNS)
        if dry_run:
            return 0
        units = [project.catalogue.units[id_] for id_ in baselines]
        words = check_apply_allowed(project.catalogue, units, circumstances(common, yes=yes))
        todo = [account for account in selected if not all(step.done for step in steps[account.name])]
        if todo and not yes and not _approved(todo, words):
            return 4
        make_buckets(common, project, aws, todo)
        update_accounts_lock(common, project, selected)
        code = _apply_baselines(common, baseline_request(project, aws, baselines), yes=yes) if baselines else 0
        return code or _check_without_baseline(project, aws, selected)


def _apply_baselines(common: Common, request: RunRequest, *, yes: bool) -> int:
    """Plan, judge and, once approved, apply the baselines with the bootstrap role; return the exit code."""
    with open_session(request, console(common)) as session:
        planned = plan_units(session.context, preview_new=not yes)
        apply_planned(common, session, planned, words=(), yes=yes)
    return session.exit_code()


def _check_without_baseline(project: Project, aws: Aws, accounts: Sequence[Account]) -> int:
    """Check that the roles of the accounts without a baseline are there; return 0.

    Raises:
        SetupError: a role is missing; the hint says what creates it.
    """
    without = [account for account in accounts if not has_baseline(project.catalogue, account)]
    needs = {account.name: Need(frozenset({Role.PLAN, Role.APPLY})) for account in without}
    preflight(project.catalogue, Identities(project.catalogue, aws.emulator), needs, folders=[])
    return 0


def _approved(todo: Sequence[Account], words: Sequence[str]) -> bool:
    names = ", ".join(account.name for account in todo)
    return typed(f"Set up the state bucket of {names}?", " ".join(words) or "yes")


def _rows(
    project: Project,
    accounts: Sequence[Account],
    steps: Mapping[str, tuple[BucketChange, ...]],
    baselines: Sequence[str],
) -> list[dict[str, Any]]:
    """Return the steps as rows: state buckets, entries of the accounts lock, baselines."""
    rows = [
        {"account": account.name, "step": step.name, "done": step.done, "change": "" if step.done else step.change}
        for account in accounts
        for step in steps[account.name]
    ]
    rows += [
        {"account": account.name, "step": "baseline", "done": None, "change": f"none: {missing_baseline(account)}"}
        for account in accounts
        if not has_baseline(project.catalogue, account)
    ]
    missing = set(missing_in_accounts_lock(project))
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
