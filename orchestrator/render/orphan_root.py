"""Renders roots for units that are no longer in ``live/``: backend and providers, but no resources."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.render.values import Upstream
from orchestrator.render.write import Rendered, RootRenderer


class OrphanRootRenderer(RootRenderer):
    """Renders roots without a module call, so that a plan destroys everything in the state.

    Args:
        catalogue: the configuration, including the former units.
        providers: unit -> names of its state's providers.
    """

    def __init__(self, catalogue: Catalogue, providers: Mapping[str, frozenset[str]]) -> None:
        super().__init__(catalogue)
        self._providers = providers

    def render(self, unit: Unit, upstream: Upstream, folder: Path) -> Rendered:  # noqa: ARG002 - reads no upstream
        """Write the root of a former unit into ``folder``, replacing it.

        Raises:
            CatalogueError: a provider is not in ``live/orch.yaml``.
        """
        return self._write(unit, None, self._renderer.bare(unit, self._providers[unit.id]), folder)
