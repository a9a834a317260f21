"""``orch destroy --orphans``: destroys what remains of stages and units that ``live/`` no longer has."""

from __future__ import annotations

from dataclasses import replace

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.outputs import StateStore
from orchestrator.cli.approve import destroy_all_or_none
from orchestrator.cli.aws import open_aws
from orchestrator.cli.context import Common
from orchestrator.cli.project import Project, open_project
from orchestrator.cli.session import circumstances, console
from orchestrator.errors import UsageError
from orchestrator.run.apply_rules import check_apply_allowed
from orchestrator.run.checks.listing import Listings
from orchestrator.run.checks.orphans import find_orphans
from orchestrator.run.request import RunOptions
from orchestrator.run.session import open_session


def destroy_orphans(common: Common, options: RunOptions, *, yes: bool) -> int:
    """Destroy former units from their states, downstreams first; return the exit code.

    Raises:
        UsageError: no target was given, or ``--exclude`` was.
    """
    if not options.targets or options.exclude:
        message = "--orphans requires the names of stages or units, and does not support --exclude"
        raise UsageError(message, hint="orch destroy --orphans STAGE")
    catalogue = open_project(common).catalogue
    with open_aws(common, catalogue) as aws:
        identities = Identities(catalogue, aws.emulator)
        listings = Listings(catalogue, Ledger(catalogue, identities, StateStore(catalogue, identities)))
        orphans = find_orphans(catalogue, listings, options.targets)
        former = Project(orphans.catalogue, orphans.graph)
        units = list(orphans.catalogue.units.values())
        words = check_apply_allowed(orphans.catalogue, units, circumstances(common, yes=yes))
        request = former.request_for("destroy", options, orphans.graph.order, reverse=True)
        request = replace(request, emulator=aws.emulator, orphan_providers=orphans.providers)
        with open_session(request, console(common)) as session:
            destroy_all_or_none(common, session, words=words, yes=yes)
    return session.exit_code()
