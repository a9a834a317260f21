"""``orch doctor``: what is missing on this machine and in the accounts, and how to fix it."""

from __future__ import annotations

import os
import platform
import re
import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from orchestrator.aws.identity.identities import Identities
from orchestrator.aws.identity.profiles import clean_environment
from orchestrator.aws.identity.roles import Role
from orchestrator.aws.preflight import FREE_BYTES, Need, preflight
from orchestrator.cli.account_setup import check_accounts_lock, missing_in_accounts_lock
from orchestrator.cli.aws import Aws, open_aws
from orchestrator.cli.context import Common, command
from orchestrator.cli.output import print_rows
from orchestrator.cli.project import Project, open_project
from orchestrator.config.accounts_lock import FILE
from orchestrator.config.catalogue import Account, Provider, has_baseline
from orchestrator.errors import OrchError
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.policies.load import Policies
from orchestrator.report.tables import Column
from orchestrator.run.checks.roles import RoleCheck, RoleState
from orchestrator.run.disposable.stages import expired, expiry_note, today_utc
from orchestrator.run.executor.tls import INSTALL_DASK, cluster_problems, has_dask
from orchestrator.terraform.setup.binary import find_binary, user_cache
from orchestrator.terraform.setup.cliconfig import find_mirror
from orchestrator.terraform.setup.install import this_platform
from orchestrator.terraform.setup.lock_file import SHARED_LOCK_FILE, locked_providers
from orchestrator.terraform.setup.mirrors import ProviderPackage
from orchestrator.terraform.setup.providers import address as provider_address
from orchestrator.terraform.setup.providers import ensure_available, meets_constraint, sorted_providers
from orchestrator.terraform.warm.providers import diagnose
from orchestrator.terraform.warm.server.package import NOT_LOCKED
from orchestrator.terraform.warm.start import provider_server
from orchestrator.util.plural import plural

T = TypeVar("T")

_COUNT = re.compile(r"[0-9]+ problems:")
"""The first line of an error that has several."""

_SHOWN = frozenset(
    {"AWS_CA_BUNDLE", "AWS_CONFIG_FILE", "AWS_DEFAULT_REGION", "AWS_ENDPOINT_URL", "AWS_PROFILE", "AWS_REGION"}
    | {"AWS_SHARED_CREDENTIALS_FILE", "ORCH_AWS", "ORCH_COLD", "ORCH_PROVIDER_MIRROR", "TF_CLI_CONFIG_FILE"}
    | {"TF_LOG", "TF_PLUGIN_CACHE_DIR", "XDG_CACHE_HOME"}
)
"""What ``--verbose`` shows of the environment."""

_LOCK_IT = "run `orch providers lock`"
_PROVIDER_BYTES = 700_000_000
"""Size of the AWS provider, which the first init unpacks."""


@dataclass(frozen=True, slots=True)
class Diagnosis:
    """The result of one check. ``right`` is None for what matters only sometimes."""

    what: str
    right: bool | None
    detail: str


@command
def doctor(common: Common) -> int:
    """Check this machine and the accounts for problems.

    Exits with 2 if something that a run requires is missing.
    """
    findings = [*_machine(), *(_environment() if common.verbose else ())]
    project = _try(lambda: open_project(common))
    if isinstance(project, str):
        findings.append(Diagnosis("configuration", right=False, detail=project))
    else:
        findings += _configuration(common, project)
    rows = [
        {"what": each.what, "state": _state(each), "detail": line} for each in findings for line in _lines(each.detail)
    ]
    print_rows(common, "doctor", rows, [Column("what"), Column("state"), Column("detail", wrap=True)])
    return 2 if any(each.right is False for each in findings) else 0


def _state(finding: Diagnosis) -> str:
    return {True: "ok", False: "error", None: "note"}[finding.right]


def _lines(detail: str) -> list[str]:
    """Return the problems of a finding, each for a row of its own."""
    lines = [line.strip() for line in detail.splitlines() if line.strip()]
    return [line for line in lines if not _COUNT.fullmatch(line)] or [""]


def _try(function: Callable[[], T]) -> T | str:
    try:
        return function()
    except OrchError as error:
        return str(error)


def _machine() -> Iterator[Diagnosis]:
    yield Diagnosis("python", right=True, detail=platform.python_version())
    git = shutil.which("git")
    yield Diagnosis(
        "git", None if git is None else True, git or "not on PATH; required for restricted accounts and --changed"
    )
    yield _disk(tempfile.gettempdir())
    yield _cluster(os.environ.get("DASK_SCHEDULER_ADDRESS") or None)


def _environment() -> Iterator[Diagnosis]:
    """Yield the variables that choose accounts, programs and folders; none of them is a secret."""
    for name in sorted(_SHOWN & os.environ.keys()):
        yield Diagnosis("environment", right=True, detail=f"{name}={os.environ[name]}")


def _cluster(address: str | None) -> Diagnosis:
    """Say whether this machine can use a cluster. It is only a note, because runs use threads unless told otherwise."""
    if not has_dask():
        return Diagnosis("dask", right=None, detail=f"not installed; --executor dask requires: {INSTALL_DASK}")
    problems = cluster_problems(address)
    if problems:
        if address is None:
            return Diagnosis("dask", right=None, detail="installed; not set up for --executor dask (docs/scale.md)")
        return Diagnosis("dask", right=None, detail="\n".join(f"for --executor dask: {each}" for each in problems))
    return Diagnosis("dask", right=True, detail=f"installed; scheduler {address or 'not set'}")


def _disk(folder: str) -> Diagnosis:
    free = shutil.disk_usage(folder).free
    detail = f"{free / 1e9:.1f} GB free in {folder}"
    if FREE_BYTES <= free < FREE_BYTES + _PROVIDER_BYTES:
        return Diagnosis("disk", right=None, detail=f"{detail}; the first init unpacks {_PROVIDER_BYTES / 1e9:.1f} GB")
    return Diagnosis("disk", right=free >= FREE_BYTES, detail=detail)


def _configuration(common: Common, project: Project) -> Iterator[Diagnosis]:
    catalogue = project.catalogue
    yield Diagnosis("configuration", right=True, detail=f"{plural(len(catalogue.units), 'unit')} in {catalogue.root}")
    lock = catalogue.root / SHARED_LOCK_FILE
    detail = SHARED_LOCK_FILE.as_posix() if lock.is_file() else "missing: run `orch providers lock`"
    yield Diagnosis("provider lock", lock.is_file(), detail)
    yield _accounts_lock(common, project)
    yield from _expired_stages(project)
    yield _checks(project)
    binary = _try(lambda: find_binary(catalogue.settings, env=os.environ, cache=user_cache(os.environ)))
    if isinstance(binary, str):
        yield Diagnosis("terraform", right=False, detail=binary)
    else:
        yield Diagnosis(binary.kind, right=True, detail=f"{binary.version} at {binary.path}")
    mirror = _try(lambda: find_mirror(os.environ))
    if isinstance(mirror, str):
        yield Diagnosis("providers", right=False, detail=mirror)
    else:
        yield Diagnosis("providers", right=True, detail=f"mirror {mirror}" if mirror else "registry")
        yield from _listed_providers(project)
    if lock.is_file() and not isinstance(mirror, str):
        yield from _warm_providers(common, project, lock.read_text(encoding="utf-8"))
    with open_aws(common, catalogue) as aws:
        yield from _accounts(project, aws)


def _warm_providers(common: Common, project: Project, lock_text: str) -> Iterator[Diagnosis]:
    """Say for each locked provider whether it keeps running between the Terraform commands of a run."""
    settings, folder = project.catalogue.settings, project.catalogue.root
    environment = clean_environment(os.environ, emulated=common.emulator)
    cache = user_cache(os.environ)
    with provider_server(settings, folder, env=os.environ, cache=cache, slots=1, cold=common.cold) as started:
        for address, reason in diagnose(started, lock_text, environment).items():
            what = f"provider {address.rsplit('/', 1)[1]}"
            if reason.startswith(NOT_LOCKED):
                detail = (
                    f"the package for {this_platform()} is not the one in {SHARED_LOCK_FILE.as_posix()}: {_LOCK_IT}"
                )
                yield Diagnosis(what, right=False, detail=detail)
                continue
            yield Diagnosis(what, right=None if reason else True, detail=f"cold: {reason}" if reason else "warm")


def _listed_providers(project: Project) -> Iterator[Diagnosis]:
    """Say which providers of ``live/orch.yaml`` are not there, or not locked: what a plan checks before it begins."""
    settings, lock = project.catalogue.settings, project.catalogue.root / SHARED_LOCK_FILE
    locked = locked_providers(lock.read_text(encoding="utf-8")) if lock.is_file() else None
    for provider in sorted_providers(settings):
        one, cache = replace(settings, providers={provider.name: provider}), user_cache(os.environ)
        missing = _try(lambda one=one, cache=cache: ensure_available(one, env=os.environ, cache=cache))  # type: ignore[misc]
        problems = [missing] if isinstance(missing, str) else []
        problems += _lock_problems(provider, settings.binary, locked) if locked is not None else ()
        if problems:
            yield Diagnosis(f"provider {provider.name}", right=False, detail="\n".join(problems))


def _lock_problems(provider: Provider, binary: str, locked: Mapping[str, str]) -> Iterator[str]:
    """Yield what is wrong with the entry of a provider in the lock file. ``locked``: address -> version."""
    name, file = provider_address(provider, binary), SHARED_LOCK_FILE.as_posix()
    if name not in locked:
        yield f"{provider.source} is in live/orch.yaml, but not in {file}: {_LOCK_IT}"
    elif not meets_constraint(ProviderPackage(name, locked[name], ""), provider):
        has = f"{file} has {provider.source} {locked[name]}"
        yield f"{has}, and live/orch.yaml wants {provider.version}: {_LOCK_IT}"


def _accounts_lock(common: Common, project: Project) -> Diagnosis:
    """Check that ``live/accounts.lock.yaml`` lists every account, with the same id, region and bucket."""
    missing = _try(lambda: missing_in_accounts_lock(common, project))
    wrong = _try(lambda: check_accounts_lock(common, project, project.catalogue.accounts.values()))
    if isinstance(missing, str) or wrong is not None:
        return Diagnosis("accounts lock", right=False, detail=missing if isinstance(missing, str) else str(wrong))
    if missing:
        detail = f"{FILE} does not list {', '.join(missing)}: run `orch bootstrap {missing[0]}`"
        return Diagnosis("accounts lock", right=None, detail=detail)
    return Diagnosis("accounts lock", right=True, detail=FILE)


def _expired_stages(project: Project) -> Iterator[Diagnosis]:
    """Name each stage whose last day is over."""
    for stage in project.catalogue.stages.values():
        if expired(stage, today_utc()):
            yield Diagnosis(f"stage {stage.name}", right=None, detail=expiry_note(stage))


def _checks(project: Project) -> Diagnosis:
    """Start and load the checks of ``policies/`` as a run does."""

    def load() -> tuple[int, str]:
        with Checks(Policies.load(project.catalogue.root)) as checks:
            checks.load()
            return len(checks.by_id), checks.network()

    loaded = _try(load)
    if isinstance(loaded, str):
        return Diagnosis("checks", right=False, detail=loaded)
    count, network = loaded
    if network:
        return Diagnosis("checks", right=None, detail=f"{count} of policies/; they can reach the network: {network}")
    return Diagnosis("checks", right=True, detail=f"{count} of policies/, without access to the network")


def _accounts(project: Project, aws: Aws) -> Iterator[Diagnosis]:
    identities = Identities(project.catalogue, aws.emulator)
    for account in project.catalogue.accounts.values():
        if not account.created:
            detail = f"does not exist yet: `orch bootstrap {account.name}` creates it"
            yield Diagnosis(f"account {account.name}", right=None, detail=detail)
            continue
        need = {account.name: Need(frozenset({Role.PLAN, Role.APPLY}), bucket=True)}
        wrong = _try(lambda need=need: preflight(project.catalogue, identities, need, folders=[]))  # type: ignore[misc]
        detail = wrong if isinstance(wrong, str) else f"{account.id}: roles and state bucket exist"
        yield Diagnosis(f"account {account.name}", right=wrong is None, detail=detail)
        if wrong is None:
            yield _apply_role(project, identities, account)


def _apply_role(project: Project, identities: Identities, account: Account) -> Diagnosis:
    """Check that IAM denies the apply role what deletes protected resources."""
    what, name = f"apply role {account.name}", account.roles.apply

    def look() -> RoleState:
        protected = Policies.load(project.catalogue.root).protected
        return RoleCheck(project.catalogue, identities, protected.delete_apis).look(account)

    state = _try(look)
    if isinstance(state, str):
        return Diagnosis(what, right=False, detail=state)
    if state.finding is None and not state.note:
        return Diagnosis(what, right=True, detail=f"IAM denies {name} what deletes protected resources")
    detail = f"{state.finding.cause}: {state.finding.hint}" if state.finding is not None else state.note
    made_by_orch = state.finding is not None and has_baseline(project.catalogue, account)
    return Diagnosis(what, right=False if made_by_orch else None, detail=detail)
