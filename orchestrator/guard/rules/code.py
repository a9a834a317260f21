"""What a unit's configuration brings along that no plan shows: programs, and providers and modules that nobody listed.

A program of an ``external`` data source runs *while* Terraform plans, with the plan role's credentials. So this is
looked for in the text, before a plan is made: in the rendered root, in the modules of the repository and in those that
``init`` fetched.
"""

from __future__ import annotations

import hashlib
import json
import os
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from orchestrator.config.catalogue import Catalogue, Unit
from orchestrator.errors import Location
from orchestrator.guard.findings import RUNS_CODE, UNREADABLE, UNTRUSTED_SOURCE, finding_id
from orchestrator.guard.model import Finding
from orchestrator.hcl.modules.contents import BUILT_IN, Contents, full_source, read_contents, sources_in
from orchestrator.hcl.modules.interface import CodeBlock, ModuleCall
from orchestrator.hcl.modules.sources import package_of

_DEEPEST = 20
_KINDS = {
    "provisioner": "has a provisioner ({names}): a program that runs when the resource is made or destroyed",
    "external": "runs a program while Terraform plans, under the plan role ({names})",
    "action": "runs a program on this machine ({names})",
}


@dataclass(frozen=True, slots=True)
class _Objection:
    """``address`` as a waiver names it; ``at`` is None where the unit's own entry is the place."""

    rule: str
    address: str
    what: str
    hint: str
    at: Location | None


@dataclass(frozen=True, slots=True)
class _Folder:
    """One module of a unit, where it is called. ``key`` is Terraform's own: ``this.vpc``; empty for the root."""

    key: str
    path: Path

    def address(self, inside: str) -> str:
        """``module.this.module.vpc.terraform_data.x`` for ``terraform_data.x`` inside."""
        return "".join(f"module.{name}." for name in self.key.split(".") if name) + inside

    def key_of(self, call: ModuleCall) -> str:
        return f"{self.key}.{call.name}" if self.key else call.name


class CodeScanner:
    """Looks for what nobody listed. Reads each content of a module once; may be used from many threads.

    Args:
        catalogue: says which providers and modules are listed.
    """

    def __init__(self, catalogue: Catalogue) -> None:
        settings = catalogue.settings
        stacks = {unit.module.address for unit in catalogue.units.values() if unit.module.path is None}
        self._root = catalogue.root
        self._opentofu = settings.binary == "tofu"
        self._providers = {full_source(each.source) for each in settings.providers.values()} | {BUILT_IN}
        self._modules = {package_of(each) for each in {*stacks, *settings.module_sources}}
        self._known: dict[tuple[str, str], Contents] = {}
        self._lock = threading.Lock()

    def scan(self, unit: Unit, root: Path, data_dir: Path, *, initialised: bool) -> tuple[Finding, ...]:
        """The findings about a unit's configuration; one for each rule and address.

        Args:
            unit: the unit.
            root: its rendered root.
            data_dir: Terraform's data folder of it.
            initialised: init is done, so that every module is there, and none may be missing. Before, only the root
                and the modules of the repository are looked at.
        """
        found: dict[str, Finding] = {}
        for each in self._objections(root, _manifest(data_dir) if initialised else None):
            id_ = finding_id(each.rule, unit.id, each.address, "")
            finding = Finding(
                id=id_,
                rule=each.rule,
                unit=unit.id,
                address=each.address,
                action="",
                cause=each.what,
                message=f"{each.address} {each.what}",
                hint=each.hint.format(id=id_),
                where=each.at or unit.at,
            )
            found.setdefault(id_, finding)
        return tuple(found.values())

    def _objections(self, root: Path, manifest: Mapping[str, str] | None) -> Iterator[_Objection]:
        waiting = [_Folder("", root)]
        while waiting:
            folder = waiting.pop()
            contents = self._contents(folder.path, root)
            yield from _unreadable(folder, contents)
            yield from _programs(folder, contents.code)
            yield from self._unlisted_providers(folder, contents)
            yield from _own_providers(folder, contents)
            for call in contents.calls:
                yield from self._unlisted_module(folder, call)
                path, why = _called(folder, call, root, manifest)
                if path is not None:
                    waiting.append(_Folder(folder.key_of(call), path))
                elif why:
                    at = _place(folder, call.at)
                    yield _Objection(UNREADABLE, folder.address(f"module.{call.name}"), why, _AGAIN, at)

    def _contents(self, folder: Path, root: Path) -> Contents:
        """What is in a module folder. The root's copies of modules are named as the repository has them."""
        base = root if folder.is_relative_to(root) else self._root
        key = (os.path.relpath(folder, base), _digest(folder))
        with self._lock:
            known = self._known.get(key)
        if known is None:
            known = read_contents(folder, root=base, opentofu=self._opentofu)
            with self._lock:
                self._known[key] = known
        return known

    def _unlisted_providers(self, folder: _Folder, contents: Contents) -> Iterator[_Objection]:
        for each in contents.providers:
            if each.source not in self._providers:
                what = "is a provider that live/orch.yaml does not list, and a program with the unit's credentials"
                name = each.source.removeprefix("registry.terraform.io/")
                hint = f"list it under `providers:` in live/orch.yaml ({name}), or take it out of the module"
                yield _Objection(UNTRUSTED_SOURCE, each.source, what, hint, _place(folder, each.at))

    def _unlisted_module(self, folder: _Folder, call: ModuleCall) -> Iterator[_Objection]:
        if call.local or not folder.key:  # the root's one call is what the stack names
            return
        if package_of(call.source) not in self._modules:
            what = "is the source of a module, and neither a stack nor `module_sources` in live/orch.yaml names it"
            hint = f"add {package_of(call.source) or 'the address'} to `module_sources:` in live/orch.yaml"
            yield _Objection(
                UNTRUSTED_SOURCE, call.source or folder.address(f"module.{call.name}"), what, hint, call.at
            )


def _own_providers(folder: _Folder, contents: Contents) -> Iterator[_Objection]:
    """A module that configures a provider acts in an account, a region or a role that ``live/`` does not name."""
    for each in contents.configured if folder.key else ():
        what = "is configured by the module itself, so it may act in another account than the unit's, unchecked"
        hint = "take the block out, declare `configuration_aliases`, and say in the stack's `providers:` where it acts"
        yield _Objection(UNTRUSTED_SOURCE, folder.address(each.source), what, hint, _place(folder, each.at))


_AGAIN = "write what Terraform can read, then plan again"


def _unreadable(folder: _Folder, contents: Contents) -> Iterator[_Objection]:
    for problem in contents.problems:
        what = f"cannot be read, so nobody knows what it runs: {problem.what}"
        yield _Objection(UNREADABLE, problem.where.file, what, _AGAIN, _place(folder, problem.where))


def _programs(folder: _Folder, blocks: tuple[CodeBlock, ...]) -> Iterator[_Objection]:
    first: dict[str, list[CodeBlock]] = {}
    for block in blocks:
        first.setdefault(block.resource, []).append(block)
    for resource, own in first.items():
        what = _KINDS[own[0].kind].format(names=", ".join(dict.fromkeys(each.name for each in own)))
        hint = "do it without a program; if it must be so: orch waive {id}"
        yield _Objection(RUNS_CODE, folder.address(resource), what, hint, _place(folder, own[0].at))


def _place(folder: _Folder, at: Location) -> Location | None:
    return at if folder.key else None


def _called(
    folder: _Folder, call: ModuleCall, root: Path, manifest: Mapping[str, str] | None
) -> tuple[Path | None, str]:
    """The folder of a called module; None before init fetched it. The text says what is wrong, if anything is."""
    if folder.key.count(".") > _DEEPEST:
        return None, "the modules call each other without an end"
    if call.local:
        path = Path(os.path.normpath(folder.path / call.source))
        if manifest is None:
            return (path, "") if path.is_dir() else (None, "")
    elif manifest is None:
        return None, ""
    entry = manifest.get(folder.key_of(call))
    if entry is None:
        return None, "Terraform's list of modules does not have it"
    fetched = Path(os.path.normpath(root / entry))
    if call.local and fetched != path:
        return None, "Terraform takes it from another folder than its source says"
    return (fetched, "") if fetched.is_dir() else (None, "its folder is not there")


def _manifest(data_dir: Path) -> Mapping[str, str]:
    """Terraform's list of a root's modules: key -> folder, relative to the root."""
    try:
        entries = json.loads((data_dir / "modules" / "modules.json").read_bytes())["Modules"]
        return {each["Key"]: each["Dir"] for each in entries}
    except (OSError, ValueError, KeyError, TypeError):
        return {}  # then every module that is called is missing


def _digest(folder: Path) -> str:
    """Over the name and the bytes of every file that Terraform or OpenTofu reads in a folder."""
    digest = hashlib.sha256()
    for path in sources_in(folder):
        try:
            data = path.read_bytes()
        except OSError:
            data = b""  # reading it says why
        digest.update(f"{path.name}\0{len(data)}\0".encode())
        digest.update(data)
    return digest.hexdigest()
