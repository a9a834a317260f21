"""Makes accounts ready: the state bucket with boto3, then the account's baseline as any other unit."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from orchestrator.aws.identity.roles import Identities
from orchestrator.aws.state.bootstrap import BucketChange, ensure_bucket, plan_bucket
from orchestrator.cli.approve import apply_planned
from orchestrator.cli.aws import Aws
from orchestrator.cli.context import Common
from orchestrator.cli.output import print_report
from orchestrator.cli.project import Project
from orchestrator.cli.session import console
from orchestrator.config.catalogue import Account
from orchestrator.errors import SetupError
from orchestrator.run.exit_codes import exit_code
from orchestrator.run.plan import plan_units
from orchestrator.run.request import RunOptions, RunRequest
from orchestrator.run.session import open_session


def bucket_steps(project: Project, aws: Aws, accounts: Iterable[Account]) -> Mapping[str, tuple[BucketChange, ...]]:
    """What would be done to each account's state bucket; changes nothing."""
    identities = Identities(project.catalogue, aws.emulator)
    return {account.name: plan_bucket(account, identities) for account in accounts}


def make_buckets(common: Common, project: Project, aws: Aws, accounts: Iterable[Account]) -> None:
    """Make each account's state bucket as it should be, saying each step that is done."""
    identities = Identities(project.catalogue, aws.emulator)
    for account in accounts:

        def tell(step: BucketChange, name: str = account.name) -> None:
            if not step.done and not common.quiet:
                sys.stderr.write(f"{name}: {step.change}\n")

        ensure_bucket(account, identities, on_step=tell)


def baselines(project: Project, accounts: Iterable[Account]) -> tuple[str, ...]:
    """Ids of the accounts' baseline units, in graph order."""
    names = {account.name for account in accounts}
    units = project.catalogue.units
    return tuple(id_ for id_ in project.graph.order if units[id_].baseline and units[id_].account in names)


def baseline_request(project: Project, aws: Aws, selected: Sequence[str]) -> RunRequest:
    """The run that applies the baselines of accounts."""
    request = project.request_for("bootstrap", RunOptions.parse(selected), selected)
    return replace(request, emulator=aws.emulator)


def apply_baselines(common: Common, request: RunRequest, *, yes: bool) -> int:
    """Plan, judge, show, ask, apply the baselines under the bootstrap role; return the exit code."""
    with open_session(request, console(common)) as session:
        planned = plan_units(session.context, preview_new=not yes)
        reports = apply_planned(common, session, planned, words=(), yes=yes)
        print_report(common, session.finish(reports))
    return session.exit_code()


def bootstrap_quietly(common: Common, outer: RunRequest, aws: Aws, accounts: Sequence[Account]) -> None:
    """Make the accounts of a fresh emulator ready for one command.

    Raises:
        SetupError: a baseline could not be applied.
    """
    if not common.quiet:
        sys.stderr.write(f"Bootstrapping {', '.join(account.name for account in accounts)} in it.\n")
    silent = replace(common, quiet=True)
    project = Project(outer.catalogue, outer.graph)
    make_buckets(silent, project, aws, accounts)
    selected = baselines(project, accounts)
    if not selected:
        return
    with open_session(baseline_request(project, aws, selected), console(silent)) as session:
        planned = plan_units(session.context, preview_new=False)
        reports = apply_planned(silent, session, planned, words=(), yes=True)
        bad = [report for report in reports if exit_code([report])]
    if bad:
        message = f"{bad[0].unit} could not be applied on the emulator: {bad[0].cause}"
        raise SetupError(message, hint=f"the whole output is in {bad[0].log}")
