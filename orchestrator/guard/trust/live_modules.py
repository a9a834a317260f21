"""Modules that Terraform downloads in CI: the protected commit decides which, and what they may read.

The module of a stack is code of somebody else. If a change could name it, its author could publish it, too. A
downloaded module can read files whose names nobody can tell before the plan; in what was merged, that is only told.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

from orchestrator.config.catalogue import Catalogue
from orchestrator.config.changed import units_made_of
from orchestrator.config.graph import Graph
from orchestrator.config.live.outline import Outline, read_outline
from orchestrator.config.live.scopes import UnitDraft
from orchestrator.config.live.sources import module_source
from orchestrator.config.yaml.validation import to_plain
from orchestrator.errors import Location
from orchestrator.guard.trust.base_commit import BaseCommit
from orchestrator.guard.trust.disposable import outline_at
from orchestrator.hcl.modules.sources import package_of
from orchestrator.util.git import Repository

_NO_VALUES = frozenset(
    {"checks", "environment", "format", "module_sources", "orch", "providers", "retry", "terraform", "timeouts", "warm"}
)
"""Keys of ``live/orch.yaml`` that no input of a unit can have a value of."""
_NOWHERE = Location("")


@dataclass(frozen=True, slots=True)
class MergedModules:
    """What of a change in CI is merged, as far as downloaded modules are concerned.

    Attributes:
        packages: those that the stacks of the protected commit name, as in `package_of`.
        changed: units that the change plans with other values or modules than before it, directly or by an upstream.
    """

    packages: frozenset[str]
    changed: frozenset[str]


def merged_modules(
    catalogue: Catalogue, repository: Repository | None, base: BaseCommit | None
) -> Callable[[], MergedModules] | None:
    """Return what tells which modules are merged, when it is asked; None outside CI, where that does not matter.

    Args:
        catalogue: the configuration.
        repository: the repository that contains it; None if there is none.
        base: the commit that policies come from; None outside a git repository.

    Raises:
        SetupError: by what is returned: git failed.
    """
    if repository is None or base is None or not base.protected:
        return None

    @cache
    def tell() -> MergedModules:
        merged = outline_at(repository, base.commit)
        packages = frozenset(_packages(catalogue, merged)) if merged is not None else frozenset()
        return MergedModules(packages, _changed(catalogue, repository, base.forked))

    return tell


def _packages(catalogue: Catalogue, merged: Outline) -> Iterator[str]:
    for draft in merged.drafts:
        source = module_source(draft.body, draft.at, catalogue.root, [])
        if source is not None and source.path is None:
            yield package_of(source.address)


def _changed(catalogue: Catalogue, repository: Repository, forked: str) -> frozenset[str]:
    """Return the units whose values or modules a change touches, and those below them."""
    before, after = outline_at(repository, forked), read_outline(catalogue.root)
    if before is None or _settings(before) != _settings(after):
        return frozenset(catalogue.units)
    known = {draft.id: _values(draft) for draft in before.drafts}
    found = frozenset(draft.id for draft in after.drafts if known.get(draft.id) != _values(draft))
    found |= units_made_of(catalogue, repository.differing(forked, ["."]))
    return found | Graph.of(catalogue.units).below(found & catalogue.units.keys())


def _settings(outline: Outline) -> Any:
    found = outline.files.orch
    plain = dict(to_plain(found, as_text=True)) if found is not None else {}
    return {key: value for key, value in plain.items() if key not in _NO_VALUES}


def _values(draft: UnitDraft) -> Any:
    """Return what the inputs of a unit can be made of."""
    scope = draft.scope
    uses = {name: to_plain(value, as_text=True) for name, value in scope.uses.items()}
    return to_plain(draft.body, as_text=True), draft.region, replace(scope.account, at=_NOWHERE), uses, scope.named
