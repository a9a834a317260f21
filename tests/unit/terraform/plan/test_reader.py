from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from orchestrator.guard.plan import entries
from orchestrator.terraform.model import Action, PlanRecord
from orchestrator.terraform.plan import reader
from orchestrator.terraform.plan.reader import UnreadablePlanError, any_true, empty_plan, read_plan

POOL = {
    "address": "module.this.aws_cognito_user_pool.this",
    "module_address": "module.this",
    "mode": "managed",
    "type": "aws_cognito_user_pool",
    "name": "this",
    "provider_name": "registry.terraform.io/hashicorp/aws",
    "change": {
        "actions": ["delete"],
        "before": {"id": "p", "name": "users"},
        "after": None,
        "after_unknown": {},
        "before_sensitive": {},
        "after_sensitive": False,
    },
    "action_reason": "delete_because_no_resource_config",
}


def entry(*actions: str, before: Any = None, after: Any = None, **more: Any) -> dict[str, Any]:
    return POOL | {"action_reason": None, "change": {"actions": list(actions), "before": before, "after": after}} | more


def document(*changes: Any, **more: Any) -> dict[str, Any]:
    return {
        "format_version": "1.2",
        "terraform_version": "1.11.4",
        "planned_values": {"root_module": {}},
        "resource_changes": list(changes),
        "configuration": {"root_module": {}},
        "applyable": True,
        "complete": True,
        "errored": False,
    } | more


def read(folder: Path, content: Any) -> PlanRecord:
    file = folder / "plan.json"
    file.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return read_plan(folder / "plan", file)


HERE: dict[str, Any] = {"id": "p"}


@pytest.mark.parametrize(
    ("actions", "before", "after", "action"),
    [
        (["create"], None, HERE, Action.CREATE),
        (["read"], None, HERE, Action.READ),
        (["update"], HERE, HERE, Action.UPDATE),
        (["delete"], HERE, None, Action.DELETE),
        (["forget"], HERE, None, Action.FORGET),
        (["delete", "create"], HERE, HERE, Action.REPLACE),
        (["create", "delete"], HERE, HERE, Action.REPLACE),
        (["create", "forget"], HERE, HERE, Action.REPLACE),
        (["forget", "create"], HERE, HERE, Action.REPLACE),
    ],
)
def test_every_list_of_actions_has_its_name(
    tmp_path: Path, actions: list[str], before: Any, after: Any, action: Action
) -> None:
    (change,) = read(tmp_path, document(entry(*actions, before=before, after=after))).changes
    assert (change.action, change.before, change.after) == (action, before, after)


def test_the_guards_own_reader_knows_the_same_lists_of_actions() -> None:
    """It is a reader of its own; an action that only one of them knows makes a plan unreadable."""
    assert reader._ACTIONS == entries._ACTIONS


def test_a_change_keeps_all_that_terraform_says(tmp_path: Path) -> None:
    change = entry(
        "delete",
        "create",
        before=HERE,
        after={},
        deposed="ab12",
        index="k",
        previous_address="old",
        action_reason="tainted",
    )
    change["change"] |= {
        "replace_paths": [["name"], ["schema", 0, "name"]],
        "after_unknown": {"id": True},
        "before_sensitive": {"a": True},
        "after_sensitive": {"b": True},
        "importing": {"id": "pool-1"},
    }
    (found,) = read(tmp_path, document(change)).changes
    assert found.replace_paths == (("name",), ("schema", 0, "name"))
    assert (found.deposed, found.index, found.previous_address, found.reason) == ("ab12", "k", "old", "tainted")
    assert (found.after_unknown, found.before_sensitive, found.after_sensitive) == (
        {"id": True},
        {"a": True},
        {"b": True},
    )
    assert (found.importing, found.module_address, found.mode) == ("pool-1", "module.this", "managed")


def test_nothing_to_do_is_left_out_but_moves_and_imports_are_not(tmp_path: Path) -> None:
    imported = entry("no-op", before=HERE, after=HERE, address="c")
    imported["change"]["importing"] = {"id": "x"}
    record = read(
        tmp_path,
        document(
            entry("no-op", before=HERE, after=HERE, address="a"),
            entry("no-op", before=HERE, after=HERE, address="b", previous_address="old"),
            imported,
        ),
    )
    assert [change.address for change in record.changes] == ["b", "c"]


def test_drift_is_not_what_the_plan_does(tmp_path: Path) -> None:
    assert read(tmp_path, document(resource_drift=[POOL])).empty


def test_outputs_are_read_with_what_is_unknown_and_secret(tmp_path: Path) -> None:
    outputs = {
        "new": {"actions": ["create"], "before": None, "after_unknown": True},
        "same": {"actions": ["no-op"], "before": 1, "after": 1, "after_unknown": False, "after_sensitive": False},
        "secret": {"actions": ["update"], "before": 1, "after": 2, "before_sensitive": True, "after_sensitive": False},
    }
    record = read(tmp_path, document(output_changes=outputs))
    assert (record.outputs["new"].after, record.outputs["new"].after_unknown) == (None, True)
    assert (record.outputs["same"].after, record.outputs["same"].action) == (1, Action.NOOP)
    assert [name for name, output in record.outputs.items() if output.sensitive] == ["secret"]
    assert not record.empty


def test_a_plan_without_resources_is_empty(tmp_path: Path) -> None:
    bare = document()
    del bare["resource_changes"]  # as Terraform writes it for a root without resources
    record = read(tmp_path, bare)
    assert record.empty


def test_an_errored_plan_is_marked(tmp_path: Path) -> None:
    assert read(tmp_path, document(errored=True)).errored
    assert not read(tmp_path, document()).errored


def test_terraforms_own_word_for_empty() -> None:
    record = empty_plan(Path("plan"))
    assert record.empty
    assert record.json_file is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"null",
        b"[]",
        b"{}",
        b"\xff\xfe",
        b"[" * 100_000,
        json.dumps(document()).encode()[:-1],
        json.dumps(document()).replace("1.2", "2.0", 1).encode(),
        json.dumps(document()).replace('"1.2"', "1.2", 1).encode(),
        json.dumps(document(POOL)).replace('"p"', "NaN", 1).encode(),
        document(format_version="0.2"),
        document(format_version="1.x"),
        document(configuration=None),
        document(planned_values=[]),
        document(terraform_version=None),
        document(resource_changes={}),
        document(resource_changes=[None]),
        document(output_changes=[]),
        document(output_changes={"a": {}}),
        document(errored="no"),
        document(complete="yes"),
        document(entry("evict", before=HERE)),
        document(entry("delete", "update", before=HERE, after=HERE)),
        document(entry(before=HERE)),
        document(entry("delete", before=HERE, mode="strange")),
        document(entry("delete", before=HERE, address=None)),
        document(entry("delete", before=HERE, type=None)),
        document(POOL | {"change": None}),
    ],
)
def test_what_is_not_understood_is_an_error(tmp_path: Path, content: Any) -> None:
    with pytest.raises(UnreadablePlanError):
        read(tmp_path, content)


@pytest.mark.parametrize(
    ("actions", "before", "after"),
    [
        (["no-op"], HERE, None),
        (["update"], HERE, None),
        (["create"], HERE, HERE),
        (["create"], None, None),
        (["delete"], None, None),
        (["forget"], HERE, HERE),
        (["read"], None, None),
        (["update"], HERE, [1]),
    ],
)
def test_a_plan_that_contradicts_itself_is_an_error(
    tmp_path: Path, actions: list[str], before: Any, after: Any
) -> None:
    with pytest.raises(UnreadablePlanError):
        read(tmp_path, document(entry(*actions, before=before, after=after)))


def test_a_file_that_is_missing_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(UnreadablePlanError):
        read_plan(tmp_path / "plan", tmp_path / "none.json")


@given(st.data())
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_a_plan_that_is_cut_off_is_never_read(tmp_path: Path, data: st.DataObject) -> None:
    whole = json.dumps(document(POOL)).encode()
    with pytest.raises(UnreadablePlanError):
        read(tmp_path, whole[: data.draw(st.integers(0, len(whole) - 1))])


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Every place in a document."""
    if path:
        yield path
    parts = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, part in parts:
        yield from places(part, (*path, key))


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=4,
)


@given(st.data())
@settings(max_examples=400, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_no_damage_turns_a_deletion_into_nothing(tmp_path: Path, data: st.DataObject) -> None:
    """One value of a plan that deletes a pool is replaced or removed: it is still a deletion, or it is an error.

    Only the list of changes itself and its one entry stay: a plan without them is a valid plan of something else.
    """
    whole = document(copy.deepcopy(POOL))
    path = data.draw(
        st.sampled_from([p for p in places(whole) if p not in {("resource_changes",), ("resource_changes", 0)}])
    )
    holder = whole
    for key in path[:-1]:
        holder = holder[key]
    if data.draw(st.booleans()) and isinstance(holder, dict):
        del holder[path[-1]]
    else:
        holder[path[-1]] = data.draw(
            json_values | st.sampled_from([["no-op"], ["read"], ["update"], ["create"], "data"])
        )
    try:
        record = read(tmp_path, whole)
    except UnreadablePlanError:
        return
    assert [change.action.destructive for change in record.changes] == [True]


@pytest.mark.parametrize(
    ("mirror", "found"),
    [
        (True, True),
        ({}, False),
        (None, False),
        ({"a": [False, {"b": True}]}, True),
        ({"a": "true"}, False),
        ([1], False),
    ],
)
def test_any_true_finds_true_at_any_depth(mirror: Any, found: bool) -> None:
    assert any_true(mirror) is found
