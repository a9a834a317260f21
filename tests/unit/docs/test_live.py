"""docs/live.md is complete, and every example on it is true."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest
from pydantic import BaseModel

from orchestrator.config.accounts_lock import AccountsLockModel
from orchestrator.config.live.files import BUILT_INS
from orchestrator.config.naming import SERVICES
from orchestrator.config.schema import models
from orchestrator.config.yaml.reader import parse_yaml
from orchestrator.config.yaml.validation import to_plain
from tests.support.doc_examples import Case, base_of, cases, check, message_of, renewed, shown_files
from tests.support.project import REPOSITORY

PAGE = (REPOSITORY / "docs/live.md").read_text(encoding="utf-8")
CASES = cases(PAGE)
ROW = re.compile(r"^\| `(?P<key>[^`]+)` \| *(?P<second>[^|]*?) *\|", re.MULTILINE)
SECTIONS: Mapping[str, type[BaseModel]] = {
    "## `live/orch.yaml`": models.OrchModel,
    "## Accounts": models.AccountModel,
    "## Stages": models.StageModel,
    "## Stacks": models.StackModel,
    "## `live/accounts.lock.yaml`": AccountsLockModel,
}
"""Heading -> the model whose keys its first table lists."""
BY_FILE: Mapping[str, type[BaseModel]] = {
    r"live/orch\.yaml": models.OrchModel,
    r"live/accounts/[\w-]+\.yaml": models.AccountModel,
    r"live/stages/[\w-]+\.yaml": models.StageModel,
    r"live/stacks/[\w-]+\.yaml": models.StackModel,
    r"live/accounts\.lock\.yaml": AccountsLockModel,
}
INNER: Mapping[tuple[type[BaseModel], str], type[BaseModel]] = {
    (models.OrchModel, "providers"): models.ProviderModel,
    (models.AccountModel, "stacks"): models.StackModel,
    (models.StageModel, "stacks"): models.StackModel,
    (models.StackModel, "archives"): models.ArchiveModel,
}
"""Maps whose values are checked by a model that the annotation does not name."""


@pytest.mark.parametrize("case", [case for case in CASES if case.message is None], ids=lambda case: case.title)
def test_an_example_loads_and_gives_what_the_page_says(case: Case, tmp_path: Path) -> None:
    check(case, tmp_path)


@pytest.mark.parametrize("case", [case for case in CASES if case.message is not None], ids=lambda case: case.title)
def test_a_wrong_example_gives_the_message_of_the_page(case: Case) -> None:
    assert case.message is not None
    assert case.message.body, "the message is missing: python -m tests.support.doc_examples"
    assert case.message.body == message_of(case), "run: python -m tests.support.doc_examples"


def test_the_messages_are_written_in_their_places() -> None:
    emptied = re.sub(r"```text\n.*?```", "```text\n```", PAGE, flags=re.DOTALL)
    assert emptied != PAGE
    assert renewed(emptied) == PAGE


def below(model: type[BaseModel], key: str) -> tuple[type[BaseModel] | None, bool]:
    """The model of a key's value, and whether the value is a map from names to that model."""
    if (model, key) in INNER:
        return INNER[model, key], True
    text = str(model.model_fields[key].annotation)
    found = [each for each in all_models() if re.search(rf"\b{each.__name__}\b", text)]
    return (found[0], "dict[" in text) if found else (None, False)


def all_models() -> tuple[type[BaseModel], ...]:
    def of(model: type[BaseModel]) -> Iterator[type[BaseModel]]:
        for each in model.__subclasses__():
            yield each
            yield from of(each)

    return tuple(of(models.StrictModel))


def used(model: type[BaseModel], value: object) -> Iterator[tuple[str, str]]:
    """Model and key of everything that a file sets."""
    for key, inner in value.items() if isinstance(value, dict) else ():
        yield model.__name__, key
        inner_model, is_map = below(model, key)
        if inner_model is not None and isinstance(inner, dict):
            for each in inner.values() if is_map else (inner,):
                yield from used(inner_model, each)


def test_every_key_of_every_model_is_in_an_example() -> None:
    shown: set[tuple[str, str]] = set()
    for name, text in shown_files(PAGE):
        for pattern, model in BY_FILE.items():
            if re.fullmatch(pattern, name):
                shown.update(used(model, to_plain(parse_yaml(text.encode(), name))))
    known = {(model.__name__, key) for model in all_models() for key in model.model_fields}
    assert len(known) > 50
    assert sorted(known - shown) == []


def keys(model: type[BaseModel], prefix: str = "") -> Iterator[tuple[str, bool]]:
    """The keys of a file as the page writes them, and whether each is required."""
    for key, info in model.model_fields.items():
        yield prefix + key, info.is_required()
        inner, is_map = below(model, key)
        if inner is not None and (model, key) not in INNER:
            yield from keys(inner, f"{prefix}{key}{'.*' if is_map else ''}.")


@pytest.mark.parametrize("heading", SECTIONS)
def test_a_table_lists_exactly_the_keys_of_its_file(heading: str) -> None:
    start = PAGE.index(f"\n{heading}\n")
    table = PAGE[PAGE.index("\n| key |", start) :].split("\n\n")[0]
    assert [(row["key"], row["second"] == "yes") for row in ROW.finditer(table)] == list(keys(SECTIONS[heading]))


def test_the_table_of_names_is_that_of_the_code() -> None:
    table = PAGE[PAGE.index("| key of `names` |") :].split("\n\n")[0]
    assert {row["key"]: int(row["second"]) for row in ROW.finditer(table)} == {
        name: service.limit for name, service in SERVICES.items()
    }
    unique = {row["key"] for row in ROW.finditer(table) if "account id" in table[row.start() :].splitlines()[0]}
    assert unique == {name for name, service in SERVICES.items() if service.unique}


def test_every_built_in_reference_is_listed() -> None:
    for name in BUILT_INS:
        assert f"`${{{{ {name} }}}}`" in PAGE, name


def test_the_page_starts_with_a_whole_example() -> None:
    assert {name.split("/")[1] for name in base_of(PAGE)} == {"orch.yaml", "accounts", "stages", "stacks"}
