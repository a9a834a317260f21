"""Finds the files of ``live/``, reads each once, and checks each against its model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import BaseModel

from orchestrator.config.live.merge import without_cleared_keys
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
"""References without a dot; files cannot have these names."""
_FOLDERS = ("accounts", "stages", "stacks")


@dataclass(slots=True)
class LiveFiles:
    """Everything in ``live/``, as written. ``problems`` collects what is wrong; what is right is kept."""

    root: Path
    orch: YamlValue | None = None
    accounts: dict[str, YamlValue] = field(default_factory=dict)
    stages: dict[str, YamlValue] = field(default_factory=dict)
    stacks: dict[str, YamlValue] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """Names of accounts, stages and stacks whose file could not be used: references to them are no second problem."""


def read_live_files(root: Path) -> LiveFiles:
    """Read and check every file of ``live/``."""
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
    _check_strays(files, live)
    _check_unique(files)
    return files


def _read_folder(files: LiveFiles, folder: Path, model: type[BaseModel], into: dict[str, YamlValue]) -> None:
    if not folder.is_dir():
        return
    for path in sorted(folder.iterdir()):
        if path.name.startswith("."):
            continue
        where = Location(path.relative_to(files.root).as_posix())
        if path.suffix.lower() in {".yml", ".yaml"} and path.suffix != ".yaml":
            files.problems.append(Problem(where, "files of live/ end in .yaml", f"rename it to {path.stem}.yaml"))
        elif path.is_dir():
            hint = f"move its files into live/{folder.name}/, or out of live/"
            files.problems.append(Problem(where, "a folder in here is not read", hint))
        elif path.suffix == ".yaml":
            if not re.fullmatch(NAME, path.stem):
                files.problems.append(Problem(where, f"{path.stem!r} is no name", PATTERN_DESCRIPTIONS[NAME]))
            elif path.stem in BUILT_INS:
                files.problems.append(Problem(where, f"{path.stem!r} is a built-in reference, so no file can have it"))
            elif (value := _read(files, path, model)) is not None:
                into[path.stem] = value
            else:
                files.broken.add(path.stem)


def _check_strays(files: LiveFiles, live: Path) -> None:
    """Files beside those that are read: somebody wrote them to be read."""
    for path in sorted(live.iterdir()) if live.is_dir() else ():
        where = Location(path.relative_to(files.root).as_posix())
        if path.name.startswith(".") or path.name in {"orch.yaml", "accounts.lock.yaml", *_FOLDERS}:
            continue
        if path.is_dir() and any(inner.suffix in {".yaml", ".yml"} for inner in path.iterdir()):
            hint = near_miss(path.name, _FOLDERS) or f"files are in live/{'/, live/'.join(_FOLDERS)}/"
            files.problems.append(Problem(where, "this folder is not read", hint))
        elif path.suffix in {".yaml", ".yml"} and not path.is_dir():
            hint = f"files are in live/{'/, live/'.join(_FOLDERS)}/"
            files.problems.append(Problem(where, "this file is not read", hint))


def _read(files: LiveFiles, path: Path, model: type[BaseModel]) -> YamlValue | None:
    try:
        value = read_yaml(path, root=files.root)
    except CatalogueError as error:
        files.problems += error.problems
        return None
    found = validate(value, model)
    files.problems += found
    return None if found else value


def _check_unique(files: LiveFiles) -> None:
    for name in sorted(set(files.accounts) & set(files.stages)):
        what = f"{name!r} is an account and a stage"
        files.problems.append(Problem(files.stages[name].at, what, "names are unique across accounts and stages"))
    ids: dict[str, str] = {}
    for name, value in files.accounts.items():
        id_ = value.value["id"]
        if id_.value in ids:
            what = f"the account id {id_.value} is already that of {ids[id_.value]}"
            files.problems.append(Problem(id_.at, what, "each account has an id of its own"))
        ids.setdefault(id_.value, name)
