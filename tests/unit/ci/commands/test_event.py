"""The event of a comment, as GitHub writes it."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.ci.commands.event import CommentEvent, read_comment_event
from orchestrator.errors import UsageError
from tests.support.workflows import comment_event

EVENT = comment_event("orch plan")


def read(folder: Path, event: Any) -> CommentEvent:
    path = folder / "event.json"
    path.write_text(event if isinstance(event, str) else json.dumps(event), encoding="utf-8")
    return read_comment_event(path)


def test_an_event_says_who_wrote_what_where(tmp_path: Path) -> None:
    assert read(tmp_path, EVENT) == CommentEvent(
        "example/platform", "main", 7, True, 5, "orch plan", "ann", 42, by_bot=False
    )


def test_an_issue_is_no_pull_request_and_a_bot_no_person(tmp_path: Path) -> None:
    event = copy.deepcopy(EVENT)
    del event["issue"]["pull_request"]
    event["comment"]["user"]["type"] = "Bot"
    found = read(tmp_path, event)
    assert (found.on_pull_request, found.by_bot) == (False, True)
    event["comment"]["user"] = None
    assert read(tmp_path, event).author == ""


@pytest.mark.parametrize("key", ["action", "issue", "comment", "repository"])
def test_another_event_is_refused(tmp_path: Path, key: str) -> None:
    values: tuple[Any, ...] = (None, "edited", 7, {}, [])
    for value in values:
        with pytest.raises(UsageError, match="not the event of a comment"):
            read(tmp_path, {**EVENT, key: value})


@pytest.mark.parametrize("value", [7, "ann", [], True, {"login": 7}, {"login": "ann", "id": "42"}])
def test_an_author_of_another_form_is_refused(tmp_path: Path, value: Any) -> None:
    with pytest.raises(UsageError, match="not the event of a comment"):
        read(tmp_path, {**EVENT, "comment": {**EVENT["comment"], "user": value}})


@given(st.recursive(st.none() | st.booleans() | st.integers() | st.text(max_size=9), st.lists))
def test_no_file_is_a_crash(tmp_path_factory: pytest.TempPathFactory, value: Any) -> None:
    with pytest.raises(UsageError):
        read(tmp_path_factory.mktemp("event"), value)


def test_a_file_that_is_missing_not_json_or_too_large_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="cannot be read"):
        read_comment_event(tmp_path / "none.json")
    with pytest.raises(UsageError, match="not the event"):
        read(tmp_path, "{")
    with pytest.raises(UsageError, match="not the event"):
        read(tmp_path, "[" * 100_000)
    with pytest.raises(UsageError, match="too large"):
        read(tmp_path, " " * 5_000_001)
