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
from orchestrator.config.live.scopes import UnitDraft
from orchestrator.config.yaml.validation import to_plain
from orchestrator.config.yaml.value import YamlValue
from orchestrator.errors import Location
from orchestrator.guard.model import Finding
from orchestrator.guard.trust.base_commit import BaseCommit
from orchestrator.guard.trust.disposable import outline_at
from orchestrator.guard.trust.live_files import unmerged_unit
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
    merged = outline_at(repository, base.forked)
    outline = read_outline(catalogue.root)
    drafts = {draft.id: draft for draft in outline.drafts}
    found: dict[str, Finding] = {}
    for unit in concerned:
        draft = drafts[unit.id]
        if _programs(draft, outline) not in _merged_programs(draft, merged):
            found[unit.id] = _unmerged(unit, draft.at)
        elif differing := repository.differing(base.forked, sorted(_read_by(catalogue, unit))):
            found[unit.id] = _unmerged(unit, Location(differing[0]))
    return found


def _merged_programs(draft: UnitDraft, merged: Outline | None) -> list[Any]:
    """Return the programs that a unit may run: its own as merged; if it is new, those of its stack in its account.

    The account counts because the path of a secret means another secret in another account.
    """
    if merged is None:
        return []
    own = [each for each in merged.drafts if each.id == draft.id]
    alike = [each for each in merged.drafts if each.stack == draft.stack and _account(each) == _account(draft)]
    return [_programs(each, merged) for each in own or alike]


def _account(draft: UnitDraft) -> str:
    return draft.scope.account.id


def _run_of(outline: Outline) -> Any:
    """Return the values of a run: their defaults can be arguments."""
    found = outline.files.orch.get("run") if outline.files.orch is not None else None
    return to_plain(found, as_text=True) if found is not None else None


def _programs(draft: UnitDraft, outline: Outline) -> Any:
    """Return what decides which programs a unit runs: builds, and providers with the secrets that they get."""
    body = draft.body
    archives, providers = _plain(body, "archives"), _plain(body, "providers")
    builds = {name: each for name, each in archives.items() if isinstance(each, dict) and "build" in each}
    configured = {name: each for name, each in providers.items() if name.partition(".")[0] != "aws"}
    return builds, configured, (_plain(body, "secrets"), _run_of(outline)) if configured else None


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
    kinds = ["build"] if any(each.build for each in unit.archives) else []
    kinds += ["provider"] if unit.configured else []
    what = " or ".join(kinds)
    return unmerged_unit(
        unit,
        what,
        where,
        message=f"{unit.id} has a {what} that the change would run differently, so it is not planned before the merge",
        cause="the command of a build is a program, and a provider's arguments decide where its secrets go",
    )
