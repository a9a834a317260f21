"""Compares the units of two configurations: everything that decides what Terraform gets."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.aws.kms import key_for_backend
from orchestrator.config.catalogue import DELETE_APIS, Archive, Catalogue, Unit, declared_outputs
from orchestrator.config.nodes import Node
from orchestrator.config.sensitive import HIDDEN, secret_variables, shown_arguments, shown_input
from orchestrator.config.written import input_location, written_value
from orchestrator.errors import CatalogueError
from orchestrator.render.module_tree import ModuleTree, ModuleTrees
from orchestrator.render.root import TemplateRenderer, needed_providers
from orchestrator.terraform.setup.lock_file import LOCK_ENTRY, SHARED_LOCK_FILE, locked_providers
from orchestrator.terraform.setup.providers import address
from orchestrator.util.plural import plural
from orchestrator.util.secret_text import credential_in

_ABSENT = object()
_SETTINGS = "live/orch.yaml"


@dataclass(frozen=True, slots=True)
class InputChange:
    """One thing that differs.

    Attributes:
        unit: id of the unit.
        key: ``unit`` (it exists on one side only), ``inputs.NAME``, ``account``, ``module``, …, or ``file``.
        before, after: plain values; None where there is none. For ``file`` the path is in ``after``.
        where: file and line that say so now, else before.
    """

    unit: str
    key: str
    before: Any
    after: Any
    where: str


class ComparedSide:
    """One of the two configurations, with what is read of its modules and locked providers.

    Args:
        catalogue: the configuration.
        delete_apis: IAM actions that delete protected resources, for modules that deny them.
    """

    def __init__(self, catalogue: Catalogue, delete_apis: tuple[str, ...] = ()) -> None:
        lock = catalogue.root / SHARED_LOCK_FILE
        self.catalogue = catalogue
        self.delete_apis = delete_apis
        self.renderer = TemplateRenderer(catalogue, delete_apis)
        self.lock_text = lock.read_text(encoding="utf-8") if lock.is_file() else ""
        self._trees = ModuleTrees(catalogue.root)

    def tree(self, unit: Unit) -> ModuleTree | None:
        """Return the local module of a unit; None if it is elsewhere or cannot be read."""
        try:
            return self._trees.of(unit.module)
        except CatalogueError:
            return None  # `orch check` reports it.


@dataclass(frozen=True, slots=True)
class _Fact:
    """``value`` is compared, ``shown`` is shown; ``at``: where it is written."""

    value: Any
    shown: Any
    at: str


def compare_units(
    old: ComparedSide, new: ComparedSide, ids: Iterable[str], files: Mapping[str, Iterable[str]]
) -> tuple[InputChange, ...]:
    """Return the differences of units.

    Args:
        old: the configuration of the other revision.
        new: the configuration of this tree.
        ids: the units to compare.
        files: unit -> files of its module and archives that differ.
    """
    found: list[InputChange] = []
    for id_ in ids:
        before, after = old.catalogue.units.get(id_), new.catalogue.units.get(id_)
        if before is None or after is None:
            one = before or after
            where = str(one.at) if one is not None else ""
            found.append(InputChange(id_, "unit", before and "present", after and "present", where))
            continue
        # What is a secret on one side is one on the other, too, where its declaration may not be there.
        hidden = _sensitive(old.catalogue, before) | _sensitive(new.catalogue, after)
        found += _of_unit(id_, dict(_facts(old, before, hidden)), dict(_facts(new, after, hidden)))
        found += [InputChange(id_, "file", None, file, file) for file in files.get(id_, ())]
    return tuple(found)


def _of_unit(id_: str, before: Mapping[str, _Fact], after: Mapping[str, _Fact]) -> Iterator[InputChange]:
    absent = _Fact(_ABSENT, None, "")
    for key in (*after, *(each for each in before if each not in after)):
        now, then = after.get(key, absent), before.get(key, absent)
        if now.value is _ABSENT or then.value is _ABSENT or now.value != then.value:
            yield InputChange(id_, key, then.shown, now.shown, now.at or then.at)


def _facts(side: ComparedSide, unit: Unit, hidden: frozenset[str]) -> Iterator[tuple[str, _Fact]]:
    """Yield everything that decides what Terraform gets for a unit: a test holds this against the rendered root."""
    catalogue, tree = side.catalogue, side.tree(unit)
    account, at = catalogue.account_of(unit), str(unit.at)
    yield "account", _plain(f"{account.name} ({account.id})", at)
    yield "region", _plain(unit.region, at)
    yield "module", _plain(unit.module.address, str(unit.module.at))
    yield "version", _plain(unit.module.version, str(unit.module.at))
    yield "upstreams", _plain(list(unit.upstreams), at)
    yield "state", _plain(account.state_url(unit.state_key), str(account.at))
    yield "state.region", _plain(account.region, str(account.at))
    yield "state.kms_key", _plain(key_for_backend(account), str(account.at))
    yield "terraform", _plain(f"{catalogue.settings.binary} {catalogue.settings.terraform}", _SETTINGS)
    yield "environment", _plain(list(catalogue.settings.environment), _SETTINGS)
    yield "outputs", _plain(sorted(declared_outputs(catalogue, unit)), at)
    needed = needed_providers(unit, tree)
    yield from _providers(side, unit, needed)
    yield from _configurations(side, unit, needed)
    for each in unit.secrets:
        reader = "" if each.passed else " (not a variable of the module)"
        yield f"secrets.{each.variable}", _plain(f"{each.store}:{each.key}{reader}", str(each.at))
    for archive in unit.archives:
        yield from _archive(catalogue, archive)
    for address_, id_ in unit.imports.items():
        yield f"imports.{address_}", _plain(id_, at)
    for former, now in unit.moved.items():
        yield f"moved.{former}", _plain(now, at)
    yield from _inputs(side, unit, tree, hidden)


def _plain(value: Any, at: str) -> _Fact:
    return _Fact(value, value, at)


def _inputs(
    side: ComparedSide, unit: Unit, tree: ModuleTree | None, hidden: frozenset[str]
) -> Iterator[tuple[str, _Fact]]:
    """Yield what the module gets: the inputs of ``live/``, and those that orch adds, such as names in AWS."""
    archives = {each.variable for each in unit.archives}
    for name, value in side.renderer.literals(unit, tree).items():
        at = str(input_location(unit, name))
        if name in unit.inputs:
            shown = written_value(shown_input(unit, name, hidden))
            yield f"inputs.{name}", _Fact(written_value(unit.inputs[name]), shown, at)
        elif name == DELETE_APIS:
            yield f"inputs.{name}", _Fact(value, plural(len(side.delete_apis), "IAM action"), "policies/")
        elif name not in archives:
            yield f"inputs.{name}", _plain(written_value(value) if isinstance(value, Node) else value, at)


def _providers(side: ComparedSide, unit: Unit, needed: frozenset[str]) -> Iterator[tuple[str, _Fact]]:
    """Yield the versions of providers: as required, and as locked with their checksums."""
    settings, text = side.catalogue.settings, side.lock_text
    versions = locked_providers(text)
    entries = {entry["address"]: entry[0] for entry in LOCK_ENTRY.finditer(text)}
    names = needed if unit.module.path is not None else settings.providers.keys()  # A remote module can use any.
    for name in sorted(names & settings.providers.keys()):
        provider = settings.providers[name]
        yield f"required.{name}", _plain(f"{provider.source} {provider.version}", _SETTINGS)
        found = address(provider, settings.binary)
        if found in entries:
            yield f"locked.{name}", _Fact(entries[found], versions.get(found), SHARED_LOCK_FILE.as_posix())


def _configurations(side: ComparedSide, unit: Unit, needed: frozenset[str]) -> Iterator[tuple[str, _Fact]]:
    """Yield the configurations of providers: account, region and tags of aws, and the arguments of others."""
    places = {each.alias: str(each.at) for each in unit.providers}
    for config in side.renderer.aws_configs(unit) if "aws" in needed else ():
        at, below = places.get(config["alias"], str(unit.at)), ""
        if config["alias"] is not None:
            below = f"providers.{config['name']}.{config['alias']}"
            yield below, _plain(f"{config['account']} ({config['account_id']}), {config['region']}", at)
            below += "."
        for key, value in config["tags"]:
            yield f"{below}tags.{key}", _plain(value, at)
    for each in unit.configured:
        yield f"providers.{each.key}", _plain("configured", str(each.at))
        for name, node in shown_arguments(each).items():
            original = each.arguments[name]
            yield f"providers.{each.key}.{name}", _Fact(written_value(original), written_value(node), str(original.at))


def _archive(catalogue: Catalogue, archive: Archive) -> Iterator[tuple[str, _Fact]]:
    key = f"archives.{archive.variable}"
    yield key, _plain(archive.folder.relative_to(catalogue.root).as_posix(), str(archive.at))
    if (build := archive.build) is not None:
        words = [HIDDEN if credential_in(word) else word for word in build.run]
        yield f"{key}.build.run", _Fact(build.run, words, str(build.at))
        yield f"{key}.build.inputs", _plain(list(build.inputs), str(build.at))
        yield f"{key}.build.network", _plain(build.network, str(build.at))
        yield f"{key}.build.output", _plain(build.output, str(build.at))


def _sensitive(catalogue: Catalogue, unit: Unit) -> frozenset[str]:
    """Return the variables of a unit whose values are not shown: all if its module cannot be read."""
    try:
        return secret_variables(catalogue, unit)
    except CatalogueError:
        return frozenset(unit.inputs)
