"""Reads the secrets, archives, provider configurations, imports and moves of a unit."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePosixPath

from orchestrator.config.catalogue import Archive, Build, ProviderConfig, Secret, Unit
from orchestrator.config.live.scopes import UnitDraft
from orchestrator.config.live.settings import region_not_allowed, text_of
from orchestrator.config.resolve.context import ResolveContext
from orchestrator.config.resolve.provider_arguments import AWS
from orchestrator.config.resolve.values import AlreadyReportedError, Resolver
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import Location, Problem
from orchestrator.hcl.modules.interface import ModuleInterface
from orchestrator.util.suggest import near_miss

_SECRET = re.compile(r"(?P<store>ssm|secretsmanager):(?P<key>[A-Za-z0-9_./@+=,:!-]+)")
_PROVIDER = re.compile(r"[a-z][a-z0-9_-]*\.[A-Za-z_][A-Za-z0-9_-]*")
_WORD = r"[A-Za-z_][A-Za-z0-9_-]*"
# A key in an index is printable and has no character that is special in HCL.
_INDEX = r'(?:\[(?:[0-9]+|"[^"\\$%\x00-\x1f\x7f-\x9f\u2028\u2029]*")\])?'
_ADDRESS = re.compile(rf"(?:module\.{_WORD}{_INDEX}\.)*(?!(?:module|data)\.)[a-z][a-z0-9_]*\.{_WORD}{_INDEX}")
_MODULE = re.compile(rf"module\.{_WORD}{_INDEX}(?:\.module\.{_WORD}{_INDEX})*")

_GLOBAL = ("aws_cloudfront_", "aws_iam_", "aws_route53_", "aws_s3_bucket")
"""How the types begin whose names are the same object in every region."""

_FOLDER_HINT = "write the path of a folder from the repository root, without .."


@dataclass(slots=True)
class Extras:
    """Reads them from one draft of a unit."""

    context: ResolveContext
    draft: UnitDraft
    resolver: Resolver
    interface: ModuleInterface | None

    def secrets(self) -> Iterator[Secret]:
        """Yield the values that Terraform reads from a secret store. orch never sees them.

        Provider arguments must be resolved before: what only they read need not be a variable of the module.
        """
        for name, value, at in self._written("secrets"):
            used = name in self.resolver.used_secrets
            passed = name in self.interface.variables if self.interface is not None else not used
            if not passed and not used and not self.context.is_variable(self.interface, name, at):
                continue
            variable = self.interface.variables.get(name) if self.interface is not None else None
            if variable is not None and not variable.ephemeral:
                what = f"variable {name!r} is not ephemeral, so the secret would be stored in plan and state"
                self.context.report(at, what, f"add `ephemeral = true` to the variable ({variable.at})")
                continue
            try:
                match = _SECRET.fullmatch(self.resolver.text(value))
            except AlreadyReportedError:
                continue
            if match is None:
                self.context.report(value.at, f"invalid secret {value.value!r}", "write ssm:/path or secretsmanager:ID")
                continue
            yield Secret(name, match["store"], match["key"], value.at, passed)

    def archives(self) -> Iterator[Archive]:
        """Yield the folders that orch zips."""
        for name, value, at in self._written("archives"):
            folder = value if value.kind is YamlKind.TEXT else value.value["folder"]
            if self.context.is_variable(self.interface, name, at) and self._is_folder(folder):
                build = value.get("build")
                made = self._build(build) if build is not None else None
                yield Archive(name, self.context.root / PurePosixPath(folder.value), folder.at, made)

    def _build(self, value: YamlValue) -> Build:
        lists = {key: each for key, each in value.items() if each.kind is YamlKind.LIST}
        texts = {key: tuple(item.value for item in each.value) for key, each in lists.items()}
        network = value.get("network")
        output = text_of(value, "output")
        for path in (*texts.get("inputs", ()), output):
            if ".." in PurePosixPath(path).parts:
                self.context.report(value.at, f"{path!r} leads out of the folder", "write a path below the folder")
        return Build(
            run=texts["run"],
            inputs=texts.get("inputs", ("**",)),
            network=network is not None and bool(network.value),
            output=output,
            at=value.at,
        )

    def _is_folder(self, value: YamlValue) -> bool:
        path = PurePosixPath(value.value)
        root = self.context.root
        if not value.value.isprintable() or path.is_absolute() or ".." in path.parts or path == PurePosixPath():
            self.context.report(value.at, f"{value.value!r} is not a folder of this repository", _FOLDER_HINT)
        elif not (root / path).is_dir():
            self.context.report(value.at, f"folder {value.value!r} does not exist", _FOLDER_HINT)
        elif not (root / path).resolve().is_relative_to(root.resolve()):
            self.context.report(value.at, f"{value.value!r} leads outside the repository", _FOLDER_HINT)
        else:
            return True
        return False

    def providers(self) -> Iterator[ProviderConfig]:
        """Yield the additional configurations of aws: exactly those that the module declares."""
        seen: set[str] = set()
        for key, value, at in self._written("providers"):
            name, _, alias = key.partition(".")
            seen.add(key)
            if name != AWS and name in self.context.settings.providers:
                continue  # provider_arguments.py reads it
            if name == AWS and value.get("arguments") is not None:
                what = f"{key} has no `arguments`: orch configures {AWS} with region, account and tags"
                self.context.report(value.where("arguments"), what, "other arguments can come from the environment")
            elif not _PROVIDER.fullmatch(key) or name not in self.context.settings.providers:
                self.context.report(
                    at, f"invalid provider configuration {key!r}", "write PROVIDER.ALIAS, e.g. aws.edge"
                )
            elif self.interface is not None and key not in self.interface.aliases:
                has = ", ".join(self.interface.aliases) or "none"
                what = f"module {self.interface.path.name} has no provider configuration {key!r}"
                self.context.report(
                    at, what, near_miss(key, self.interface.aliases) or f"its configuration_aliases: {has}"
                )
            elif (config := self._provider(name, alias, value)) is not None:
                yield config
        for alias in sorted(set(self.interface.aliases) - seen) if self.interface is not None else ():
            what = f"{self.draft.id} does not set the provider configuration {alias!r}, which its module requires"
            body = "region: …" if alias.startswith(f"{AWS}.") else "arguments: {…}"
            self.context.report(self.draft.at, what, f"add `{alias}: {{{body}}}` under `providers:`")

    def _provider(self, name: str, alias: str, value: YamlValue) -> ProviderConfig | None:
        accounts = self.context.accounts
        account = text_of(value, "account", self.draft.scope.account.name)
        region = text_of(value, "region", self.draft.region)
        if account not in accounts:
            if account not in self.context.wiring.files.broken:
                hint = near_miss(account, accounts) or f"accounts: {', '.join(sorted(accounts))}"
                self.context.report(value.value["account"].at, f"unknown account {account!r}", hint)
            return None
        if not accounts[account].allows(region):
            problem = region_not_allowed(region, value.at, account)
            self.context.report(problem.where, problem.what, problem.hint)
            return None
        if self.draft.scope.disposable and accounts[account].restricted and account != self.draft.scope.account.name:
            what = (
                f"{self.draft.scope.name} is disposable, but its provider configuration {name}.{alias} acts in the "
                f"restricted account {account}"
            )
            self.context.report(value.at, what, "use an account with `access: open`, or remove `disposable`")
            return None
        return ProviderConfig(name, alias, account, region, value.at)

    def imports(self) -> dict[str, str]:
        """Return resource address in the module -> ID of the existing resource. A disposable stage has none."""
        if self.draft.scope.disposable:
            stage = self.draft.scope.name
            for address, _, at in self._written("imports"):
                what = f"{stage} is disposable, so it must not import {address}, which would be destroyed with it"
                self.context.report(at, what, "import it into a lasting stage")
            return {}
        found = self.draft.body.get("imports")
        return {
            address: id_
            for address, id_ in self._addresses("imports")
            if found is not None and self._is_there(address, found.where(address))
        }

    def _is_there(self, address: str, at: Location) -> bool:
        """Return whether the module has a resource or calls a module, and report it if not."""
        if self.interface is None:
            return True
        name, kind = _declared(address)
        known = self._names_of(self.interface, kind)
        if name in known:
            return True
        hint = near_miss(name, known) or f"{kind}s: {', '.join(sorted(known)) or 'none'}"
        self.context.report(at, f"module {self.interface.path.name} has no {kind} {name!r}", hint)
        return False

    def moved(self) -> dict[str, str]:
        """Return old -> new address in the module."""
        found, moved = self.draft.body.get("moved"), dict(self._addresses("moved"))
        if found is None:
            return moved
        for old, new in moved.items():
            if new not in moved:  # otherwise it is a step on the way to a third address
                self._is_there(new, found.value[old].at)
            self._has_left(old, new, found.where(old))
        return moved

    def _has_left(self, old: str, new: str, at: Location) -> None:
        """Report a resource that is still in the module: Terraform refuses to move it."""
        name, kind = _declared(old)
        if self.interface is None or "[" in old + new or old not in {name, f"module.{name}"}:
            return  # An instance may leave while others stay, and so may what is in a module.
        if name in self._names_of(self.interface, kind):
            what = f"module {self.interface.path.name} still has the {kind} {name!r}, so nothing moves away from there"
            self.context.report(at, what, "remove this entry, or rename it in the module")

    @staticmethod
    def _names_of(interface: ModuleInterface, kind: str) -> frozenset[str]:
        return interface.resources if kind == "resource" else frozenset(interface.calls)

    def _addresses(self, key: str) -> Iterator[tuple[str, str]]:
        """Yield addresses with their values. They become HCL, so the check is strict."""
        for address, value, at in self._written(key):
            try:
                text = self.resolver.text(value)
            except AlreadyReportedError:
                continue
            wrong = [each for each in ((address, text) if key == "moved" else (address,)) if not _is_address(each, key)]
            if wrong:
                hint = 'write it as Terraform does, without module.this: aws_s3_bucket.this["logs"]'
                self.context.report(at, f"invalid address {wrong[0]!r}", hint)
            else:
                yield address, text

    def _written(self, key: str) -> Iterator[tuple[str, YamlValue, Location]]:
        found = self.draft.body.get(key)
        for name, value in found.items() if found is not None else ():
            yield name, value, found.where(name) if found is not None else value.at


def _declared(address: str) -> tuple[str, str]:
    """Return what a module declares for an address in it, and its kind: a resource, or a call of a module."""
    bare = re.sub(_INDEX, "", address)
    if bare.startswith("module."):
        return bare.split(".")[1], "module"
    return bare, "resource"


def _is_address(text: str, key: str) -> bool:
    return bool(_ADDRESS.fullmatch(text) or (key == "moved" and _MODULE.fullmatch(text)))


def import_collisions(drafts: Iterable[UnitDraft], units: Mapping[str, Unit]) -> Iterator[Problem]:
    """Yield a problem for each object that two units of an account import: both would manage it."""
    seen: dict[tuple[str, str, str, str], str] = {}
    for draft in drafts:
        unit, written = units.get(draft.id), draft.body.get("imports")
        if unit is None or written is None:
            continue
        for address, id_ in unit.imports.items():
            type_ = _type_of(address)
            region = "" if type_.startswith(_GLOBAL) else unit.region
            other = seen.setdefault((unit.account, region, type_, id_), unit.id)
            if other != unit.id:
                what = f"{unit.id} imports {id_!r} ({type_}), which {other} imports too"
                yield Problem(written.where(address), what, "only one unit can manage it: keep one of the two")


def _type_of(address: str) -> str:
    """Return the resource type of an address in a module: ``aws_x`` of ``module.a["b"].aws_x.y[0]``."""
    return re.sub(_INDEX, "", address).split(".")[-2]
