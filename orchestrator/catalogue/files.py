"""Finds the files of ``live/``, reads each once, and checks each against its model."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from orchestrator.catalogue import models
from orchestrator.catalogue.merge import own_stack
from orchestrator.catalogue.models import NAME, AccountModel, OrchModel, ProviderModel, StackModel, StageModel
from orchestrator.catalogue.near import near_miss
from orchestrator.catalogue.scalars import Kind
from orchestrator.catalogue.yamlfile import Yaml, read_yaml
from orchestrator.errors import CatalogueError, Location, Problem

BUILT_INS = ("name", "account", "account_id", "stage", "stack", "region")
"""References without a dot; files cannot have these names."""
_FOLDERS = ("accounts", "stages", "stacks")


@dataclass(slots=True)
class Files:
    """Everything in ``live/``, as written. ``problems`` collects what is wrong; what is right is kept."""

    root: Path
    orch: Yaml | None = None
    accounts: dict[str, Yaml] = field(default_factory=dict)
    stages: dict[str, Yaml] = field(default_factory=dict)
    stacks: dict[str, Yaml] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)
    broken: set[str] = field(default_factory=set)
    """Names of accounts, stages and stacks whose file could not be used: references to them are no second problem."""


def read_files(root: Path) -> Files:
    """Read and check every file of ``live/``."""
    files = Files(root=root)
    live = root / "live"
    files.orch = _read(files, live / "orch.yaml", OrchModel)
    folders: Sequence[tuple[str, type[BaseModel], dict[str, Yaml]]] = (
        ("accounts", AccountModel, files.accounts),
        ("stages", StageModel, files.stages),
        ("stacks", StackModel, files.stacks),
    )
    for name, model, into in folders:
        _read_folder(files, live / name, model, into)
    for name, value in files.stacks.items():
        files.stacks[name] = own_stack(value)
    _check_strays(files, live)
    _check_unique(files)
    return files


def _read_folder(files: Files, folder: Path, model: type[BaseModel], into: dict[str, Yaml]) -> None:
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
                hint = "lower-case letters, digits and -, beginning with a letter, at most 31"
                files.problems.append(Problem(where, f"{path.stem!r} is no name", hint))
            elif path.stem in BUILT_INS:
                files.problems.append(Problem(where, f"{path.stem!r} is a built-in reference, so no file can have it"))
            elif (value := _read(files, path, model)) is not None:
                into[path.stem] = value
            else:
                files.broken.add(path.stem)


def _check_strays(files: Files, live: Path) -> None:
    """Files beside those that are read: somebody wrote them to be read."""
    for path in sorted(live.iterdir()) if live.is_dir() else ():
        where = Location(path.relative_to(files.root).as_posix())
        if path.name.startswith(".") or path.name in {"orch.yaml", *_FOLDERS}:
            continue
        if path.is_dir() and any(inner.suffix in {".yaml", ".yml"} for inner in path.iterdir()):
            hint = near_miss(path.name, _FOLDERS) or f"files are in live/{'/, live/'.join(_FOLDERS)}/"
            files.problems.append(Problem(where, "this folder is not read", hint))
        elif path.suffix in {".yaml", ".yml"} and not path.is_dir():
            hint = f"files are in live/{'/, live/'.join(_FOLDERS)}/"
            files.problems.append(Problem(where, "this file is not read", hint))


def _read(files: Files, path: Path, model: type[BaseModel]) -> Yaml | None:
    try:
        value = read_yaml(path, root=files.root)
    except CatalogueError as error:
        files.problems += error.problems
        return None
    found = check(value, model)
    files.problems += found
    return None if found else value


def _check_unique(files: Files) -> None:
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


def check(value: Yaml, model: type[BaseModel]) -> list[Problem]:
    """What is wrong with a file or an entry, with the place of each."""
    if value.kind is not Kind.MAP:
        return [Problem(value.at, f"this is {value.kind.value}, and must hold keys and values")]
    found: list[Problem] = []
    try:
        model.model_validate(plain(value))
    except ValidationError as error:
        found = [_problem(value, model, each) for each in error.errors(include_url=False)]
    if model in {AccountModel, StageModel} and (stacks := value.get("stacks")) is not None:
        found += [problem for name, entry in stacks.items() for problem in _entry(name, entry)]
    if model is OrchModel and (providers := value.get("providers")) is not None:
        found += [problem for name, entry in providers.items() for problem in _provider(name, entry)]
    return found


def _entry(name: str, entry: Yaml) -> list[Problem]:
    if entry.kind is Kind.NULL or (entry.kind is Kind.BOOL and entry.value is False):
        return []
    if entry.kind is not Kind.MAP:
        hint = "leave it empty for the defaults, write what differs below it, or false for `not here`"
        return [Problem(entry.at, f"stacks.{name} is {_shown(entry)}", hint)]
    return check(entry, StackModel)


def _provider(name: str, entry: Yaml) -> list[Problem]:
    if entry.kind is Kind.MAP:
        return check(entry, ProviderModel)
    if entry.kind is Kind.TEXT and entry.value:
        return []
    hint = f'quote it: "{entry.raw}"' if entry.kind is Kind.NUMBER else 'a version, or {source: …, version: "…"}'
    return [Problem(entry.at, f"providers.{name} is {_shown(entry)}", hint)]


def plain(value: Yaml) -> Any:
    """A value without places."""
    if value.kind is Kind.MAP:
        return {key: plain(item) for key, item in value.value.items()}
    if value.kind is Kind.LIST:
        return [plain(item) for item in value.value]
    return value.value


def _problem(value: Yaml, model: type[BaseModel], error: Mapping[str, Any]) -> Problem:
    """One of pydantic's errors as a problem with a place."""
    loc = [str(step) for step in error["loc"]]
    of_key = loc[-1:] == ["[key]"] and error["type"].startswith("string_") and error["type"] != "string_type"
    if of_key:
        loc.pop()
    missing = error["type"] == "missing"
    found, at = value, value.at
    for step in loc[:-1] if missing else loc:
        if found.kind is Kind.MAP:
            at, found = found.where(step), found.value[step]
        else:
            found = found.value[int(step)]
            at = found.at
    path = _path(loc)
    if missing:
        return Problem(found.at, f"the key {path!r} is missing")
    if error["type"] == "extra_forbidden":
        return _unknown_key(at, loc, model)
    if of_key:
        return Problem(at, f"{loc[-1]!r} cannot be a key here", _expected(error))
    return Problem(found.at, f"{path} is {_shown(found)}, and {_wanted(error)}", _quote_hint(found, error))


def _path(loc: Sequence[str]) -> str:
    """Keys with dots between them; what a terminal would not show as it is, is escaped."""
    return ".".join(step if step.isprintable() else repr(step)[1:-1] for step in loc)


def _unknown_key(at: Location, loc: Sequence[str], model: type[BaseModel]) -> Problem:
    known = _keys_at(model, loc[:-1])
    hint = near_miss(loc[-1], known) or f"known keys: {', '.join(known)}"
    return Problem(at, f"the key {_path(loc)!r} is unknown", hint)


def _keys_at(model: type[BaseModel], loc: Sequence[str]) -> list[str]:
    """Keys that the model knows at a path."""
    current: type[BaseModel] | None = model
    for step in loc:
        if current is not None and step in current.model_fields:  # else a key of a map from names to models
            current = _model_in(current.model_fields[step].annotation)
    return sorted(current.model_fields) if current else []


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in getattr(annotation, "__args__", ()) if (model := _model_in(inner))), None)


def _shown(value: Yaml) -> str:
    if value.kind in {Kind.MAP, Kind.LIST, Kind.NULL}:
        return value.kind.value
    kind = {Kind.NUMBER: "the number ", Kind.BOOL: "the boolean "}.get(value.kind, "")
    return f"{kind}{value.raw if kind else repr(value.raw)}"


_WANTED = {
    "string_type": "must be text",
    "dict_type": "must be keys and values",
    "model_type": "must be keys and values",
    "list_type": "must be a list",
    "bool_type": "must be true or false",
}


def _wanted(error: Mapping[str, Any]) -> str:
    if error["type"] == "literal_error":
        return f"must be {error['ctx']['expected']!s}"
    return _WANTED.get(error["type"], _expected(error))


_PATTERNS = {
    models.NAME: "must be lower-case letters, digits and -, beginning with a letter, at most 31",
    models.REGION: "must be a region such as eu-west-1",
    models.ACCOUNT_ID: "must be the twelve digits of an AWS account",
    models.DATE: "must be a day such as 2027-01-31",
    models.DURATION: "must be a time such as 90s, 10m or 1h30m",
    models.UNIT: "must be a unit: STAGE/STACK or STAGE/STACK@REGION",
}


def _expected(error: Mapping[str, Any]) -> str:
    pattern = error.get("ctx", {}).get("pattern")
    if pattern in _PATTERNS:
        return _PATTERNS[pattern]
    return f"must match {pattern}" if pattern else str(error["msg"])


def _quote_hint(found: Yaml, error: Mapping[str, Any]) -> str | None:
    if found.kind in {Kind.NUMBER, Kind.BOOL} and error["type"] == "string_type":
        return f'quote it: "{found.raw}"'
    return None
