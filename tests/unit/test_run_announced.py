"""The rule between preview and real plan: no plan with an unannounced action goes on."""

from __future__ import annotations

from copy import deepcopy
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from orchestrator.run.announced import destroys, unannounced
from orchestrator.terraform.records import Action, OutputChange, PlanRecord, ResourceChange

ADDRESS = "module.this.aws_sqs_queue.this"


def change(
    action: Action = Action.UPDATE,
    *,
    address: str = ADDRESS,
    after: Any = None,
    unknown: Any = None,
    **more: Any,
) -> ResourceChange:
    return ResourceChange(
        address=address,
        type="aws_sqs_queue",
        name="this",
        provider="aws",
        mode=more.pop("mode", "managed"),
        action=action,
        before={},
        after=after,
        after_unknown=unknown,
        **more,
    )


def plan(*changes: ResourceChange, **outputs: OutputChange) -> PlanRecord:
    return PlanRecord(
        file=Path("p"), json_file=None, format_version="1.2", terraform_version=None, changes=changes, outputs=outputs
    )


def output(after: Any, unknown: Any = False, action: Action = Action.UPDATE) -> OutputChange:
    return OutputChange(name="o", action=action, after=after, after_unknown=unknown, sensitive=False)


def test_the_same_plan_is_announced() -> None:
    same = plan(change(after={"delay": 1, "tags": {"a": "b"}}))
    assert unannounced(same, same) == ()


def test_an_unknown_that_became_known_is_announced() -> None:
    preview = plan(change(after={"delay": 1}, unknown={"arn": True, "tags": {"pool": True}}))
    real = plan(change(after={"delay": 1, "arn": "arn:x", "tags": {"pool": "p-1"}}))
    assert unannounced(preview, real) == ()


def test_a_change_that_the_preview_did_not_have_stops() -> None:
    lines = unannounced(plan(), plan(change()))
    assert lines == (f"update {ADDRESS}: not in the preview",)


def test_a_replacement_where_an_update_was_announced_stops() -> None:
    lines = unannounced(plan(change(Action.UPDATE)), plan(change(Action.REPLACE)))
    assert lines == (f"replace {ADDRESS}: the preview said update",)


def test_an_update_where_a_replacement_was_announced_goes_on() -> None:
    assert unannounced(plan(change(Action.REPLACE)), plan(change(Action.UPDATE))) == ()


def test_another_value_than_announced_stops_and_names_the_path() -> None:
    preview = plan(change(after={"rules": [{"port": 1}]}))
    real = plan(change(after={"rules": [{"port": 2}]}))
    assert unannounced(preview, real) == (f"update {ADDRESS}: rules.0.port is not what the preview said",)


def test_a_known_value_that_turned_unknown_stops() -> None:
    preview = plan(change(after={"arn": "arn:x"}))
    real = plan(change(after={}, unknown={"arn": True}))
    assert unannounced(preview, real) == (f"update {ADDRESS}: arn is not what the preview said",)


def test_a_set_that_is_sorted_anew_is_announced() -> None:
    preview = plan(change(after={"arns": ["b", None]}, unknown={"arns": [False, True]}))
    real = plan(change(after={"arns": ["a", "b"]}))
    assert unannounced(preview, real) == ()


def test_a_known_element_that_vanished_beside_an_unknown_stops() -> None:
    preview = plan(change(after={"arns": ["b", None]}, unknown={"arns": [False, True]}))
    real = plan(change(after={"arns": ["a", "c"]}))
    assert unannounced(preview, real)


def test_more_elements_than_announced_stop() -> None:
    preview = plan(change(after={"arns": [None]}, unknown={"arns": [True]}))
    real = plan(change(after={"arns": ["a", "b"]}))
    assert unannounced(preview, real)


def test_fewer_changes_than_announced_go_on() -> None:
    assert unannounced(plan(change(), change(address="other")), plan(change())) == ()


def test_a_data_source_read_again_is_no_change() -> None:
    assert unannounced(plan(), plan(change(Action.READ, mode="data"))) == ()


def test_another_import_than_announced_stops() -> None:
    preview = plan(change(Action.UPDATE, importing="a"))
    assert unannounced(preview, plan(change(Action.UPDATE, importing="b")))


def test_an_output_that_was_to_stay_stops() -> None:
    preview = plan(o=output("a", action=Action.NOOP))
    assert unannounced(preview, plan(o=output("b"))) == ("output o: the preview said that it stays",)
    assert unannounced(plan(), plan(o=output("b"))) == ("output o: not in the preview",)
    assert unannounced(plan(o=output(None, True)), plan(o=output("b"))) == ()


def test_what_is_lost_is_named() -> None:
    record = plan(change(Action.DELETE), change(Action.REPLACE), change(Action.FORGET), change(Action.CREATE))
    assert destroys(record) == (f"delete {ADDRESS}", f"replace {ADDRESS}", f"forget {ADDRESS}")


leaves = st.one_of(st.text(max_size=4), st.integers(), st.booleans(), st.none())
values = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3)
)
objects = st.dictionaries(st.text(min_size=1, max_size=3), values, min_size=1, max_size=4)


def blur(value: Any, draw: Any) -> tuple[Any, Any]:
    """A value as a preview may have it: some of it unknown."""
    if draw(st.booleans()):
        return None, True
    if isinstance(value, dict):
        pairs = {key: blur(item, draw) for key, item in value.items()}
        return (
            {key: item for key, (item, mark) in pairs.items() if mark is not True},
            {key: mark for key, (_, mark) in pairs.items() if mark},
        )
    return value, False


@given(objects, st.data())
def test_whatever_becomes_known_is_announced(after: dict[str, Any], data: st.DataObject) -> None:
    blurred, marks = blur(after, data.draw)
    preview = plan(change(after=blurred, unknown=marks))
    assert unannounced(preview, plan(change(after=deepcopy(after)))) == ()


@given(objects, st.sampled_from([a for a in Action if a is not Action.NOOP]), st.sampled_from(list(Action)))
def test_no_other_action_goes_on(after: dict[str, Any], real: Action, said: Action) -> None:
    lines = unannounced(plan(change(said, after=after)), plan(change(real, after=after)))
    allowed = real is said or (real is Action.UPDATE and said is Action.REPLACE)
    assert (lines == ()) is allowed


@given(objects, objects)
def test_no_other_value_goes_on(said: dict[str, Any], real: dict[str, Any]) -> None:
    lines = unannounced(plan(change(after=said)), plan(change(after=real)))

    def plain(value: Any) -> Any:  # Terraform leaves attributes that are null out of a plan's JSON or not, alike
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if plain(item) is not None}
        return [plain(item) for item in value] if isinstance(value, list) else value

    if lines == ():
        assert plain(said) == plain(real)
