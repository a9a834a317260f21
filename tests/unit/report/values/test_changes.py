"""What a plan's changes look like, attribute by attribute."""

from __future__ import annotations

import json
from typing import Any

import pytest

from orchestrator.errors import Location
from orchestrator.report.model import AttributeChange, ChangeLine
from orchestrator.report.values.changes import AFTER_APPLY, AFTER_UPSTREAM, unplanned_deletes
from orchestrator.terraform.model import Action, ResourceChange
from tests.support.reports import POOL, change, lines


def one(before: Any, after: Any, action: Action = Action.UPDATE, **more: Any) -> ChangeLine:
    (line,) = lines(change(action, before, after, **more))
    return line


def shown(line: ChangeLine) -> list[tuple[str, str, str]]:
    return [(a.path, a.before, a.after) for a in line.attributes]


def test_update_shows_only_what_differs_by_its_nested_path() -> None:
    line = one(
        {"name": "a", "mfa": "OFF", "policy": [{"length": 8, "symbols": True}], "tags": {"x-y": "1", "a b": "2"}},
        {"name": "a", "mfa": "ON", "policy": [{"length": 12, "symbols": True}], "tags": {"x-y": "1", "a b": "3"}},
    )
    assert line.address == "aws_cognito_user_pool.this"
    assert shown(line) == [
        ("mfa", '"OFF"', '"ON"'),
        ("policy[0].length", "8", "12"),
        ('tags["a b"]', '"2"', '"3"'),
    ]


def test_create_shows_values_and_leaves_out_what_is_empty() -> None:
    line = one(
        None,
        {"name": "a", "null": None, "none": [], "blocks": [{"n": 1, "m": None}], "list": ["a", 1, True], "text": ""},
        Action.CREATE,
        after_unknown={"arn": True, "list": [False, False, False]},
    )
    assert shown(line) == [
        ("arn", "", AFTER_APPLY),
        ("blocks[0].n", "", "1"),
        ("list", "", '["a", 1, true]'),
        ("name", "", '"a"'),
        ("text", "", '""'),
    ]


def test_create_of_nothing_but_nulls_has_no_attributes() -> None:
    assert one(None, {"a": None, "b": {}, "c": []}, Action.CREATE).attributes == ()


def test_delete_shows_what_there_was() -> None:
    assert shown(one({"name": "a", "n": None}, None, Action.DELETE)) == [("name", '"a"', "")]


def test_forget_changes_no_attribute() -> None:
    assert one({"name": "a"}, None, Action.FORGET).attributes == ()


@pytest.mark.parametrize(
    ("before", "after", "wanted"),
    [
        (["a", "b"], ["c", "a", "b"], [("x[0]", "", '"c"')]),
        (["a", "b", "c"], ["a", "c"], [("x[1]", '"b"', "")]),
        (["a", "b"], ["a", "c"], [("x[1]", '"b"', '"c"')]),
        (["a"], [], [("x", '["a"]', "[]")]),
        ([], ["a", "b"], [("x", "[]", '["a", "b"]')]),
        (None, ["a"], [("x", "", '["a"]')]),
        ({"a": 1}, {"a": 1, "b": 2}, [("x.b", "", "2")]),
        ({"a": 1}, None, [("x.a", "1", "")]),
        ({}, {"a": None}, []),
        ([{}], [{}, {}], [("x[1]", "", "{}")]),
        (1, True, [("x", "1", "true")]),
        ("1", 1, [("x", '"1"', "1")]),
        ({"a": 1}, "text", [("x", "{a = 1}", '"text"')]),
        (1, 1.0, []),
    ],
)
def test_lists_and_maps_are_aligned(before: Any, after: Any, wanted: list[tuple[str, str, str]]) -> None:
    assert shown(one({"x": before, "other": 1}, {"x": after, "other": 2}))[1:] == wanted


def test_blocks_with_names_are_compared_by_name() -> None:
    email = {"name": "email", "required": True}
    line = one({"schema": [email]}, {"schema": [{"name": "company", "max": 64}, email]})
    assert shown(line) == [
        ('schema["company"].max', "", "64"),
        ('schema["company"].name', "", '"company"'),
    ]


def test_a_new_order_of_named_blocks_is_a_change() -> None:
    a, b = {"name": "a"}, {"name": "b"}
    assert shown(one({"schema": [a, b]}, {"schema": [b, a]})) == [("schema", '["a", "b"]', '["b", "a"]')]


def test_json_in_a_string_is_compared_as_what_it_holds() -> None:
    old = json.dumps({"Statement": [{"Sid": "Read", "Action": ["s3:GetObject"]}]})
    new = json.dumps({"Statement": [{"Sid": "Read", "Action": ["s3:GetObject", "s3:ListBucket"]}]})
    assert shown(one({"policy": old}, {"policy": new})) == [
        ('policy.Statement["Read"].Action[1]', "", '"s3:ListBucket"')
    ]


def test_json_that_is_only_written_otherwise_is_said_to_be() -> None:
    assert shown(one({"policy": '{"a":1}'}, {"policy": '{"a": 1}'})) == [
        ("policy", "(the same JSON)", "(formatted differently)")
    ]


def test_text_that_only_looks_like_json_is_text() -> None:
    deep = "[" * 5000 + "]" * 5000
    line = one({"a": "{x}", "b": "1"}, {"a": "[y", "b": deep})
    assert shown(line)[0] == ("a", '"{x}"', '"[y"')
    assert line.attributes[1].after.endswith("(10,000 characters)")


def test_unknown_is_after_apply_or_after_an_upstream() -> None:
    raw = change(
        Action.UPDATE,
        {"role": "a", "env": [{"variables": {"T": "1", "U": "1"}}], "id": "x", "layers": ["l"]},
        {"env": [{"variables": {"U": "1"}}], "layers": [None, "m"]},
        after_unknown={"role": True, "env": [{"variables": {"T": True}}], "id": True, "layers": [True, False]},
    )
    marks = {(POOL, "env[0].variables"): ("prod/b",), (POOL, "role"): ("prod/a", "prod/b"), ("other.x", "id"): ()}
    (line,) = lines(raw, marks=marks)
    assert [each.upstreams for each in line.attributes if each.after_upstream] == [("prod/b",), ("prod/a", "prod/b")]
    assert [(a.path, a.after, a.after_upstream) for a in line.attributes] == [
        ("env[0].variables.T", AFTER_UPSTREAM, True),
        ("id", AFTER_APPLY, False),
        ("layers[0]", "", False),
        ("layers[0]", AFTER_APPLY, False),
        ("layers[1]", '"m"', False),
        ("role", AFTER_UPSTREAM, True),
    ]


def test_a_known_value_is_not_marked_as_from_an_upstream() -> None:
    (line,) = lines(change(Action.UPDATE, {"role": "a"}, {"role": "b"}), marks={(POOL, "role"): ("prod/a",)})
    assert line.attributes == (AttributeChange("role", '"a"', '"b"'),)


def test_a_null_that_becomes_an_empty_text_is_no_change_beside_others() -> None:
    def pool(maximum: str | None, mfa: str, **tags: str) -> dict[str, Any]:
        return {"schema": [{"name": "company", "limits": [{"max_length": maximum}]}], "mfa": mfa, "tags": tags}

    assert shown(one(pool(None, "OFF"), pool("", "ON"))) == [("mfa", '"OFF"', '"ON"')]
    assert shown(one(pool("", "OFF"), pool(None, "ON"))) == [("mfa", '"OFF"', '"ON"')]
    (alone,) = shown(one(pool(None, "ON"), pool("", "ON")))
    assert alone == ('schema["company"].limits[0].max_length', "", '""')
    assert ("tags.Empty", "", '""') in shown(one(pool(None, "OFF"), pool(None, "ON", Empty="")))


def test_a_short_list_that_forces_a_replacement_is_shown_whole() -> None:
    def replaced(old: Any, new: Any, path: tuple[str, ...] = ("names",), **more: Any) -> list[tuple[str, str, str]]:
        both = ({"names": old, "other": ["a"]}, {"names": new, "other": ["a", "b"]})
        return shown(one(*both, Action.REPLACE, replace_paths=(path,), **more))

    assert replaced(["email"], ["email", "phone"]) == [
        ("names", '["email"]', '["email", "phone"]'),
        ("other[1]", "", '"b"'),
    ]
    long = [f"name-{number:03}" for number in range(30)]
    assert ("names[30]", "", '"x"') in replaced(long, [*long, "x"])
    assert ("names[1].a", "", "1") in replaced([{"b": 1}], [{"b": 1}, {"a": 1}])
    hidden = replaced(["a"], ["a", "b"], before_sensitive={"names": [True]}, after_sensitive={"names": [True, False]})
    assert hidden[0][0] == "names[1]"


def test_an_attribute_has_the_line_that_sets_it() -> None:
    at = Location("live/stages/prod.yaml", 17, 5)
    asked = []

    def locate(change: ResourceChange, path: tuple[str | int, ...]) -> Location | None:
        asked.append((change.address, path))
        return at if path[0] == "memory_size" else None

    raw = change(Action.UPDATE, {"memory_size": 1, "env": [{"a": 1}]}, {"memory_size": 2, "env": [{"a": 2}]})
    (line,) = lines(raw, locate=locate)
    assert [(each.path, each.where) for each in line.attributes] == [("env[0].a", None), ("memory_size", at)]
    assert asked == [(POOL, ("env", 0, "a")), (POOL, ("memory_size",))]
    created = lines(change(Action.CREATE, None, {"memory_size": 2}), locate=locate)
    assert created[0].attributes[0].where is None
    assert lines(raw) == lines(raw, locate=locate)  # Where it is set makes no other change.


def test_what_forces_the_replacement_is_flagged_and_named() -> None:
    line = one(
        {"name": "a", "schema": [{"name": "x", "max": 1}], "mfa": "ON"},
        {"name": "b", "schema": [{"name": "x", "max": 2}], "mfa": "OFF"},
        Action.REPLACE,
        replace_paths=(("name",), ("schema",)),
        reason="replace_because_cannot_update",
    )
    assert {a.path: a.forces_replacement for a in line.attributes} == {
        "mfa": False,
        "name": True,
        'schema["x"].max': True,
    }
    assert line.reason == "it cannot be changed in place: name, schema"


@pytest.mark.parametrize(
    ("action", "reason", "words"),
    [
        (Action.DELETE, "delete_because_no_resource_config", "it is no longer in the configuration"),
        (Action.REPLACE, "replace_because_tainted", "it is tainted: an earlier apply did not finish creating it"),
        (Action.DELETE, "delete_because_moon_is_full", "delete because moon is full"),
        (Action.DELETE, None, ""),
    ],
)
def test_reasons_are_words(action: Action, reason: str | None, words: str) -> None:
    assert one({"a": 1}, None, action, reason=reason).reason == words


def test_moves_imports_and_deposed_objects_are_told() -> None:
    line = one(
        {"a": 1},
        {"a": 1},
        Action.NOOP,
        previous_address="module.this.aws_x.old",
        importing="eu-west-1_abc",
        deposed="1a2b",
    )
    assert (line.moved_from, line.imported_id, line.deposed) == ("aws_x.old", "eu-west-1_abc", "1a2b")


def test_values_cannot_control_the_terminal() -> None:
    line = one({"a": "x"}, {"a": "\x1b]0;owned\x07\x1b[2Jtwo\nlines\u202egnp\x9b31m\ud800\t'\"\\"})
    assert line.attributes[0].after == '"]0;owned[2Jtwo\\nlinesgnp31m\\t\'\\"\\\\"'


def test_addresses_keys_and_ids_cannot_control_the_terminal() -> None:
    hostile = 'module.this.aws_x.y["\x1b[31m\n"]'
    line = one(None, {"tags": {"\x1b[1m\n": "v"}}, Action.CREATE, address=hostile, importing="\x1b]2;x\x07")
    assert line.address == 'aws_x.y["[31m\\n"]'
    assert line.imported_id == "]2;x"
    assert line.attributes[0].path == 'tags["[1m\\n"]'


def test_long_values_are_cut_around_their_first_difference() -> None:
    start = "a" * 500
    (attribute,) = one({"d": start + "OLD" + "z" * 500}, {"d": start + "NEW" + "z" * 500}).attributes
    assert "OLD" in attribute.before
    assert "NEW" in attribute.after
    assert len(attribute.before) < 170
    assert attribute.after.endswith("(1,003 characters)")


def test_long_lists_and_maps_are_counted() -> None:
    (attribute,) = one(None, {"x": [f"item-{n}" for n in range(100)]}, Action.CREATE).attributes
    assert attribute.after.endswith("more]")
    assert len(attribute.after) < 160


def test_long_lists_without_alignment_still_show_the_change() -> None:
    old = [f"10.0.{n // 256}.{n % 256}" for n in range(600)]
    new = [*old[:300], "192.168.0.1", *old[301:]]
    assert shown(one({"x": old}, {"x": new})) == [("x[300]", f'"{old[300]}"', '"192.168.0.1"')]


def test_tags_all_does_not_repeat_tags() -> None:
    line = one(
        {"tags": {"a": "1"}, "tags_all": {"a": "1", "stage": "x"}},
        {"tags": {"a": "2"}, "tags_all": {"a": "2", "stage": "y"}},
    )
    assert [a.path for a in line.attributes] == ["tags.a", "tags_all.stage"]


def test_data_sources_appear_only_when_they_are_read_during_apply() -> None:
    read = change(Action.READ, None, {"a": 1}, address="module.this.data.aws_x.y", mode="data")
    gone = change(Action.DELETE, {"a": 1}, None, address="module.this.data.aws_x.z", mode="data")
    assert [line.address for line in lines(read, gone)] == ["data.aws_x.y"]


def test_an_update_of_marks_alone_is_explained() -> None:
    line = one({"a": 1}, {"a": 1}, before_sensitive={"a": True}, after_sensitive={})
    assert line.attributes == ()
    assert line.reason == "only sensitive values or metadata change"


def test_hundreds_of_levels_are_no_crash() -> None:
    value: Any = "leaf"
    for _ in range(400):
        value = [value]
    line = one({"a": 1}, {"a": 2, "deep": value})
    assert shown(line) == [("a", "1", "2"), ("deep", "", "(sensitive)")]


def test_a_destroy_lists_the_resources_that_the_plan_does_not_reach() -> None:
    planned = lines(change(Action.DELETE, {"name": "web"}, address="module.this.aws_cognito_user_pool_client.web"))
    addresses = ("module.this.aws_cognito_user_pool.this", "module.this.aws_cognito_user_pool_client.web")
    (missing,) = unplanned_deletes(planned, addresses)
    assert (missing.address, missing.action) == ("aws_cognito_user_pool.this", Action.DELETE)
    assert unplanned_deletes((*planned, missing), addresses) == ()
