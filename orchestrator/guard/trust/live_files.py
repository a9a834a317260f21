"""What ``live/`` may decide in CI: programs and rights come from the protected commit, not from the change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.config.changed import unit_sources
from orchestrator.config.live.privileged import ACCOUNTS_FOLDER, ORCH_FILE, is_privileged, privileged_changes
from orchestrator.config.yaml.reader import parse_yaml
from orchestrator.config.yaml.validation import locate, to_plain
from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.guard.findings import finding_id
from orchestrator.guard.model import POLICY_WEAKENED, Finding
from orchestrator.guard.trust.base_commit import BaseCommit, find_base
from orchestrator.guard.trust.weakening import Weakening
from orchestrator.util.ci import is_protected
from orchestrator.util.git import LINK, SUBMODULE, Repository

_BASELINE = "baseline"


def trusted_live(root: Path, env: Mapping[str, str]) -> Mapping[str, bytes] | None:
    """Return ``live/orch.yaml`` and the accounts as in the protected commit, whose privileged keys count in CI.

    Args:
        root: the folder that contains ``live/``.
        env: the environment; it identifies CI systems and the target branch.

    Returns:
        file name -> content; None outside CI, and if the change does not touch these files.

    Raises:
        CatalogueError: one of the files is a link.
        SetupError: in CI, if the target of the change cannot be determined.
    """
    if not is_protected(env):
        return None
    repository = Repository.find(root)
    base = find_base(repository, env)
    if repository is None or base is None:
        return None
    before = _at(repository, base.commit)
    return None if before == _in_working_tree(root) else before


def live_weakenings(repository: Repository, commit: str) -> Iterator[Weakening]:
    """Yield the programs and rights that the working tree asks for and a commit does not have."""
    for each in privileged_changes(_at(repository, commit), _in_working_tree(repository.root)):
        yield Weakening(each.where, each.subject, each.what)


def changed_baselines(
    catalogue: Catalogue, repository: Repository | None, base: BaseCommit | None, units: Sequence[Unit]
) -> Mapping[str, Finding]:
    """Return the baselines that a change in CI must not plan: unit -> finding.

    The plan of a baseline runs under the bootstrap role, which may do everything in its account.

    Args:
        catalogue: the configuration.
        repository: the repository that contains it; None if there is none.
        base: the commit that policies come from; None outside a git repository.
        units: the units of the run.

    Raises:
        SetupError: git failed.
    """
    if repository is None or base is None or not base.protected:
        return {}
    found: dict[str, Finding] = {}
    for unit in units:
        if unit.baseline:
            where = _changed_part(catalogue, repository, base.forked, unit)
            if where is not None:
                found[unit.id] = _unmerged(unit, where)
    return found


def _changed_part(catalogue: Catalogue, repository: Repository, commit: str, unit: Unit) -> Location | None:
    differing = repository.differing(commit, sorted(unit_sources(catalogue, unit)))
    if differing:
        return Location(differing[0])
    name = f"{ACCOUNTS_FOLDER}/{unit.account}.yaml"
    after = _in_working_tree(repository.root).get(name, b"")
    if _entry(_at(repository, commit).get(name, b""), name) == _entry(after, name):
        return None
    return locate(parse_yaml(after, name), ["stacks", _BASELINE])[0]


def _entry(data: bytes, name: str) -> Any:
    """Return the entry of an account for its baseline, if it has one."""
    try:
        stacks = parse_yaml(data, name).get("stacks") if data else None
    except CatalogueError:
        return None
    found = stacks.get(_BASELINE) if stacks is not None else None
    return ("entry", to_plain(found, as_text=True)) if found is not None else None


def unmerged_unit(unit: Unit, subject: str, where: Location, *, message: str, cause: str) -> Finding:
    """Return the finding about a unit that a change in CI must not plan before it is merged.

    Args:
        unit: the unit.
        subject: what of it the change touches.
        where: where the change is.
        message: what is not planned, and why not.
        cause: why that matters.
    """
    return Finding(
        id=finding_id(POLICY_WEAKENED, unit.id, subject, ""),
        rule=POLICY_WEAKENED,
        unit=unit.id,
        address=subject,
        action="",
        cause=cause,
        message=message,
        hint="merge it; then the run on the protected branch plans it. To see the plan before: run orch plan "
        f"{unit.id} on your machine",
        where=where,
    )


def _unmerged(unit: Unit, where: Location) -> Finding:
    return unmerged_unit(
        unit,
        f"{where.file}: {_BASELINE} of {unit.account}",
        where,
        message=f"{unit.id} would change, so it is not planned before the change is merged",
        cause="a baseline is planned under the bootstrap role, and makes the roles of all other plans",
    )


def _at(repository: Repository, commit: str) -> dict[str, bytes]:
    blobs = {
        name: blob
        for name, blob in repository.files(commit, [ORCH_FILE, ACCOUNTS_FOLDER]).items()
        if is_privileged(name)
    }
    links = [name for name, blob in blobs.items() if blob.mode in {LINK, SUBMODULE}]
    if links:
        what = "symbolic links and submodules are not allowed here"
        raise CatalogueError([Problem(Location(name), what, "copy the files instead") for name in links])
    content = repository.contents(sorted({blob.id for blob in blobs.values()}))
    return {name: content[blob.id] for name, blob in blobs.items()}


def _in_working_tree(root: Path) -> dict[str, bytes]:
    folder = root / ACCOUNTS_FOLDER
    files = [root / ORCH_FILE, *(sorted(folder.iterdir()) if folder.is_dir() else ())]
    names = {file.relative_to(root).as_posix(): file for file in files if file.is_file()}
    return {name: file.read_bytes() for name, file in names.items() if is_privileged(name)}
