"""``orch bootstrap``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence

from orchestrator.aws.state.bootstrap import BucketChange
from orchestrator.cli.aws import open_aws
from orchestrator.cli.bootstrapping import apply_baselines, baseline_request, baselines, bucket_steps, make_buckets
from orchestrator.cli.context import Common
from orchestrator.cli.output import color_on
from orchestrator.cli.project import Project, open_project
from orchestrator.cli.recording import check_record, record_accounts, unrecorded
from orchestrator.cli.session import circumstances
from orchestrator.config.accounts_lock import FILE
from orchestrator.config.catalogue import Account
from orchestrator.errors import UsageError
from orchestrator.report.style import width_of
from orchestrator.report.tables import rows_json, table
from orchestrator.run.approval import check_consent


def run(common: Common, names: Sequence[str], *, dry_run: bool, yes: bool) -> int:
    """Make accounts ready; doing it again changes nothing, and goes on where it stopped."""
    project = open_project(common)
    accounts = _accounts(project, names)
    check_record(project, accounts)
    selected = baselines(project, accounts)
    with open_aws(common, project.catalogue) as aws:
        steps = bucket_steps(project, aws, accounts)
        if dry_run or not yes:
            _show(common, accounts, steps, selected, project)
        if dry_run:
            return 0
        units = [project.catalogue.units[id_] for id_ in selected]
        words = check_consent(project.catalogue, units, circumstances(common, yes=yes))
        todo = [account for account in accounts if not all(step.done for step in steps[account.name])]
        if todo and not yes and not _agreed(todo, words):
            return 4
        make_buckets(common, project, aws, todo)
        record_accounts(common, project, accounts)
        if not selected:
            return 0
        return apply_baselines(common, baseline_request(project, aws, selected), yes=yes)


def _accounts(project: Project, names: Sequence[str]) -> list[Account]:
    if not names:
        known = ", ".join(sorted(project.catalogue.accounts))
        message = "name the accounts to bootstrap"
        raise UsageError(message, hint=f"accounts: {known}")
    return [project.account(name) for name in dict.fromkeys(names)]


def _agreed(todo: Sequence[Account], words: Sequence[str]) -> bool:
    word = " ".join(words) or "yes"
    names = ", ".join(account.name for account in todo)
    sys.stderr.write(f"Make the state bucket of {names}? Only {word!r} is taken for yes: ")
    sys.stderr.flush()
    return sys.stdin.readline().strip() == word


def _show(
    common: Common,
    accounts: Sequence[Account],
    steps: Mapping[str, tuple[BucketChange, ...]],
    selected: Sequence[str],
    project: Project,
) -> None:
    rows = [
        {"account": account.name, "step": step.name, "done": step.done, "change": "" if step.done else step.change}
        for account in accounts
        for step in steps[account.name]
    ]
    missing = set(unrecorded(project))
    rows += [
        {
            "account": account.name,
            "step": FILE,
            "done": False,
            "change": "add it, so that no other place is mistaken for it",
        }
        for account in accounts
        if account.name in missing
    ]
    rows += [
        {
            "account": project.catalogue.units[id_].account,
            "step": id_,
            "done": None,
            "change": "planned, judged and applied under the bootstrap role",
        }
        for id_ in selected
    ]
    if common.json:
        sys.stdout.write(rows_json("bootstrap", rows) + "\n")
    else:
        sys.stdout.write(table(rows, width=width_of(sys.stdout), colour=color_on(common)) + "\n")
    sys.stdout.flush()
