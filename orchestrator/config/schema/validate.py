"""Checks a file of ``live/`` against its model and describes each problem."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ValidationError

from orchestrator.config.schema.hints import name_hint, not_indented
from orchestrator.config.schema.models import (
    ACCOUNT_ID,
    PATTERN_DESCRIPTIONS,
    AccountModel,
    ArchiveModel,
    OrchModel,
    ProviderModel,
    StackModel,
    StageModel,
)
from orchestrator.config.yaml.validation import locate, to_plain
from orchestrator.config.yaml.value import YamlKind, YamlValue
from orchestrator.errors import Location, Problem
from orchestrator.util.suggest import near_miss

_WANTED = {
    "string_type": "text",
    "dict_type": "a map of keys and values",
    "model_type": "a map of keys and values",
    "list_type": "a list",
    "bool_type": "true or false",
}
_SHOWN = 60
"""Characters of an invalid value that a message shows."""
_Step = str | int


def validate(value: YamlValue, model: type[BaseModel]) -> list[Problem]:
    """Return the problems of a file or an entry, each with its location."""
    if value.kind is not YamlKind.MAP:
        return [Problem(value.at, f"expected a map of keys and values, found {value.kind.value}")]
    found: list[Problem] = []
    try:
        model.model_validate(to_plain(value))
    except ValidationError as error:
        found = list(_problems(value, model, error))
    if model in {AccountModel, StageModel} and (stacks := value.get("stacks")) is not None:
        found += [problem for name, entry in stacks.items() for problem in _entry(name, entry, stacks.where(name))]
    if model is StackModel and (archives := value.get("archives")) is not None:
        found += [problem for name, entry in archives.items() for problem in _archive(name, entry)]
    if model is OrchModel and (providers := value.get("providers")) is not None:
        found += [problem for name, entry in providers.items() for problem in _provider(name, entry)]
    return found


def _entry(name: str, entry: YamlValue, at: Location) -> list[Problem]:
    if entry.kind is YamlKind.NULL or (entry.kind is YamlKind.BOOL and entry.value is False):
        return []
    if entry.kind is not YamlKind.MAP:
        hint = "leave it empty to use the stack file unchanged, or write false to leave the stack out"
        return [Problem(entry.at, f"stacks.{_path([name])} must be a map, empty or false, found {_shown(entry)}", hint)]
    found = validate(entry, StackModel)
    if found and name in StackModel.model_fields:
        hint = f"`{name}` is a key of a stack: indent it below the name of its stack"
        return [Problem(at, f"stacks.{name} is not a stack", hint)]
    return found


def _archive(name: str, entry: YamlValue) -> list[Problem]:
    if entry.kind is YamlKind.MAP:
        return validate(entry, ArchiveModel)
    if entry.kind is YamlKind.NULL or (entry.kind is YamlKind.TEXT and entry.value):
        return []
    hint = "write the path of a folder, or {folder: …, build: {run: […]}}"
    return [Problem(entry.at, f"archives.{_path([name])} must be a folder or a map, found {_shown(entry)}", hint)]


def _provider(name: str, entry: YamlValue) -> list[Problem]:
    if entry.kind is YamlKind.MAP:
        return validate(entry, ProviderModel)
    if entry.kind is YamlKind.TEXT and entry.value:
        return []
    number = entry.kind is YamlKind.NUMBER
    hint = f'quote it: "{entry.raw}"' if number else 'write "5.100.0", or {source: …, version: "…"}'
    return [Problem(entry.at, f"providers.{_path([name])} must be a version or a map, found {_shown(entry)}", hint)]


@dataclass(frozen=True, slots=True)
class _Error:
    """One of pydantic's errors.

    Attributes:
        type: pydantic's error type.
        loc: keys and indexes that lead to the value.
        of_key: the error is about the last key, not its value.
        wanted: what is allowed there, in words.
    """

    type: str
    loc: tuple[_Step, ...]
    of_key: bool
    wanted: str

    @classmethod
    def of(cls, error: Mapping[str, Any]) -> _Error:
        kind: str = error["type"]
        loc: tuple[_Step, ...] = error["loc"]
        of_key = loc[-1:] == ("[key]",) and kind.startswith("string_") and kind != "string_type"
        if kind == "literal_error":
            wanted = str(error["ctx"]["expected"])
        else:
            pattern = error.get("ctx", {}).get("pattern")
            wanted = PATTERN_DESCRIPTIONS.get(pattern) or _WANTED.get(kind) or str(error["msg"])
        return cls(kind, loc[:-1] if of_key else loc, of_key, wanted)


def _problems(value: YamlValue, model: type[BaseModel], error: ValidationError) -> Iterator[Problem]:
    found = [_Error.of(each) for each in error.errors(include_url=False)]
    quoted: dict[tuple[_Step, ...], str] = {}
    if any(each.type == "string_type" for each in found):
        quoted = _if_quoted(value, model)
    for each in found:
        yield _problem(value, model, each, quoted.get(each.loc))


def _if_quoted(value: YamlValue, model: type[BaseModel]) -> dict[tuple[_Step, ...], str]:
    """Return what would be wrong if every number were quoted, so that a hint to quote one does not lead to an error."""
    try:
        model.model_validate(to_plain(value, as_text=True))
    except ValidationError as error:
        return {each.loc: each.wanted for each in map(_Error.of, error.errors(include_url=False)) if not each.of_key}
    return {}


def _problem(value: YamlValue, model: type[BaseModel], error: _Error, quoted: str | None) -> Problem:
    """Return one of pydantic's errors as a problem with a location."""
    if error.type == "missing":
        at, found = locate(value, error.loc[:-1])
        return Problem(at, f"missing key '{_path(error.loc)}'", _description(model, error.loc))
    at, found = locate(value, error.loc)
    if error.type == "extra_forbidden":
        known = sorted(_fields(model, error.loc[:-1]))
        near = near_miss(str(error.loc[-1]), known) or f"known keys: {', '.join(known)}"
        _, parent = locate(value, error.loc[:-1])
        near = not_indented(parent, str(error.loc[-1]), known, near)
        return Problem(at, f"the key '{_path(error.loc)}' is unknown", near)
    if error.of_key:
        return Problem(at, f"'{_path(error.loc[-1:])}' is not a valid key", f"use {error.wanted}")
    wanted, hint = _wanted(error, found, quoted)
    return Problem(found.at, f"{_path(error.loc)} must be {wanted}, found {_shown(found)}", hint)


def _wanted(error: _Error, found: YamlValue, quoted: str | None) -> tuple[str, str | None]:
    """Return what is allowed there, and a hint."""
    wanted = error.wanted
    of_number = error.type == "string_type" and found.kind in {YamlKind.NUMBER, YamlKind.BOOL}
    if of_number and quoted:
        wanted = f"text: {quoted}"
    if PATTERN_DESCRIPTIONS[ACCOUNT_ID] in wanted and re.fullmatch("[0-9]{11}", found.raw):
        return wanted, f'it has 11 digits; if a leading zero was lost, write "0{found.raw}"'
    if of_number and not quoted:
        return wanted, f'quote it: "{found.raw}"'
    return wanted, name_hint(error.loc, wanted, found)


def _path(loc: Sequence[_Step]) -> str:
    """Return a path such as ``stacks.api.depends_on[0]``, with characters escaped that a terminal cannot show."""
    steps = (f"[{s}]" if isinstance(s, int) else f".{s if s.isprintable() else repr(s)[1:-1]}" for s in loc)
    return "".join(steps).removeprefix(".")


def _description(model: type[BaseModel], loc: Sequence[_Step]) -> str | None:
    field = _fields(model, loc[:-1]).get(str(loc[-1]))
    return field.description.removesuffix(".") if field is not None and field.description else None


def _fields(model: type[BaseModel], loc: Sequence[_Step]) -> Mapping[str, Any]:
    """Return the fields that the model has at a path."""
    current = model
    for step in loc:
        if step in current.model_fields:  # otherwise a key of a map from names to models
            current = _model_in(current.model_fields[str(step)].annotation) or current
    return current.model_fields


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((model for inner in getattr(annotation, "__args__", ()) if (model := _model_in(inner))), None)


def _shown(value: YamlValue) -> str:
    if value.kind in {YamlKind.MAP, YamlKind.LIST, YamlKind.NULL}:
        return value.kind.value
    kind = {YamlKind.NUMBER: "the number ", YamlKind.BOOL: "the boolean "}.get(value.kind, "")
    raw = value.raw if len(value.raw) <= _SHOWN else f"{value.raw[:_SHOWN]}…"
    return f"{kind}{raw if kind else repr(raw)}"
