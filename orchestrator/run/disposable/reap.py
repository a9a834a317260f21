"""Puts together what decides, outside of a run, which stages exist and which are disposable."""

from __future__ import annotations

import os

from orchestrator.aws.endpoint import EmulatorEndpoint
from orchestrator.aws.state.stage_records import StageRecords
from orchestrator.config.catalogue import Catalogue
from orchestrator.guard.trust.trust import load_trust
from orchestrator.run.assemble import Access
from orchestrator.run.disposable.check import DisposableCheck
from orchestrator.util.git import Repository


def reap_check(catalogue: Catalogue, emulator: EmulatorEndpoint | None) -> tuple[Access, DisposableCheck]:
    """Return what reads the states of stages, and what decides which stages are disposable.

    Args:
        catalogue: the configuration.
        emulator: the running emulator; None for AWS.

    Raises:
        CatalogueError: the policies are invalid.
        SetupError: in CI, if the target of the change cannot be determined.
    """
    repository = Repository.find(catalogue.root)
    trust = load_trust(catalogue.root, repository, os.environ)
    access = Access.of(catalogue, trust, emulator)
    check = DisposableCheck(catalogue, repository, trust.base, access.ledger, StageRecords(access.identities))
    return access, check
