"""Roots for what is left of units that are no longer in ``live/``: state and providers, and nothing to keep."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.render.values import Upstream
from orchestrator.render.write import Rendered, RootRenderer


class OrphanRootRenderer(RootRenderer):
    """Writes roots without a module call, so that a plan of them destroys whatever the state has.

    Args:
        catalogue: has the former units.
        providers: unit -> names of the providers that its state is of.
    """

    def __init__(self, catalogue: Catalogue, providers: Mapping[str, frozenset[str]]) -> None:
        super().__init__(catalogue)
        self._providers = providers

    def render(self, unit: Unit, upstream: Upstream, folder: Path) -> Rendered:  # noqa: ARG002 - it reads nothing
        """Write the root of a former unit into ``folder``, which it replaces.

        Raises:
            CatalogueError: a provider is not in ``live/orch.yaml``.
        """
        return self._write(unit, None, self._renderer.bare(unit, self._providers[unit.id]), folder)
