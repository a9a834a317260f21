"""The keys of ``live/`` that decide which programs run, and with which rights.

In CI they count as the protected commit has them, so that a change cannot choose them for its own run. What it asks for
is reported, and counts once it is merged. The version of a provider that is listed already is no such key: its
publisher stays the same, and an upgrade that could not be planned would be noticed only after its merge.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from orchestrator.config.yaml.reader import parse_yaml
from orchestrator.config.yaml.validation import to_plain
from orchestrator.config.yaml.value import YamlKind, YamlValue, make_list, make_map
from orchestrator.errors import CatalogueError, Location

ORCH_FILE = "live/orch.yaml"
ACCOUNTS_FOLDER = "live/accounts"

_SETTINGS = {
    "roles": "the roles that orch assumes",
    "state": "where states are stored",
    "management": "the account whose principals assume the roles",
}
_LISTS = {
    "module_sources": "modules of {} would be allowed",
    "environment": "the variable {} would be passed to Terraform and its providers",
}
_ACCOUNT = {"roles": "the roles that orch assumes in {}", "profile": "the AWS profile that orch starts from in {}"}
_ALWAYS = "hashicorp/aws"
"""The provider that orch itself configures: a new platform may use it before its first merge."""

LiveFilesContent = Mapping[str, bytes]
"""File name, relative to the folder that contains ``live/`` -> content."""


@dataclass(frozen=True, slots=True)
class PrivilegedChange:
    """A key that a change sets differently. ``what`` is a sentence."""

    where: Location
    subject: str
    what: str


def is_privileged(name: str) -> bool:
    """Return whether a file can have such keys. ``name`` is relative to the folder that contains ``live/``."""
    return name == ORCH_FILE or (name.startswith(f"{ACCOUNTS_FOLDER}/") and name.endswith(".yaml"))


def trusted_settings(own: YamlValue, trusted: LiveFilesContent) -> YamlValue:
    """Return ``live/orch.yaml`` with the privileged keys of the protected commit. It must be validated again.

    Args:
        own: the file as the change has it.
        trusted: the files of the protected commit. Without ``live/orch.yaml`` the platform is new: it runs with the
            default roles and the provider ``hashicorp/aws``.

    Raises:
        CatalogueError: the file of the protected commit is not valid YAML.
    """
    base = _parsed(trusted, ORCH_FILE)
    keys = dict(own.value)
    for key in _SETTINGS:
        if base is not None:
            _take(keys, key, base)
        elif key == "roles":
            keys.pop(key, None)
    _set(keys, "providers", _trusted_providers(own, base))
    for key in _LISTS:
        found = own.get(key)
        if found is not None and found.kind is YamlKind.LIST:
            known = _texts(base, key)
            _set(keys, key, make_list(tuple(each for each in found.value if each.value in known), found.at))
    return make_map(keys, own.at, own.key_at or {})


def trusted_account(own: YamlValue, name: str, trusted: LiveFilesContent) -> YamlValue:
    """Return the file of an account with the privileged keys of the protected commit. It must be validated again.

    An account that the protected commit does not have has the default roles and is ``restricted``.

    Raises:
        CatalogueError: the file of the protected commit is not valid YAML.
    """
    base = _parsed(trusted, f"{ACCOUNTS_FOLDER}/{name}.yaml")
    keys = dict(own.value)
    for key in _ACCOUNT:
        _take(keys, key, base)
    if not _open(base):
        keys.pop("access", None)
    return make_map(keys, own.at, own.key_at or {})


def privileged_changes(before: LiveFilesContent, after: LiveFilesContent) -> Iterator[PrivilegedChange]:
    """Yield what a change asks for that the files before it do not have. Giving something up is no such change.

    Args:
        before: the files before the change, those for which ``is_privileged`` holds.
        after: the same files after it. One that is not valid YAML is left out: nothing runs with it.
    """
    for name in sorted(after):
        if before.get(name) == after[name]:
            continue
        try:
            now = parse_yaml(after[name], name)
        except CatalogueError:
            continue
        was = _lenient(before, name)
        if name == ORCH_FILE:
            yield from _settings_changes(was, now)
        else:
            yield from _account_changes(name.rpartition("/")[2].removesuffix(".yaml"), was, now)


def _settings_changes(was: YamlValue | None, now: YamlValue) -> Iterator[PrivilegedChange]:
    for key, what in _SETTINGS.items():
        if (was is not None or key == "roles") and _plain(was, key) != _plain(now, key):
            yield PrivilegedChange(now.where(key), key, f"{what} would change ({key})")
    found = now.get("providers")
    known = _sources(was)
    for name, value in found.items() if found is not None else ():
        source = _source(name, value)
        if source not in known:
            what = f"the provider {source} would be allowed to run"
            yield PrivilegedChange(found.where(name) if found else now.at, f"provider {name}", what)
    for key, what in _LISTS.items():
        listed = now.get(key)
        for each in listed.value if listed is not None and listed.kind is YamlKind.LIST else ():
            if each.value not in _texts(was, key):
                yield PrivilegedChange(each.at, f"{key}: {each.value}", what.format(each.value))


def _account_changes(name: str, was: YamlValue | None, now: YamlValue) -> Iterator[PrivilegedChange]:
    for key, what in _ACCOUNT.items():
        if _plain(was, key) != _plain(now, key):
            yield PrivilegedChange(now.where(key), key, f"{what.format(name)} would change ({key})")
    if _open(now) and not _open(was):
        yield PrivilegedChange(now.where("access"), "access", f"{name} would no longer be restricted (access)")


def _trusted_providers(own: YamlValue, base: YamlValue | None) -> YamlValue | None:
    """Return the providers of the change without new sources, which are replaced by what the name meant before."""
    found = own.get("providers")
    if found is None or found.kind is not YamlKind.MAP:
        return found
    known = _sources(base)
    listed = base.get("providers") if base is not None else None
    entries: dict[str, YamlValue] = {}
    for name, value in found.items():
        before = listed.get(name) if listed is not None else None
        if _source(name, value) in known:
            entries[name] = value
        elif before is not None:
            entries[name] = before
    return make_map(entries, found.at, found.key_at or {})


def _sources(file: YamlValue | None) -> frozenset[str]:
    found = file.get("providers") if file is not None else None
    if file is None:
        return frozenset({_ALWAYS})
    return frozenset(_source(name, value) for name, value in found.items()) if found is not None else frozenset()


def _source(name: str, value: YamlValue) -> str:
    """Return the address of a provider without its version; a version alone means one of HashiCorp."""
    source = value.get("source")
    return str(source.value) if source is not None else f"hashicorp/{name}"


def _texts(file: YamlValue | None, key: str) -> frozenset[Any]:
    found = file.get(key) if file is not None else None
    return (
        frozenset(each.value for each in found.value)
        if found is not None and found.kind is YamlKind.LIST
        else frozenset()
    )


def _open(file: YamlValue | None) -> bool:
    return file is not None and _plain(file, "access") == "open"


def _plain(file: YamlValue | None, key: str) -> Any:
    found = file.get(key) if file is not None else None
    return to_plain(found, as_text=True) if found is not None else None


def _take(keys: dict[str, YamlValue], key: str, base: YamlValue | None) -> None:
    _set(keys, key, base.get(key) if base is not None else None)


def _set(keys: dict[str, YamlValue], key: str, value: YamlValue | None) -> None:
    keys.pop(key, None)
    if value is not None:
        keys[key] = value


def _parsed(files: LiveFilesContent, name: str) -> YamlValue | None:
    return parse_yaml(files[name], name) if name in files else None


def _lenient(files: LiveFilesContent, name: str) -> YamlValue | None:
    """Parse a file of the commit before the change; one that is not valid YAML grants nothing."""
    try:
        return _parsed(files, name)
    except CatalogueError:
        return None
