"""Finds and reads the files of ``live/`` and checks each against its model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from orchestrator.config.catalogue import NOT_CREATED
from orchestrator.config.live.merge import without_cleared_keys
from orchestrator.config.live.privileged import LiveFilesContent, trusted_account, trusted_settings
from orchestrator.config.schema.models import (
    NAME,
    PATTERN_DESCRIPTIONS,
    AccountModel,
    OrchModel,
    StackModel,
    StageModel,
)
from orchestrator.config.schema.validate import validate
from orchestrator.config.yaml.reader import read_yaml
from orchestrator.config.yaml.value import YamlValue
from orchestrator.errors import CatalogueError, Location, Problem
from orchestrator.util.suggest import near_miss

BUILT_INS = ("name", "account", "account_id", "stage", "stack", "region")
"""Names of the built-in references. Files cannot have them."""
_FOLDERS = ("accounts", "stages", "stacks")
_READ = "it reads live/orch.yaml, live/accounts/, live/stages/ and live/stacks/"


@dataclass(slots=True)
class LiveFiles:
    """The valid files of ``live/``, as written. ``problems`` has what is wrong with the others."""

    root: Path
    orch: YamlValue | None = None
    accounts: dict[str, YamlValue] = field(default_factory=dict)
    stages: dict[str, YamlValue] = field(default_factory=dict)
    stacks: dict[str, YamlValue] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """Accounts, stages and stacks whose file is not valid. References to them are not reported again."""


def read_live_files(root: Path, trusted: LiveFilesContent | None = None) -> LiveFiles:
    """Read and check every file of ``live/``.

    Args:
        root: the folder that contains ``live/``.
        trusted: the files that decide who may do what, as in the protected commit; None: those of ``root`` count.
    """
    files = LiveFiles(root=root)
    live = root / "live"
    files.orch = _read(files, live / "orch.yaml", OrchModel)
    folders: Sequence[tuple[str, type[BaseModel], dict[str, YamlValue]]] = (
        ("accounts", AccountModel, files.accounts),
        ("stages", StageModel, files.stages),
        ("stacks", StackModel, files.stacks),
    )
    for name, model, into in folders:
        _read_folder(files, live / name, model, into)
    for name, value in files.stacks.items():
        files.stacks[name] = without_cleared_keys(value)
    if trusted is not None:
        _use_trusted(files, trusted)
    _check_strays(files, live)
    _check_unique(files)
    return files


def _use_trusted(files: LiveFiles, trusted: LiveFilesContent) -> None:
    """Replace the privileged keys by those of the protected commit."""
    try:
        if files.orch is not None:
            files.orch = _checked(files, trusted_settings(files.orch, trusted), OrchModel)
        for name, value in tuple(files.accounts.items()):
            account = _checked(files, trusted_account(value, name, trusted), AccountModel)
            if account is None:
                del files.accounts[name]
                files.broken.add(name)
            else:
                files.accounts[name] = account
    except CatalogueError as error:
        files.orch = None
        files.problems += error.problems


def _read_folder(files: LiveFiles, folder: Path, model: type[BaseModel], into: dict[str, YamlValue]) -> None:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        where = Location(path.relative_to(files.root).as_posix())
        if path.suffix.lower() in {".yml", ".yaml"} and path.suffix != ".yaml":
            files.problems.append(Problem(where, "files in live/ must end in .yaml", f"rename it to {path.stem}.yaml"))
        elif path.is_dir():
            hint = f"move its files into live/{folder.name}/, or out of live/"
            files.problems.append(Problem(where, "orch does not read subfolders", hint))
        elif path.suffix == ".yaml":
            if not re.fullmatch(NAME, path.stem):
                files.problems.append(
                    Problem(where, f"invalid name {path.stem!r}", f"use {PATTERN_DESCRIPTIONS[NAME]}")
                )
            elif path.stem in BUILT_INS:
                files.problems.append(Problem(where, f"the name {path.stem!r} is reserved for a built-in reference"))
            elif (value := _read(files, path, model)) is not None:
                into[path.stem] = value
            else:
                files.broken.add(path.stem)


def _check_strays(files: LiveFiles, live: Path) -> None:
    """Report files and folders that are not read, because somebody expects them to be."""
    for path in sorted(live.iterdir()) if live.is_dir() else ():
        where = Location(path.relative_to(files.root).as_posix())
        if path.name.startswith(".") or path.name in {"orch.yaml", "accounts.lock.yaml", *_FOLDERS}:
            continue
        if path.is_dir() and any(inner.suffix in {".yaml", ".yml"} for inner in path.iterdir()):
            hint = near_miss(path.name, _FOLDERS) or _READ
            files.problems.append(Problem(where, "orch does not read this folder", hint))
        elif path.suffix in {".yaml", ".yml"} and not path.is_dir():
            files.problems.append(Problem(where, "orch does not read this file", _READ))


def _read(files: LiveFiles, path: Path, model: type[BaseModel]) -> YamlValue | None:
    try:
        value = read_yaml(path, root=files.root)
    except CatalogueError as error:
        files.problems += error.problems
        return None
    return _checked(files, value, model)


def _checked(files: LiveFiles, value: YamlValue, model: type[BaseModel]) -> YamlValue | None:
    found = validate(value, model)
    files.problems += found
    return None if found else value


def _check_unique(files: LiveFiles) -> None:
    for name in sorted(set(files.accounts) & set(files.stages)):
        what = f"{name!r} is both an account and a stage"
        files.problems.append(Problem(files.stages[name].at, what, "accounts and stages must have different names"))
    ids: dict[str, str] = {}
    emails: dict[str, str] = {}
    for name, value in files.accounts.items():
        _check_id(files, name, value, ids)
        _check_email(files, name, value, emails)


def _check_id(files: LiveFiles, name: str, value: YamlValue, ids: dict[str, str]) -> None:
    """Report an account id that is missing, impossible, or that of another account."""
    id_, organization = value.get("id"), value.get("organization")
    if id_ is None or id_.value is None:
        if organization is None or organization.value is None:
            hint = "add the 12-digit account ID, quoted; or, for a new account, `organization:` with its `email`"
            files.problems.append(Problem(value.at, "missing key 'id'", hint))
        return
    if id_.value == NOT_CREATED:
        hint = "remove `id` until the account exists: `orch bootstrap` writes it"
        files.problems.append(Problem(id_.at, f"{NOT_CREATED} is not the id of an AWS account", hint))
    if id_.value in ids:
        what = f"account id {id_.value} is already used by {ids[id_.value]}"
        files.problems.append(Problem(id_.at, what, "each account needs its own id"))
    ids.setdefault(id_.value, name)


def _check_email(files: LiveFiles, name: str, value: YamlValue, emails: dict[str, str]) -> None:
    """Report an e-mail address that another account has: AWS accepts each only once, whatever its case."""
    organization = value.get("organization")
    email = organization.get("email") if organization is not None else None
    if email is None:
        return
    if email.value.lower() in emails:
        what = f"{email.value} is already the e-mail address of {emails[email.value.lower()]}"
        hint = "each AWS account needs its own address; many providers accept a suffix: aws+NAME@example.com"
        files.problems.append(Problem(email.at, what, hint))
    emails.setdefault(email.value.lower(), name)
