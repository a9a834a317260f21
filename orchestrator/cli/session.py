"""Opens the session of a command: against AWS, or an emulator, whose accounts it bootstraps if it was just started."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace

from orchestrator.cli.aws import open_aws
from orchestrator.cli.context import Common
from orchestrator.report.live.sink import Sink, console_sink
from orchestrator.run.apply_rules import ApprovalContext, in_ci
from orchestrator.run.context import accounts_touched
from orchestrator.run.request import RunRequest
from orchestrator.run.session import Session, open_session


def circumstances(common: Common, *, yes: bool, break_glass: bool = False) -> ApprovalContext:
    """Return what decides whether an apply is allowed."""
    return ApprovalContext(
        yes=yes,
        terminal=sys.stdin.isatty() and not common.json,
        emulated=common.emulator,
        ci=in_ci(os.environ),
        break_glass=break_glass,
    )


def console(common: Common) -> Sink:
    """Return the sink that shows a run on stderr."""
    return console_sink(sys.stderr, os.environ, no_color=common.no_color, quiet=common.quiet, verbose=common.verbose)


@contextmanager
def ready_session(common: Common, request: RunRequest) -> Iterator[Session]:
    """Open a session against AWS or the emulator. The accounts of a new emulator are bootstrapped first.

    Raises:
        SetupError: something that the run needs is missing.
        CatalogueError: the policies are invalid.
    """
    with open_aws(common, request.catalogue) as aws:
        if aws.temporary:
            from orchestrator.cli.account_setup import bootstrap_quietly  # noqa: PLC0415 - needed by a new emulator only

            bootstrap_quietly(common, request, aws, accounts_touched(request.catalogue, request.units))
        with open_session(replace(request, emulator=aws.emulator, cold=common.cold), console(common)) as session:
            yield session
