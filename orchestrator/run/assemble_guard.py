"""Assembles the guard of a run, and checks everything that it can check before a unit runs."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import suppress
from dataclasses import replace

from orchestrator.aws.state.stage_records import StageRecords
from orchestrator.errors import SetupError
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.rules.accounts import trusted_lock
from orchestrator.guard.rules.code import CodeScanner
from orchestrator.guard.trust.base_commit import BaseCommit
from orchestrator.guard.trust.live_files import changed_baselines
from orchestrator.guard.trust.live_modules import merged_modules
from orchestrator.guard.trust.live_programs import unmerged_programs
from orchestrator.guard.trust.trust import Trust
from orchestrator.run.assemble import Access
from orchestrator.run.checks.before_run import check_before_run
from orchestrator.run.context import Guard
from orchestrator.run.disposable.check import DisposableCheck
from orchestrator.run.request import REHEARSE, RunRequest
from orchestrator.util.git import Repository


def assemble_guard(
    request: RunRequest, trust: Trust, repository: Repository | None, checks: Checks, access: Access
) -> Guard:
    """Return the guard of a run, with the units that must not be planned.

    Args:
        request: what the run is made for.
        trust: whose policies and waivers count.
        repository: the git repository; None if there is none.
        checks: the checks of these policies.
        access: reads the states and the ledgers.

    Raises:
        SetupError: something that the run needs is missing.
        UsageError: a stage that exists was made disposable, or the key is not merged.
        OrchError: a ledger cannot be read.
    """
    catalogue = request.catalogue
    judge = access.judge(trust, checks)
    blocked = check_before_run(
        catalogue,
        access.identities,
        access.states,
        access.ledger,
        request.units,
        judge=judge,
        lock=trusted_lock(catalogue.root, repository, trust.base, emulated=access.identities.emulator is not None),
        command=request.checked_as,
        compare=request.orphan_providers is None,
    )
    unmerged = changed_baselines(catalogue, repository, trust.base, request.units)
    programs = unmerged_programs(catalogue, repository, trust.base, request.units)
    free = [unit for unit in request.units if unit.accounts.isdisjoint(blocked.accounts)]
    check = DisposableCheck(catalogue, repository, trust.base, access.ledger, StageRecords(access.identities))
    # A rehearsal creates nothing that lasts: a new disposable stage need not be merged before it.
    disposable, notes = check.check(free, "plan" if request.command == REHEARSE else request.checked_as)
    return Guard(
        judge=access.judge(trust, checks, disposable),
        scanner=CodeScanner(catalogue, merged=merged_modules(catalogue, repository, trust.base)),
        blocked=replace(blocked, refused={**blocked.refused, **unmerged, **programs}, notes=(*blocked.notes, *notes)),
        changed_lines=_changed_lines(repository, trust.base),
    )


def _changed_lines(repository: Repository | None, base: BaseCommit | None) -> Mapping[str, tuple[tuple[int, int], ...]]:
    """Return the lines that differ from where the change began; none if git cannot tell. No verdict depends on them."""
    if repository is None or base is None:
        return {}
    with suppress(SetupError):
        return repository.changed_lines(base.forked, ("live", "modules", "policies"))
    return {}
