"""From a command to a session that is ready to run: where AWS is, and for a fresh emulator its accounts."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from orchestrator.cli.aws import open_aws
from orchestrator.cli.context import Common
from orchestrator.cli.project import Project
from orchestrator.cli.request import RunRequest
from orchestrator.cli.session import Session, open_session
from orchestrator.run.approval import Circumstances, in_ci
from orchestrator.run.context import accounts_touched


def circumstances(common: Common, *, yes: bool, break_glass: bool = False) -> Circumstances:
    """What decides whether an apply may be asked for."""
    return Circumstances(
        yes=yes,
        terminal=sys.stdin.isatty() and not common.json,
        emulated=common.emulator,
        ci=in_ci(os.environ),
        break_glass=break_glass,
    )


@contextmanager
def ready_session(
    common: Common,
    project: Project,
    selected: Sequence[str],
    request: RunRequest,
    *,
    verb: str,
    reverse: bool = False,
    continues: str | None = None,
) -> Iterator[Session]:
    """A session over the selected units. Accounts of an emulator that was started for it are bootstrapped first.

    ``continues``: id of the past run that it resumes.

    Raises:
        SetupError: something that the run needs is missing.
        CatalogueError: the policies are wrong.
    """
    with open_aws(common, project.catalogue) as aws:
        if aws.temporary:
            from orchestrator.cli.bootstrapping import bootstrap_quietly

            units = [project.catalogue.units[id_] for id_ in selected]
            bootstrap_quietly(common, project, aws, accounts_touched(project.catalogue, units))
        opened = open_session(common, project, aws, selected, request, verb=verb, reverse=reverse, continues=continues)
        with opened as session:
            yield session
