"""Where a stack's module comes from."""

from __future__ import annotations

import re
from pathlib import Path

from orchestrator.config.catalogue import ModuleSource
from orchestrator.config.live.settings import CONSTRAINT
from orchestrator.config.yaml.value import YamlValue
from orchestrator.errors import Location, Problem
from orchestrator.hcl.modules.sources import FETCHED, REGISTRY
from orchestrator.util.suggest import near_miss

_REF = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_./+-]*")
_LOCAL = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_-]*")


def module_source(body: YamlValue, at: Location, root: Path, problems: list[Problem]) -> ModuleSource | None:
    """The module of a stack; None when it is wrong, which goes to ``problems``.

    A name is a folder under ``modules/``. Anything else is a registry address, or one that Terraform fetches; the
    version of a git address is put into its ``?ref=``.
    """
    value = body.get("module")
    if value is None:
        problems.append(Problem(at, "the key 'module' is missing", "name a folder under modules/, or an address"))
        return None
    address, version = value.value, body.get("version")
    if _LOCAL.fullmatch(address):
        return _local(address, value, version, root, problems)
    if ".." not in address:
        if REGISTRY.fullmatch(address):
            return _from_registry(address, value, version, problems)
        if FETCHED.fullmatch(address):
            return _fetched(address, value, version, problems)
    hint = "a folder under modules/ by its name, a registry address (NAMESPACE/NAME/PROVIDER), or git::https://…"
    problems.append(Problem(value.at, f"{address!r} is no module", hint))
    return None


def _from_registry(
    address: str, value: YamlValue, version: YamlValue | None, problems: list[Problem]
) -> ModuleSource | None:
    if version is not None and not CONSTRAINT.fullmatch(version.value):
        problems.append(Problem(version.at, f"{version.value!r} is no version of a module", 'as in "5.1.0"'))
        return None
    return ModuleSource(address, version.value if version is not None else None, None, value.at)


def _fetched(address: str, value: YamlValue, version: YamlValue | None, problems: list[Problem]) -> ModuleSource | None:
    if version is None:
        return ModuleSource(address, None, None, value.at)
    if not _REF.fullmatch(version.value) or ".." in version.value:
        problems.append(Problem(version.at, f"{version.value!r} is no tag, branch or commit", 'as in "v2.3.1"'))
        return None
    if "ref=" in address or not address.startswith(("git::", "git@")):
        what = f"a version cannot be put into {address}"
        hint = "it becomes ?ref= of an address that begins with git::, and is there once"
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
        hint = near_miss(name, known) or f"modules/ has: {', '.join(known) or 'nothing'}"
        problems.append(Problem(value.at, f"there is no module modules/{name}", hint))
        return None
    if version is not None:
        what = f"modules/{name} comes with this repository, so it has no version of its own"
        hint = "`version` is for modules with an address: a registry's, or git::https://…"
        problems.append(Problem(version.at, what, hint))
        return None
    return ModuleSource(f"modules/{name}", None, path, value.at)
