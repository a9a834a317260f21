"""``orch doctor``: what is missing on this machine and in the accounts, and how to get it."""

from __future__ import annotations

import os
import platform
import shutil
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import TypeVar

from orchestrator.aws.identity.roles import Identities, Role
from orchestrator.aws.preflight import Need, preflight
from orchestrator.cli.aws import Aws, open_aws
from orchestrator.cli.context import Common
from orchestrator.cli.output import print_rows
from orchestrator.cli.project import Project, open_project
from orchestrator.cli.recording import check_record, unrecorded
from orchestrator.config.accounts_lock import FILE
from orchestrator.errors import OrchError
from orchestrator.render.write import CATALOGUE_LOCK_FILE
from orchestrator.report.tables import Column
from orchestrator.terraform.setup.binary import find_binary, user_cache
from orchestrator.terraform.setup.cliconfig import find_mirror

T = TypeVar("T")

FREE_BYTES = 1_000_000_000
"""A provider takes 700 MB unpacked; below this the first init may fill the disk."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """One thing that was looked at. ``right`` None: it matters only sometimes."""

    what: str
    right: bool | None
    detail: str


def run(common: Common) -> int:
    """Look at everything, whatever else is wrong; exit code 2 when something that a run needs is missing."""
    findings = list(_machine())
    project = _try(lambda: open_project(common))
    if isinstance(project, str):
        findings.append(Diagnosis("catalogue", right=False, detail=project))
    else:
        findings += _of_catalogue(common, project)
    rows = [{"what": each.what, "state": _state(each), "detail": each.detail} for each in findings]
    print_rows(common, "doctor", rows, [Column("what"), Column("state"), Column("detail")])
    return 2 if any(each.right is False for each in findings) else 0


def _state(finding: Diagnosis) -> str:
    return {True: "right", False: "wrong", None: "note"}[finding.right]


def _try(function: Callable[[], T]) -> T | str:
    try:
        return function()
    except OrchError as error:
        return str(error).splitlines()[0]


def _machine() -> Iterator[Diagnosis]:
    yield Diagnosis("python", right=True, detail=platform.python_version())
    git = shutil.which("git")
    yield Diagnosis(
        "git", None if git is None else True, git or "not on PATH; restricted accounts and --changed need it"
    )
    free = shutil.disk_usage(tempfile.gettempdir()).free
    yield Diagnosis("disk", free >= FREE_BYTES, f"{free / 1e9:.1f} GB free in {tempfile.gettempdir()}")


def _of_catalogue(common: Common, project: Project) -> Iterator[Diagnosis]:
    catalogue = project.catalogue
    yield Diagnosis("catalogue", right=True, detail=f"{len(catalogue.units)} units in {catalogue.root}")
    lock = catalogue.root / CATALOGUE_LOCK_FILE
    yield Diagnosis("provider lock", lock.is_file(), CATALOGUE_LOCK_FILE if lock.is_file() else "orch providers lock")
    yield _record(project)
    binary = _try(lambda: find_binary(catalogue.settings, env=os.environ, cache=user_cache(os.environ)))
    if isinstance(binary, str):
        yield Diagnosis("terraform", right=False, detail=binary)
    else:
        yield Diagnosis(binary.kind, right=True, detail=f"{binary.version} at {binary.path}")
    mirror = _try(lambda: find_mirror(os.environ))
    if isinstance(mirror, str):
        yield Diagnosis("providers", right=False, detail=mirror)
    else:
        yield Diagnosis("providers", right=True, detail=f"mirror {mirror}" if mirror else "the registry")
    with open_aws(common, catalogue) as aws:
        yield from _accounts(project, aws)


def _record(project: Project) -> Diagnosis:
    """Whether the record of the accounts knows all of them, and says the same."""
    missing = _try(lambda: unrecorded(project))
    wrong = _try(lambda: check_record(project, project.catalogue.accounts.values()))
    if isinstance(missing, str) or wrong is not None:
        return Diagnosis("accounts record", right=False, detail=missing if isinstance(missing, str) else str(wrong))
    if missing:
        detail = f"{FILE} does not have {', '.join(missing)}: `orch bootstrap {missing[0]}` writes it"
        return Diagnosis("accounts record", right=None, detail=detail)
    return Diagnosis("accounts record", right=True, detail=FILE)


def _accounts(project: Project, aws: Aws) -> Iterator[Diagnosis]:
    identities = Identities(project.catalogue, aws.emulator)
    for account in project.catalogue.accounts.values():
        need = {account.name: Need(frozenset({Role.PLAN, Role.APPLY}), bucket=True)}
        wrong = _try(lambda need=need: preflight(project.catalogue, identities, need, folders=[]))  # type: ignore[misc]
        detail = wrong if isinstance(wrong, str) else f"{account.id}: roles and state bucket are there"
        yield Diagnosis(f"account {account.name}", right=wrong is None, detail=detail)
