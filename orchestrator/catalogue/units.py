"""From drafts to units: values resolved, and checked against what the modules declare."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from orchestrator.catalogue.interface import ModuleInterface, Variable
from orchestrator.catalogue.modules import read_module
from orchestrator.catalogue.near import near_miss
from orchestrator.catalogue.nodes import references
from orchestrator.catalogue.records import (
    Account,
    Archive,
    ModuleSource,
    Node,
    ProviderConfig,
    Ref,
    Secret,
    Settings,
    Unit,
)
from orchestrator.catalogue.references import OutputOf
from orchestrator.catalogue.scopes import Draft
from orchestrator.catalogue.settings import make_timeouts, text_of
from orchestrator.catalogue.sources import source_of
from orchestrator.catalogue.types import check_input
from orchestrator.catalogue.values import Resolver, Shared, ToldError
from orchestrator.catalogue.wiring import Reading, UnboundError, Wiring
from orchestrator.catalogue.yamlfile import Yaml
from orchestrator.errors import CatalogueError, Location, Problem

FROM_ORCH = frozenset({"names", "name"})
"""Variables that orch sets when the stack does not: names in AWS."""

_SECRET = re.compile(r"(?P<store>ssm|secretsmanager):(?P<key>[A-Za-z0-9_./@+=,:!-]+)")
_INDEX = r'(?:\[(?:\d+|"[^"\\$%\n]*")\])?'
_ADDRESS = re.compile(rf"(?:module\.[A-Za-z_][\w-]*{_INDEX}\.)*(?:[a-z][a-z0-9_]*\.[A-Za-z_][\w-]*{_INDEX})")
_MODULE = re.compile(rf"module\.[A-Za-z_][\w-]*{_INDEX}(?:\.module\.[A-Za-z_][\w-]*{_INDEX})*")


@dataclass(slots=True)
class Builder:
    """Builds the units of one catalogue. Each module is read once, each literal checked once for each variable."""

    root: Path
    settings: Settings
    accounts: Mapping[str, Account]
    wiring: Wiring
    shared: Shared
    problems: list[Problem]
    _sources: dict[int, ModuleSource | None] = field(default_factory=dict)
    _interfaces: dict[Path, ModuleInterface | None] = field(default_factory=dict)
    _bodies: dict[str, ModuleInterface | None] = field(default_factory=dict)
    _checked: set[tuple[int, int]] = field(default_factory=set)
    _told: set[Problem] = field(default_factory=set)

    def interfaces(self, drafts: Iterator[Draft]) -> None:
        """Find every draft's module first: references are checked against the outputs of others."""
        for draft in drafts:
            source = self._source(draft)
            self._bodies[draft.id] = self._interface(source) if source is not None else None

    def unit(self, draft: Draft) -> Unit | None:
        """One unit; None when it cannot be made, which is among the problems."""
        source = self._source(draft)
        if source is None:
            return None
        bound: list[Ref] = []
        resolver = Resolver(self.shared, self._built_ins(draft), lambda each, at: self._bind(draft, each, at, bound))
        interface = self._bodies.get(draft.id)
        inputs = self._inputs(draft, resolver, interface)
        secrets = tuple(self._secrets(draft, resolver, interface))
        archives = tuple(self._archives(draft, interface))
        if interface is not None:
            given = {*inputs, *(s.variable for s in secrets), *(a.variable for a in archives)}
            self._check_missing(draft, interface, given)
        return Unit(
            id=draft.id,
            stage=draft.scope.name,
            stack=draft.stack,
            account=draft.scope.account.name,
            region=draft.region,
            module=source,
            inputs=inputs,
            at=draft.at,
            upstreams=self._upstreams(draft, bound),
            secrets=secrets,
            archives=archives,
            providers=tuple(self._providers(draft, interface)),
            imports=self._addresses(draft, resolver, "imports"),
            moved=self._addresses(draft, resolver, "moved"),
            named=text_of(draft.body, "named") or None,
            of_account=draft.scope.of_account,
            timeouts=make_timeouts(self.settings.timeouts, draft.body.get("timeouts")),
        )

    def _tell(self, at: Location, what: str, hint: str | None = None) -> None:
        """Note a problem once: what stands in a stack file is wrong in every stage that has it."""
        problem = Problem(at, what, hint)
        if problem not in self._told:
            self._told.add(problem)
            self.problems.append(problem)

    def _source(self, draft: Draft) -> ModuleSource | None:
        key = id(draft.body)
        if key not in self._sources:
            found: list[Problem] = []
            self._sources[key] = source_of(draft.body, draft.body.at, self.root, found)
            self.shared.kept.append(draft.body)
            for problem in found:
                self._tell(problem.where, problem.what, problem.hint)
        return self._sources[key]

    def _interface(self, source: ModuleSource) -> ModuleInterface | None:
        if source.path is None:
            return None
        if source.path not in self._interfaces:
            try:
                self._interfaces[source.path] = read_module(source.path, root=self.root)
            except CatalogueError as error:
                self._interfaces[source.path] = None
                self.problems += error.problems
        return self._interfaces[source.path]

    def _built_ins(self, draft: Draft) -> dict[str, str]:
        account = draft.scope.account
        return {
            "name": self.settings.name,
            "account": account.name,
            "account_id": account.id,
            "stage": draft.scope.name,
            "stack": draft.stack,
            "region": draft.region,
        }

    def _bind(self, draft: Draft, written: OutputOf, at: Location, bound: list[Ref]) -> Ref | None:
        try:
            unit = self.wiring.find(draft.scope, Reading(written.stack, written.region, draft.region, at))
        except UnboundError as error:
            if error.problem is not None:
                self._tell(error.problem.where, error.problem.what, error.problem.hint)
            raise ToldError from error
        if unit is None:
            return None
        interface = self._bodies.get(unit)
        output = interface.outputs.get(written.output) if interface is not None else None
        if interface is not None and output is None:
            outputs = ", ".join(sorted(interface.outputs)) or "none"
            hint = near_miss(written.output, interface.outputs) or f"it has: {outputs}"
            self._tell(at, f"{unit} has no output {written.output!r}", hint)
            raise ToldError
        if output is not None and output.ephemeral:
            self._tell(
                at, f"the output {written.output!r} of {unit} is ephemeral: it is gone when others could read it"
            )
            raise ToldError
        foreign = not unit.startswith(f"{draft.scope.name}/") and self._account_of(unit) != draft.scope.account.name
        ref = Ref(unit, written.output, written.path, at, foreign=foreign)
        if foreign and output is not None and output.sensitive:
            what = f"the output {written.output!r} of {unit} is sensitive, so it is not published for other accounts"
            self._tell(at, what, "put the value into a secret store of this account, and use `secrets:`")
            raise ToldError
        bound.append(ref)
        return ref

    def _account_of(self, unit: str) -> str:
        return self.wiring.scopes[unit.partition("/")[0]].account.name

    def _inputs(self, draft: Draft, resolver: Resolver, interface: ModuleInterface | None) -> dict[str, Node]:
        written = draft.body.get("inputs")
        inputs: dict[str, Node] = {}
        for name, value in written.items() if written is not None else ():
            at = written.where(name) if written is not None else value.at
            if interface is not None and name not in interface.variables:
                known = ", ".join(sorted(interface.variables)) or "none"
                hint = near_miss(name, interface.variables) or f"it has: {known}"
                self._tell(at, f"{interface.path.name} has no variable {name!r}", hint)
                continue
            try:
                node = inputs[name] = resolver.node(value)
            except ToldError:
                inputs[name] = Node(None, value.at)
                continue
            if interface is not None:
                self._check(interface.variables[name], node, value)
        return inputs

    def _check(self, variable: Variable, node: Node, value: Yaml) -> None:
        key = (id(variable), id(value))
        if not value.has_ref:
            if key in self._checked:
                return
            self._checked.add(key)
        for problem in check_input(variable, node, f"inputs.{variable.name}"):
            self._tell(problem.where, problem.what, problem.hint)
        if value.has_ref and not variable.sensitive and not variable.ephemeral:
            for ref in references(node):
                interface = self._bodies.get(ref.unit)
                if interface is not None and interface.outputs[ref.output].sensitive:
                    what = f"{ref.unit}.{ref.output} is sensitive, and the variable {variable.name!r} is not"
                    hint = f"add `sensitive = true` to the variable ({variable.at})"
                    self._tell(ref.at, what, hint)

    def _secrets(self, draft: Draft, resolver: Resolver, interface: ModuleInterface | None) -> Iterator[Secret]:
        written = draft.body.get("secrets")
        for name, value in written.items() if written is not None else ():
            at = written.where(name) if written is not None else value.at
            if not self._is_variable(interface, name, at):
                continue
            variable = interface.variables[name] if interface is not None else None
            if variable is not None and not variable.ephemeral:
                what = f"the variable {name!r} is not ephemeral, so the secret would be in plan and state"
                self._tell(at, what, f"add `ephemeral = true` to the variable ({variable.at})")
                continue
            try:
                match = _SECRET.fullmatch(resolver.text(value))
            except ToldError:
                continue
            if match is None:
                self._tell(value.at, f"{value.value!r} names no secret", "write ssm:/path or secretsmanager:ID")
                continue
            yield Secret(name, match["store"], match["key"], value.at)

    def _archives(self, draft: Draft, interface: ModuleInterface | None) -> Iterator[Archive]:
        written = draft.body.get("archives")
        for name, value in written.items() if written is not None else ():
            at = written.where(name) if written is not None else value.at
            if not self._is_variable(interface, name, at):
                continue
            folder = (self.root / value.value).resolve()
            if not folder.is_relative_to(self.root.resolve()) or Path(value.value).is_absolute():
                self._tell(value.at, f"{value.value!r} leads out of the repository", "name a folder in it")
            elif not folder.is_dir():
                self._tell(value.at, f"there is no folder {value.value!r}", "paths are relative to the repository")
            else:
                yield Archive(name, self.root / value.value, value.at)

    def _is_variable(self, interface: ModuleInterface | None, name: str, at: Location) -> bool:
        if interface is None or name in interface.variables:
            return True
        self._tell(at, f"{interface.path.name} has no variable {name!r}", near_miss(name, interface.variables))
        return False

    def _check_missing(self, draft: Draft, interface: ModuleInterface, given: set[str]) -> None:
        for variable in interface.variables.values():
            if not variable.has_default and variable.name not in given and variable.name not in FROM_ORCH:
                what = f"{draft.id} does not set {variable.name!r}, which {interface.path.name} needs"
                kind = f" ({variable.type})" if variable.type != "any" else ""
                self._tell(draft.at, what, f"add it under `inputs:`{kind}; it is declared in {variable.at}")

    def _providers(self, draft: Draft, interface: ModuleInterface | None) -> Iterator[ProviderConfig]:
        written = draft.body.get("providers")
        seen: set[str] = set()
        for key, value in written.items() if written is not None else ():
            at = written.where(key) if written is not None else value.at
            name, _, alias = key.partition(".")
            seen.add(key)
            if (
                not re.fullmatch(r"[a-z][a-z0-9_-]*\.[A-Za-z_][A-Za-z0-9_-]*", key)
                or name not in self.settings.providers
            ):
                self._tell(at, f"{key!r} is no provider configuration", "write PROVIDER.ALIAS, e.g. aws.edge")
            elif interface is not None and key not in interface.aliases:
                has = ", ".join(interface.aliases) or "none"
                self._tell(at, f"{interface.path.name} takes no provider {key!r}", f"its configuration_aliases: {has}")
            elif (config := self._provider(draft, name, alias, value)) is not None:
                yield config
        for alias in sorted(set(interface.aliases) - seen) if interface is not None else ():
            what = f"{draft.id} does not say the provider {alias!r}, which its module needs"
            self._tell(draft.at, what, f"add `{alias}: {{region: …}}` under `providers:`")

    def _provider(self, draft: Draft, name: str, alias: str, value: Yaml) -> ProviderConfig | None:
        account = text_of(value, "account", draft.scope.account.name)
        region = text_of(value, "region", draft.region)
        if account not in self.accounts:
            self._tell(value.value["account"].at, f"there is no account {account!r}", near_miss(account, self.accounts))
            return None
        allowed = self.accounts[account].regions
        if allowed and region not in allowed:
            hint = f"add it to `regions` in live/accounts/{account}.yaml"
            self._tell(value.at, f"the region {region} is not allowed in {account}", hint)
            return None
        return ProviderConfig(name, alias, account, region, value.at)

    def _addresses(self, draft: Draft, resolver: Resolver, key: str) -> dict[str, str]:
        """``imports`` (address -> id) and ``moved`` (address -> address): addresses become HCL, so they are strict."""
        written = draft.body.get(key)
        found: dict[str, str] = {}
        for address, value in written.items() if written is not None else ():
            at = written.where(address) if written is not None else value.at
            try:
                text = resolver.text(value)
            except ToldError:
                continue
            wrong = [each for each in ((address, text) if key == "moved" else (address,)) if not _is_address(each, key)]
            if wrong:
                hint = 'as Terraform writes it, without module.this: aws_s3_bucket.this["logs"]'
                self._tell(at, f"{wrong[0]!r} is no address in the module", hint)
            else:
                found[address] = text
        return found

    def _upstreams(self, draft: Draft, bound: list[Ref]) -> tuple[str, ...]:
        """Units that must be done first: those read, those named, and the account's own before its stages."""
        units = {ref.unit for ref in bound}
        depends = draft.body.get("depends_on")
        for item in depends.value if depends is not None else ():
            name, _, region = item.value.partition("@")
            try:
                found = self.wiring.find(draft.scope, Reading(name, region or None, draft.region, item.at))
            except UnboundError as error:
                if error.problem is not None:
                    self._tell(error.problem.where, error.problem.what, error.problem.hint)
                continue
            if found is not None:
                units.add(found)
        account = draft.scope.account.name
        for stack in self.wiring.scopes[account].stacks:
            first = draft.scope.of_account and stack == "baseline" and draft.stack != "baseline"
            if first or not draft.scope.of_account:
                units |= set(self.wiring.units.get((account, stack), {}).values())
        return tuple(sorted(units))


def _is_address(text: str, key: str) -> bool:
    return bool(_ADDRESS.fullmatch(text) or (key == "moved" and _MODULE.fullmatch(text)))
