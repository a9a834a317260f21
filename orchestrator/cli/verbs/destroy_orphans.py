"""``orch destroy --orphans``: what is left of a stage or unit that is no longer in ``live/``, from its state."""

from __future__ import annotations

from orchestrator.aws.identity.roles import Identities
from orchestrator.aws.state.ledger import Ledger
from orchestrator.aws.state.outputs import StateStore
from orchestrator.cli.aws import open_aws
from orchestrator.cli.context import Common
from orchestrator.cli.project import Project, open_project
from orchestrator.cli.ready import circumstances
from orchestrator.cli.request import RunRequest
from orchestrator.cli.session import open_session
from orchestrator.cli.verbs.destroy import whole_or_not
from orchestrator.errors import UsageError
from orchestrator.run.approval import check_consent
from orchestrator.run.checks.listing import Listings
from orchestrator.run.checks.orphans import find_orphans
from orchestrator.run.exit_codes import INTERRUPTED, exit_code


def run(common: Common, request: RunRequest, *, yes: bool) -> int:
    """Destroy what is left, in the order of the former units; what is protected is blocked like in any plan."""
    if not request.targets or request.exclude:
        message = "name the stages or units of which something is left, and no --exclude"
        raise UsageError(message, hint="orch destroy --orphans STAGE")
    catalogue = open_project(common).catalogue
    with open_aws(common, catalogue) as aws:
        identities = Identities(catalogue, aws.emulator)
        shelves = Listings(catalogue, Ledger(catalogue, identities, StateStore(catalogue, identities)))
        orphans = find_orphans(catalogue, shelves, request.targets)
        former = Project(orphans.catalogue, orphans.graph)
        units = list(orphans.catalogue.units.values())
        words = check_consent(orphans.catalogue, units, circumstances(common, yes=yes))
        order = orphans.graph.order
        with open_session(
            common, former, aws, order, request, verb="destroy", reverse=True, left=orphans.providers
        ) as session:
            reports = whole_or_not(common, session, words=words, yes=yes)
    return INTERRUPTED if session.interrupts.level else exit_code(reports)
