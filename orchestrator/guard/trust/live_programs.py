"""Programs of stacks in CI: the commands of builds, and what decides where a provider sends its secrets.

The command of a build is a program, and so is all that it reads. The arguments of a provider can name programs
(``exec``) and servers, which then get the secrets. A unit with one of them is not planned while a change of it is not
merged.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from orchestrator.config.catalogue import Catalogue, Unit, provider_references
from orchestrator.config.changed import all_sources
from orchestrator.config.live.outline import Outline, read_outline
from orchestrator.config.yaml.validation import to_plain
from orchestrator.config.yaml.value import YamlValue
from orchestrator.errors import Location
from orchestrator.guard.findings import finding_id
from orchestrator.guard.model import POLICY_WEAKENED, Finding
from orchestrator.guard.trust.base_commit import BaseCommit
from orchestrator.guard.trust.disposable import outline_at
from orchestrator.util.file_tree import file_tree, steps_of
from orchestrator.util.git import Repository


def unmerged_programs(
    catalogue: Catalogue, repository: Repository | None, base: BaseCommit | None, units: Sequence[Unit]
) -> Mapping[str, Finding]:
    """Return the units that a change in CI must not plan, because of a build or a provider: unit -> finding.

    Args:
        catalogue: the configuration.
        repository: the repository that contains it; None if there is none.
        base: the commit that policies come from; None outside a git repository.
        units: the units of the run.

    Raises:
        SetupError: git failed.
    """
    concerned = [unit for unit in units if unit.configured or any(each.build for each in unit.archives)]
    if repository is None or base is None or not base.protected or not concerned:
        return {}
    merged = _by_stack(outline_at(repository, base.forked))
    mine = {draft.id: (draft.body, draft.at) for draft in read_outline(catalogue.root).drafts}
    run = _run_of(read_outline(catalogue.root))
    found: dict[str, Finding] = {}
    for unit in concerned:
        body, at = mine[unit.id]
        if (_programs(body, run)) not in merged.get(unit.stack, []):
            found[unit.id] = _unmerged(unit, at)
        elif differing := repository.differing(base.forked, sorted(_read_by(catalogue, unit))):
            found[unit.id] = _unmerged(unit, Location(differing[0]))
    return found


def _by_stack(outline: Outline | None) -> dict[str, list[Any]]:
    """Return stack -> the programs of each of its units."""
    merged: dict[str, list[Any]] = {}
    for draft in outline.drafts if outline is not None else ():
        merged.setdefault(draft.stack, []).append(_programs(draft.body, _run_of(outline)))
    return merged


def _run_of(outline: Outline | None) -> Any:
    """Return the values of a run: their defaults can be arguments."""
    found = outline.files.orch.get("run") if outline is not None and outline.files.orch is not None else None
    return to_plain(found, as_text=True) if found is not None else None


def _programs(body: YamlValue, run: Any) -> Any:
    """Return what decides which programs a unit runs: builds, and providers with the secrets that they get."""
    archives, providers = _plain(body, "archives"), _plain(body, "providers")
    builds = {name: each for name, each in archives.items() if isinstance(each, dict) and "build" in each}
    configured = {name: each for name, each in providers.items() if name.partition(".")[0] != "aws"}
    return builds, configured, (_plain(body, "secrets"), run) if configured else None


def _plain(body: YamlValue, key: str) -> dict[str, Any]:
    found = body.get(key)
    return dict(to_plain(found, as_text=True)) if found is not None else {}


def _read_by(catalogue: Catalogue, unit: Unit) -> Iterator[str]:
    """Yield the files and folders that builds and provider arguments of a unit come from."""
    for archive in unit.archives:
        if archive.build is not None:
            yield from _with_links(archive.folder, catalogue.root)
    above = {ref.unit for _, ref in provider_references(unit)}
    waiting = list(above)
    while waiting:
        upstream = catalogue.units[waiting.pop()]
        yield from all_sources(catalogue, upstream)
        new = set(upstream.upstreams) - above
        above |= new
        waiting += sorted(new)


def _with_links(folder: Path, root: Path) -> Iterator[str]:
    """Yield a folder, and every link in it or on the way to it with what it leads to: a build reads all of that."""
    for path in (folder, *file_tree(folder, root, lambda _: False).links):
        for step in (path, *steps_of(path, root)):
            if step.is_relative_to(root):
                name = step.relative_to(root).as_posix()
                yield from (name, f"{name}/")


def _unmerged(unit: Unit, where: Location) -> Finding:
    what = "build" if any(each.build for each in unit.archives) else "provider"
    both = what if not (unit.configured and what == "build") else "build or provider"
    return Finding(
        id=finding_id(POLICY_WEAKENED, unit.id, both, ""),
        rule=POLICY_WEAKENED,
        unit=unit.id,
        address=both,
        action="",
        cause="the command of a build is a program, and a provider's arguments decide where its secrets go",
        message=f"{unit.id} has a {both} that the change would run differently, so it is not planned before the merge",
        hint="merge it; then the run on the protected branch plans it. To see the plan before: run orch plan "
        f"{unit.id} on your machine",
        where=where,
    )
