"""Finds the module of a stack."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.config.catalogue import ModuleSource
from orchestrator.config.live.settings import CONSTRAINT
from orchestrator.config.yaml.value import YamlValue
from orchestrator.errors import Location, Problem
from orchestrator.hcl.modules.sources import FETCHED, REGISTRY, git_form, has_ref, is_git
from orchestrator.util.suggest import near_miss

_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]*")
_LOCAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def module_source(body: YamlValue, at: Location, root: Path, problems: list[Problem]) -> ModuleSource | None:
    """Return the module of a stack; None when it is not valid, which is reported.

    A name is a folder in ``modules/``. Everything else is a registry address or an address that Terraform fetches. The
    version of a git address becomes its ``?ref=``.

    Args:
        body: the stack, merged.
        at: where the stack is written.
        root: the repository.
        problems: where problems go.
    """
    value = body.get("module")
    if value is None:
        problems.append(Problem(at, "missing key 'module'", "name a folder in modules/, or an address"))
        return None
    address, version = value.value, body.get("version")
    if _LOCAL.fullmatch(address):
        return _local(address, value, version, root, problems)
    if ".." not in address:
        if FETCHED.fullmatch(address):  # First: github.com/a/b is no registry.
            return _fetched(address, value, version, problems)
        if REGISTRY.fullmatch(address):
            return _from_registry(address, value, version, problems)
    meant = _folder_name(address, root) or git_form(address)
    hint = (
        f"write {meant}"
        if meant
        else ("name a folder in modules/, a registry address (NAMESPACE/NAME/PROVIDER), or git::https://…")
    )
    problems.append(Problem(value.at, f"invalid module {address!r}", hint))
    return None


def _folder_name(address: str, root: Path) -> str:
    """Return the name of the folder that a path such as ``../../modules/queue`` means; empty if there is none."""
    name = address.rstrip("/").rpartition("/")[2]
    is_path = address.startswith((".", "modules/"))
    return name if is_path and _LOCAL.fullmatch(name) and (root / "modules" / name).is_dir() else ""


def _from_registry(
    address: str, value: YamlValue, version: YamlValue | None, problems: list[Problem]
) -> ModuleSource | None:
    if version is not None and not CONSTRAINT.fullmatch(version.value):
        problems.append(Problem(version.at, f"invalid module version {version.value!r}", 'write it like "5.1.0"'))
        return None
    return ModuleSource(address, version.value if version is not None else None, None, value.at)


def _fetched(address: str, value: YamlValue, version: YamlValue | None, problems: list[Problem]) -> ModuleSource | None:
    if version is None:
        return ModuleSource(address, None, None, value.at)
    if not _REF.fullmatch(version.value) or ".." in version.value:
        hint = 'write a tag, branch or commit such as "v2.3.1"'
        problems.append(Problem(version.at, f"invalid git ref {version.value!r}", hint))
        return None
    if has_ref(address) or not is_git(address):
        what = f"`version` cannot be combined with {address}"
        hint = "it becomes the ?ref= of a git address that has none"
        problems.append(Problem(version.at, what, hint))
        return None
    address += f"{'&' if '?' in address else '?'}ref={version.value}"
    return ModuleSource(address, version.value, None, value.at)


def _local(
    name: str, value: YamlValue, version: YamlValue | None, root: Path, problems: list[Problem]
) -> ModuleSource | None:
    path = root / "modules" / name
    if not path.is_dir():
        folder = root / "modules"
        known = sorted(each.name for each in folder.iterdir() if each.is_dir()) if folder.is_dir() else []
        hint = near_miss(name, known) or f"modules/ contains: {', '.join(known) or 'nothing'}"
        problems.append(Problem(value.at, f"modules/{name} does not exist", hint))
        return None
    if version is not None:
        what = f"modules/{name} is in this repository, so it cannot have a version"
        hint = "`version` is for registry addresses and git::https://…"
        problems.append(Problem(version.at, what, hint))
        return None
    return ModuleSource(f"modules/{name}", None, path, value.at)
