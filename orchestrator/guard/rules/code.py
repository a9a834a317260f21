"""Finds what a plan does not show: programs that a configuration runs, and unlisted providers and modules.

The program of an ``external`` data source runs *while* Terraform plans, with the credentials of the plan role. So the
scanner reads the configuration before the plan: the rendered root, the modules of the repository, and the modules that
``init`` downloads.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import Location
from orchestrator.guard.causes import MODULE
from orchestrator.guard.findings import READS_FILE, RUNS_CODE, UNREADABLE, UNTRUSTED_SOURCE, finding_id
from orchestrator.guard.model import Finding, Severity
from orchestrator.guard.trust.live_modules import MergedModules
from orchestrator.hcl.modules.code_and_sources import BUILT_IN, Contents, full_source, read_contents, sources_in
from orchestrator.hcl.modules.entries import ConfigurationEntry
from orchestrator.hcl.modules.interface import CodeBlock, ModuleCall
from orchestrator.hcl.modules.scan import reads_outside_root
from orchestrator.hcl.modules.scanned import ScannedModule, connect
from orchestrator.hcl.modules.sources import package_of

_DEEPEST = 20
_KINDS = {
    "provisioner": (
        "has a provisioner: {names}",
        "provisioners run programs when the resource is created or destroyed, with the unit's credentials",
    ),
    "external": ("runs a program while Terraform plans: {names}", "{reasons}, with the plan role's credentials"),
    "remote state": ("may run a program or read any file while Terraform plans", "{reasons}"),
    "action": ("runs a program during the apply: {names}", "actions run with the unit's credentials"),
}
"""Kind of block -> what it does, and why that matters."""

_NO_PROGRAM = "use a resource or data source that runs no program; if there is none: orch waive {id}"
_HINTS = {
    "remote state": "read the value with `uses:`, or from an S3 backend without this argument; if neither is possible: "
    "orch waive {id}"
}
_WHY = "a file outside the unit's root is not part of what is judged, and could be a secret of this machine"
_KNOWN_NAME = (
    'write the path with "${{path.module}}/…" and names that do not depend on data sources or functions; '
    "if there is no other way: orch waive {id}"
)
_KNOWN_NAME_IN_CI = (
    "in CI this is only told of a unit as it was merged, and the change touches this one: use a module that writes the "
    "path in its text, or orch waive {id}"
)
_FIX_CONFIGURATION = "correct the configuration, then plan again"


@dataclass(frozen=True, slots=True)
class _Objection:
    """One objection. ``address`` is what a waiver names; ``at`` is None if the unit's entry is the location."""

    rule: str
    address: str
    what: str
    cause: str
    hint: str
    at: Location | None
    severity: Severity = Severity.BLOCK


@dataclass(frozen=True, slots=True)
class _Folder:
    """One module call of a unit. ``key`` is Terraform's key of it, ``this.vpc``; empty for the root."""

    key: str
    path: Path

    def address(self, inside: str) -> str:
        """Return ``module.this.module.vpc.terraform_data.x`` for ``terraform_data.x``."""
        return "".join(f"module.{name}." for name in self.key.split(".") if name) + inside

    def key_of(self, call: ModuleCall) -> str:
        return f"{self.key}.{call.name}" if self.key else call.name


@dataclass(frozen=True, slots=True)
class ScannedConfiguration:
    """What a scan found.

    Attributes:
        findings: programs, providers and modules that are not allowed, before waivers.
        entries: what the files contain, to be compared with what Terraform says that it read.
    """

    findings: tuple[Finding, ...]
    entries: frozenset[ConfigurationEntry]


class CodeScanner:
    """Scans configurations for programs and untrusted sources. Safe to use from several threads.

    A module folder is parsed once for each content that it has.

    Args:
        catalogue: lists the allowed providers and modules.
        merged: tells, in CI, which modules are merged. None: the addresses of all stacks are trusted.
    """

    def __init__(self, catalogue: Catalogue, *, merged: Callable[[], MergedModules] | None) -> None:
        settings = catalogue.settings
        self._root = catalogue.root
        self._opentofu = settings.binary == "tofu"
        self._providers = {full_source(each.source) for each in settings.providers.values()} | {BUILT_IN}
        self._modules = {package_of(each) for each in settings.module_sources}
        self._stacks = {
            package_of(unit.module.address) for unit in catalogue.units.values() if unit.module.path is None
        }
        self._merged = merged
        self._contents: dict[tuple[str, str], Contents] = {}
        self._lock = threading.Lock()

    @property
    def merged(self) -> MergedModules | None:
        """Which modules are merged; None outside CI."""
        return self._merged() if self._merged is not None else None

    def scan(self, unit: Unit, root: Path, data_dir: Path, *, initialized: bool) -> ScannedConfiguration:
        """Return what a unit's configuration contains, and the findings about it, one for each rule and address.

        Args:
            unit: the unit.
            root: its rendered root.
            data_dir: Terraform's data folder of the root.
            initialized: ``init`` has run, so every module must be present. Before that, only the root and the modules
                of the repository are scanned.
        """
        found: dict[str, Finding] = {}
        entries: set[ConfigurationEntry] = set()
        for each in self._objections(unit, root, data_dir, entries, initialized=initialized):
            id_ = finding_id(each.rule, unit.id, each.address, "")
            finding = Finding(
                id=id_,
                rule=each.rule,
                unit=unit.id,
                address=each.address,
                action="",
                cause=each.cause,
                message=f"{each.address.removeprefix(MODULE)} {each.what}",
                hint=each.hint.format(id=id_),
                severity=each.severity,
                where=each.at or unit.at,
            )
            found.setdefault(id_, finding)
        return ScannedConfiguration(tuple(found.values()), frozenset(entries))

    def _objections(
        self, unit: Unit, root: Path, data_dir: Path, entries: set[ConfigurationEntry], *, initialized: bool
    ) -> Iterator[_Objection]:
        """Yield the objections to every folder of a unit, and add what each contains to ``entries``."""
        manifest = _manifest(data_dir) if initialized else None
        waiting = [_Folder("", root)]
        scanned: list[tuple[_Folder, Contents]] = []
        while waiting:
            folder = waiting.pop()
            contents = self._read(folder.path, root)
            scanned.append((folder, contents))
            entries.update(each._replace(module=folder.key) for each in contents.entries)
            yield from _unreadable(folder, contents)
            yield from _programs(folder, contents.code)
            yield from self._unlisted_providers(folder, contents)
            yield from _own_providers(folder, contents)
            for call in contents.calls:
                yield from self._unlisted_module(unit, folder, call)
                path, why = _folder_of(folder, call, root, manifest)
                if path is not None:
                    waiting.append(_Folder(folder.key_of(call), path))
                elif why:
                    address = folder.address(f"module.{call.name}")
                    at = _place(folder, call.at)
                    yield _Objection(UNREADABLE, address, "cannot be scanned", why, _FIX_CONFIGURATION, at)
        if initialized:  # Now every value that one module passes to another is known.
            for read in _file_reads(scanned, root, data_dir / "modules", self._root):
                changed = read.severity is Severity.WARN and self.merged is not None and unit.id in self.merged.changed
                yield replace(read, severity=Severity.BLOCK, hint=_KNOWN_NAME_IN_CI) if changed else read

    def _read(self, folder: Path, root: Path) -> Contents:
        """Parse a module folder. Copies of modules in the root are reported under their path in the repository."""
        base = root if folder.is_relative_to(root) else self._root
        key = (os.path.relpath(folder, base), _digest(folder))
        with self._lock:
            known = self._contents.get(key)
        if known is None:
            known = read_contents(folder, root=base, opentofu=self._opentofu)
            with self._lock:
                self._contents[key] = known
        return known

    def _unlisted_providers(self, folder: _Folder, contents: Contents) -> Iterator[_Objection]:
        for each in contents.providers:
            if each.source not in self._providers:
                what = "is not a listed provider"
                cause = "a provider is a program with the unit's credentials, and live/orch.yaml does not list this one"
                name = each.source.removeprefix("registry.terraform.io/")
                hint = f"add {name} to `providers:` in live/orch.yaml, or remove it from the module"
                yield _Objection(UNTRUSTED_SOURCE, each.source, what, cause, hint, _place(folder, each.at))

    def _unlisted_module(self, unit: Unit, folder: _Folder, call: ModuleCall) -> Iterator[_Objection]:
        """Report a call of a module that nobody listed; in CI also that of the stack, if it is not merged."""
        package = package_of(call.source)
        if call.local or package in self._modules or (not folder.key and self._merged is None):
            return
        if package in (self.merged.packages if self.merged is not None else self._stacks):
            return
        address = call.source or folder.address(f"module.{call.name}")
        cause = "neither a stack nor `module_sources` in live/orch.yaml names it"
        hint = f"add {package or 'the address'} to `module_sources:` in live/orch.yaml"
        if package in self._stacks:
            cause = "only a stack of this change names it, and in CI the stacks of the protected commit count"
            hint = (
                "merge it; then the run on the protected branch downloads it. To see the plan before: run orch plan "
                f"{unit.id} on your machine"
            )
        yield _Objection(
            UNTRUSTED_SOURCE, address, "is not a trusted module source", cause, hint, _place(folder, call.at)
        )


def _file_reads(
    scanned: Sequence[tuple[_Folder, Contents]], root: Path, downloaded: Path, base: Path
) -> Iterator[_Objection]:
    """Report files that are not in the root, and so neither judged nor frozen, and names that nobody can tell."""
    modules = {folder.key: ScannedModule(folder.path, each.files, each.declared) for folder, each in scanned}
    for folder, contents in scanned:
        for call in contents.calls:
            if (called := modules.get(folder.key_of(call))) is not None:
                connect(modules[folder.key], call.name, called)
    allowed = (root, downloaded)
    for folder, contents in scanned:
        own = folder.path.is_relative_to(root)
        for each in reads_outside_root(modules[folder.key], contents.reads, allowed, root if own else base):
            severity = Severity.BLOCK if each.known or own else Severity.WARN
            address = folder.address(each.block)
            at = _place(folder, each.at)
            yield _Objection(
                READS_FILE, address, "may read any file", f"{each.what}; {_WHY}", _KNOWN_NAME, at, severity
            )


def _own_providers(folder: _Folder, contents: Contents) -> Iterator[_Objection]:
    """Report modules that configure a provider: they can act in an account or region that ``live/`` does not name."""
    for each in contents.configured if folder.key else ():
        what = "is configured inside a module"
        cause = "the module could act in an account or region other than the unit's"
        hint = "remove the block, declare `configuration_aliases`, and set `providers:` in the stack"
        yield _Objection(UNTRUSTED_SOURCE, folder.address(each.source), what, cause, hint, _place(folder, each.at))


def _unreadable(folder: _Folder, contents: Contents) -> Iterator[_Objection]:
    for problem in contents.problems:
        what = "cannot be read, so it may run any program"
        at = _place(folder, problem.where)
        yield _Objection(UNREADABLE, problem.where.file, what, problem.what, _FIX_CONFIGURATION, at)


def _programs(folder: _Folder, blocks: tuple[CodeBlock, ...]) -> Iterator[_Objection]:
    first: dict[str, list[CodeBlock]] = {}
    for block in blocks:
        first.setdefault(block.resource, []).append(block)
    for resource, own in first.items():
        what, cause = _KINDS[own[0].kind]
        what = what.format(names=", ".join(dict.fromkeys(each.name for each in own)))
        cause = cause.format(reasons="; ".join(dict.fromkeys(each.reason for each in own)))
        hint = _HINTS.get(own[0].kind, _NO_PROGRAM)
        yield _Objection(RUNS_CODE, folder.address(resource), what, cause, hint, _place(folder, own[0].at))


def _place(folder: _Folder, at: Location) -> Location | None:
    return at if folder.key else None


def _folder_of(
    folder: _Folder, call: ModuleCall, root: Path, manifest: Mapping[str, str] | None
) -> tuple[Path | None, str]:
    """Return the folder of a called module, None if ``init`` has not downloaded it; and what is wrong, or empty."""
    if folder.key.count(".") > _DEEPEST:
        return None, "the modules call each other in a cycle"
    if call.local:
        path = Path(os.path.normpath(folder.path / call.source))
        if manifest is None:
            return (path, "") if path.is_dir() else (None, "")
    elif manifest is None:
        return None, ""
    entry = manifest.get(folder.key_of(call))
    if entry is None:
        return None, "it is missing from Terraform's module list (modules.json)"
    fetched = Path(os.path.normpath(root / entry))
    if call.local and fetched != path:
        return None, "Terraform loads it from a different folder than its source names"
    return (fetched, "") if fetched.is_dir() else (None, "its folder does not exist")


def _manifest(data_dir: Path) -> Mapping[str, str]:
    """Return Terraform's list of the root's modules: key -> folder, relative to the root."""
    try:
        entries = json.loads((data_dir / "modules" / "modules.json").read_bytes())["Modules"]
        return {each["Key"]: each["Dir"] for each in entries}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # then every called module counts as missing


def _digest(folder: Path) -> str:
    """Return a hash over the name and content of every file that Terraform or OpenTofu reads in a folder."""
    digest = hashlib.sha256()
    for path in sources_in(folder):
        try:
            data = path.read_bytes()
        except OSError:
            data = b""  # parsing it reports the error
        digest.update(f"{path.name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()
