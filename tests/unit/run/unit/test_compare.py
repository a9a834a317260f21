"""Preview and real plan: a plan with an unannounced action is never applied."""

from __future__ import annotations

import json
from copy import deepcopy
from itertools import permutations
from pathlib import Path
from typing import Any

from hypothesis import assume, given, settings
from hypothesis import strategies as st

from orchestrator.run.unit.compare import destroys, unannounced
from orchestrator.terraform.model import Action, OutputChange, PlanRecord, ResourceChange

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
    return PlanRecord(file=Path("p"), json_file=None, changes=changes, outputs=outputs)


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
    assert lines == (f"replace {ADDRESS}: the preview announced update",)


def test_an_update_where_a_replacement_was_announced_passes() -> None:
    assert unannounced(plan(change(Action.REPLACE)), plan(change(Action.UPDATE))) == ()


def test_another_value_than_announced_stops_and_names_the_path() -> None:
    preview = plan(change(after={"rules": [{"port": 1}]}))
    real = plan(change(after={"rules": [{"port": 2}]}))
    assert unannounced(preview, real) == (f"update {ADDRESS}: rules.0.port is not what the preview announced",)


def test_a_known_value_that_turned_unknown_stops() -> None:
    preview = plan(change(after={"arn": "arn:x"}))
    real = plan(change(after={}, unknown={"arn": True}))
    assert unannounced(preview, real) == (f"update {ADDRESS}: arn is not what the preview announced",)


def test_a_set_that_is_sorted_differently_is_announced() -> None:
    preview = plan(change(after={"arns": ["b", None]}, unknown={"arns": [False, True]}))
    real = plan(change(after={"arns": ["a", "b"]}))
    assert unannounced(preview, real) == ()


def test_a_known_element_that_vanished_next_to_an_unknown_stops() -> None:
    preview = plan(change(after={"arns": ["b", None]}, unknown={"arns": [False, True]}))
    real = plan(change(after={"arns": ["a", "c"]}))
    assert unannounced(preview, real)


def test_more_elements_than_announced_stop() -> None:
    preview = plan(change(after={"arns": [None]}, unknown={"arns": [True]}))
    real = plan(change(after={"arns": ["a", "b"]}))
    assert unannounced(preview, real)


def test_fewer_changes_than_announced_pass() -> None:
    assert unannounced(plan(change(), change(address="other")), plan(change())) == ()


def test_a_data_source_read_again_is_not_a_change() -> None:
    assert unannounced(plan(), plan(change(Action.READ, mode="data"))) == ()


def test_another_import_than_announced_stops() -> None:
    preview = plan(change(Action.UPDATE, importing="a"))
    assert unannounced(preview, plan(change(Action.UPDATE, importing="b")))


def test_a_change_of_an_output_that_the_preview_did_not_change_stops() -> None:
    preview = plan(o=output("a", action=Action.NOOP))
    assert unannounced(preview, plan(o=output("b"))) == ("output o: the preview did not change it",)
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
    """Return a value as a preview may have it: partly unknown."""
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
def test_any_value_that_becomes_known_is_announced(after: dict[str, Any], data: st.DataObject) -> None:
    blurred, marks = blur(after, data.draw)
    preview = plan(change(after=blurred, unknown=marks))
    assert unannounced(preview, plan(change(after=deepcopy(after)))) == ()


@given(objects, st.sampled_from([a for a in Action if a is not Action.NOOP]), st.sampled_from(list(Action)))
def test_no_other_action_passes(after: dict[str, Any], real: Action, said: Action) -> None:
    lines = unannounced(plan(change(said, after=after)), plan(change(real, after=after)))
    allowed = real is said or (real is Action.UPDATE and said is Action.REPLACE)
    assert (lines == ()) is allowed


@given(objects, objects)
def test_no_other_value_passes(said: dict[str, Any], real: dict[str, Any]) -> None:
    lines = unannounced(plan(change(after=said)), plan(change(after=real)))

    def plain(value: Any) -> Any:  # Null attributes may be absent from plan JSON.
        if isinstance(value, dict):
            return {key: plain(item) for key, item in value.items() if plain(item) is not None}
        return [plain(item) for item in value] if isinstance(value, list) else value

    if lines == ():
        assert plain(said) == plain(real)


def test_two_elements_cannot_match_the_same_unknown() -> None:
    """A set of the elements 1 and 2, each partly unknown, cannot end as two elements 1."""
    said = {"rules": [{"port": 1}, {"port": 2}]}
    marks = {"rules": [{"source": True}, {"source": True}]}
    preview = plan(change(after=said, unknown=marks))
    real = plan(change(after={"rules": [{"port": 1, "source": "a"}, {"port": 1, "source": "b"}]}))
    assert unannounced(preview, real)
    merged = plan(change(after={"rules": [{"port": 1, "source": "a"}]}))
    assert unannounced(preview, merged), "the announced element 2 is missing"


def test_true_is_not_one() -> None:
    assert unannounced(plan(change(after={"n": 1})), plan(change(after={"n": True})))
    assert unannounced(plan(change(after={"n": 1})), plan(change(after={"n": 1.0}))) == ()


def test_the_removal_of_an_output_must_be_announced() -> None:
    preview = plan(o=output(None, True))
    assert unannounced(preview, plan(o=output(None, action=Action.DELETE)))


def test_a_deleted_data_source_is_not_ignored() -> None:
    assert unannounced(plan(), plan(change(Action.DELETE, mode="data")))


def test_an_address_that_a_preview_names_twice_announces_nothing() -> None:
    """It is unknown which of the two was shown."""
    preview = plan(change(Action.UPDATE), change(Action.DELETE))
    assert unannounced(preview, plan(change(Action.DELETE)))


# Few addresses and few values, so that random plans often match.
addresses = st.sampled_from([ADDRESS, "module.this.aws_sqs_queue.that", "module.other.aws_sqs_queue.this[0]"])
small = st.sampled_from([None, 0, 1, True, "a", "b"])
elements = small | st.fixed_dictionaries({"port": small}, optional={"source": small})
bodies = st.fixed_dictionaries({}, optional={"delay": small, "rules": st.lists(elements, max_size=3)})


@st.composite
def changes(draw: st.DrawFn) -> ResourceChange:
    after = draw(bodies)
    blurred, marks = blur(after, draw) if draw(st.booleans()) else (after, False)
    return change(
        draw(st.sampled_from(list(Action))),
        address=draw(addresses),
        after=blurred,
        unknown=marks,
        deposed=draw(st.sampled_from([None, None, "1a2b3c4d"])),
        previous_address=draw(st.sampled_from([None, None, "module.this.aws_sqs_queue.old"])),
        importing=draw(st.sampled_from([None, None, "id"])),
    )


plans = st.lists(changes(), max_size=4).map(lambda made: plan(*made))


def may_become(said: Any, marks: Any, real: Any, real_marks: Any) -> bool:
    """Return whether a value was announced, computed differently from the code: by trying every pairing."""
    if marks is True:
        return True
    if real_marks is True:
        return False
    if isinstance(said, dict) or isinstance(marks, dict):
        said, marks, real, real_marks = said or {}, marks or {}, real or {}, real_marks or {}
        return isinstance(real, dict) and all(
            may_become(said.get(k), marks.get(k), real.get(k), real_marks.get(k))
            for k in {*said, *marks, *real, *real_marks}
        )
    if isinstance(said, list) and isinstance(real, list):
        marks = [*(marks or []), *[False] * len(said)][: len(said)]
        real_marks = [*(real_marks or []), *[False] * len(real)][: len(real)]
        fits = [
            [may_become(s, m, r, rm) for s, m in zip(said, marks, strict=True)]
            for r, rm in zip(real, real_marks, strict=True)
        ]
        if "true" not in json.dumps(marks):
            return len(said) == len(real) and all(fits[n][n] for n in range(len(real)))
        orders = permutations(range(len(said)), len(real))
        injective = any(all(fits[n][at] for n, at in enumerate(order)) for order in orders)
        return injective and all(any(row[at] for row in fits) or marks[at] is True for at in range(len(said)))
    return json.dumps(said) == json.dumps(real) and type(said) is type(real)


def announced(preview: PlanRecord, real: ResourceChange) -> bool:
    """Return whether the preview has a change of the real plan."""
    said = [each for each in preview.changes if (each.address, each.deposed) == (real.address, real.deposed)]
    if len(said) != 1:
        return False
    (one,) = said
    smaller = real.action is Action.UPDATE and one.action is Action.REPLACE
    return (
        (one.action is real.action or smaller)
        and one.previous_address == real.previous_address
        and one.importing == real.importing
        and may_become(one.after, one.after_unknown, real.after, real.after_unknown)
    )


@settings(max_examples=200)
@given(plans, plans)
def test_no_plan_with_an_unannounced_action_passes(preview: PlanRecord, real: PlanRecord) -> None:
    """In both directions: what passes was announced, and what was announced passes."""
    lines = unannounced(preview, real)
    assert (lines == ()) == all(announced(preview, each) for each in real.changes), lines


@settings(max_examples=200)
@given(plans, changes())
def test_one_more_change_than_announced_stops(preview: PlanRecord, more: ResourceChange) -> None:
    assume(not any((each.address, each.deposed) == (more.address, more.deposed) for each in preview.changes))
    assert unannounced(preview, plan(*preview.changes, more))
