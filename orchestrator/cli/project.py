"""The loaded configuration, and the units and accounts that a command line names."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.cli.context import Common
from orchestrator.config.catalogue import Account, Catalogue, Unit
from orchestrator.config.changed import changed_units, why_changed
from orchestrator.config.graph import Graph
from orchestrator.config.load import find_root, load
from orchestrator.config.nodes import PlainValue
from orchestrator.config.select import select, why_selected
from orchestrator.errors import UsageError
from orchestrator.guard.trust.live_files import trusted_live
from orchestrator.run.request import RunOptions, RunRequest
from orchestrator.util.plural import plural


@dataclass(frozen=True, slots=True)
class Project:
    """A loaded catalogue and the graph of all its units."""

    catalogue: Catalogue
    graph: Graph

    def select(
        self, targets: Sequence[str], *, exclude: Sequence[str] = (), changed: str | None = None
    ) -> tuple[str, ...]:
        """Return the ids of the units that the targets match, in graph order.

        Args:
            targets: what was typed: stages, units, globs, ``account:NAME``, …
            exclude: targets to leave out.
            changed: a git revision: only units whose files differ from it.

        Raises:
            UsageError: a target matches nothing, or ``exclude`` leaves no unit. That none has changed is no error.
        """
        differing = None if changed is None else changed_units(self.catalogue, self.graph, changed)
        return select(self.catalogue, self.graph, targets, exclude=exclude, changed=differing)

    def known(self, targets: Sequence[str]) -> tuple[str, ...]:
        """Return those targets that match a unit."""
        found = []
        for target in targets:
            with suppress(UsageError):
                if self.select([target]):
                    found.append(target)
        return tuple(found)

    def select_or_all(
        self, targets: Sequence[str] | None, *, exclude: Sequence[str] | None = None, changed: str | None = None
    ) -> tuple[str, ...]:
        """Return the same as ``select``; without targets all units.

        Raises:
            UsageError: a target matches nothing, or ``exclude`` leaves no unit.
        """
        if targets or exclude or changed is not None:
            return self.select(targets or ["*"], exclude=exclude or (), changed=changed)
        return self.graph.order

    def why(
        self, ids: Sequence[str], targets: Sequence[str] | None, *, changed: str | None = None
    ) -> dict[str, list[str]]:
        """Return unit -> why it is selected: changed files, an upstream that changed, or the target that names it.

        Raises:
            UsageError: a target matches nothing.
        """
        if changed is not None:
            files = why_changed(self.catalogue, self.graph, changed)
            return {id_: list(files[id_]) for id_ in ids}
        named = why_selected(self.catalogue, self.graph, targets or ())
        return {id_: [named[id_]] if id_ in named else ["all units"] for id_ in ids}

    def request(self, command: str, options: RunOptions, *, reverse: bool = False) -> RunRequest:
        """Return the request for a run over the units that the options select: none if ``changed`` leaves none.

        Raises:
            UsageError: a target matches no unit, or ``exclude`` leaves none.
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
        """Return the one unit that a target matches.

        Raises:
            UsageError: it matches no unit, or several.
        """
        found = self.select([text])
        if len(found) != 1:
            message = f"{text!r} matches {plural(len(found), 'unit')}, and this command takes one"
            raise UsageError(message, hint="name one of " + ", ".join(found[:5]) + (", …" if len(found) > 5 else ""))
        return self.catalogue.units[found[0]]

    def module_of(self, unit: Unit) -> str:
        """Return a unit's module as written in ``live/``: a folder of the repository, or a registry address."""
        path = unit.module.path
        return path.relative_to(self.catalogue.root).as_posix() if path else unit.module.address

    def account(self, name: str) -> Account:
        """Return the account with a name.

        Raises:
            UsageError: there is none.
        """
        account = self.catalogue.accounts.get(name)
        if account is None:
            message = f"there is no account {name!r}"
            raise UsageError(message, hint="accounts: " + ", ".join(sorted(self.catalogue.accounts)))
        return account

    def named_accounts(self, names: Sequence[str] | None) -> list[Account]:
        """Return the accounts with these names, each once.

        Raises:
            UsageError: no name was given, or there is no account with one of them.
        """
        if not names:
            hint = "accounts: " + ", ".join(sorted(self.catalogue.accounts))
            raise UsageError("no account given", hint=hint)
        return [self.account(name) for name in dict.fromkeys(names)]


def start_folder(common: Common) -> Path:
    """Return the folder in which, and above which, to look for ``live/``."""
    return common.folder if common.folder.is_absolute() else Path.cwd() / common.folder


def open_project(common: Common, *, offline: bool = False, given: Mapping[str, PlainValue] | None = None) -> Project:
    """Find and load the configuration.

    In CI, what decides which programs run and with which rights comes from the protected commit.

    Args:
        common: the options of every command.
        offline: the command runs nothing and calls nothing, so the configuration counts as it is written.
        given: the values of this run, by name.

    Raises:
        UsageError: there is no ``live/orch.yaml`` here or above, or a value of the run is not declared there.
        CatalogueError: the configuration has errors.
        SetupError: in CI, if the target of the change cannot be determined.
    """
    root = find_root(start_folder(common))
    return project_of(load(root, trusted=None if offline else trusted_live(root, os.environ), given=given))


def project_of(catalogue: Catalogue) -> Project:
    """Return a loaded catalogue together with its graph."""
    return Project(catalogue=catalogue, graph=Graph.of(catalogue.units))
