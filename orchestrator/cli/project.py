"""From where the command was called to the catalogue, the selection and the accounts: what most verbs begin with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from orchestrator.cli.context import Common
from orchestrator.config.catalogue import Account, Catalogue, Unit
from orchestrator.config.graph import Graph
from orchestrator.config.load import find_root, load
from orchestrator.config.select import select
from orchestrator.errors import UsageError
from orchestrator.run.request import RunOptions, RunRequest


@dataclass(frozen=True, slots=True)
class Project:
    """A loaded catalogue and the graph of all of its units."""

    catalogue: Catalogue
    graph: Graph

    def select(
        self, targets: Sequence[str], *, exclude: Sequence[str] = (), changed: str | None = None
    ) -> tuple[str, ...]:
        """Ids of the units that the targets mean, in graph order.

        Raises:
            UsageError: a target means nothing, or nothing is left.
        """
        differing = None
        if changed is not None:
            from orchestrator.config.changed import changed_units

            differing = changed_units(self.catalogue, self.graph, changed)
        return select(self.catalogue, self.graph, targets, exclude=exclude, changed=differing)

    def request(self, command: str, options: RunOptions, *, reverse: bool = False) -> RunRequest:
        """Return the request for a run over the units that the options select.

        Raises:
            UsageError: a target matches no unit, or no unit remains.
        """
        selected = self.select(options.targets, exclude=options.exclude, changed=options.changed)
        return self.request_for(command, options, selected, reverse=reverse)

    def request_for(
        self,
        command: str,
        options: RunOptions,
        selected: Sequence[str],
        *,
        reverse: bool = False,
        continues: str | None = None,
    ) -> RunRequest:
        """Return the request for a run over given units."""
        return RunRequest(
            command=command,
            catalogue=self.catalogue,
            graph=self.graph,
            selected=selected,
            options=options,
            reverse=reverse,
            continues=continues,
        )

    def unit(self, text: str) -> Unit:
        """The one unit that a person named.

        Raises:
            UsageError: no such unit, or more than one.
        """
        found = self.select([text])
        if len(found) != 1:
            message = f"{text} means {len(found)} units; name one"
            raise UsageError(message, hint=", ".join(found[:5]))
        return self.catalogue.units[found[0]]

    def module_of(self, unit: Unit) -> str:
        """A unit's module as people know it: its folder in the repository, or its address."""
        path = unit.module.path
        return path.relative_to(self.catalogue.root).as_posix() if path else unit.module.address

    def account(self, name: str) -> Account:
        """The account with a name.

        Raises:
            UsageError: there is none.
        """
        account = self.catalogue.accounts.get(name)
        if account is None:
            message = f"there is no account {name!r}"
            raise UsageError(message, hint="accounts: " + ", ".join(sorted(self.catalogue.accounts)))
        return account


def start_folder(common: Common) -> Path:
    """The folder that the catalogue is looked for in, and above."""
    return common.folder if common.folder.is_absolute() else Path.cwd() / common.folder


def open_project(common: Common) -> Project:
    """Find and load the catalogue.

    Raises:
        CatalogueError, UsageError: there is none, or it is wrong.
    """
    return project_of(load(find_root(start_folder(common))))


def project_of(catalogue: Catalogue) -> Project:
    """A loaded catalogue with its graph."""
    return Project(catalogue=catalogue, graph=Graph.of(catalogue.units))
