from __future__ import annotations

import copy
import io
import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from orchestrator.terraform.plan import jsonstream
from orchestrator.terraform.plan.jsonstream import BrokenJsonError, JsonStream, TooLargeError, sharing

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=4),
    max_leaves=20,
)
indents = st.sampled_from([None, 1])


class Slow(io.StringIO):
    """A file that gives a few characters at a time, so that each value is cut somewhere."""

    def __init__(self, text: str, characters: int) -> None:
        super().__init__(text)
        self._characters = characters

    def read(self, size: int | None = -1, /) -> str:
        return super().read(min(size or 0, self._characters))


def walked(stream: JsonStream) -> Any:
    """The next value, taken apart as far as it goes."""
    if stream.kind() == "{":
        return {key: walked(stream) for key in stream.members()}
    if stream.kind() == "[":
        return [walked(stream) for _ in stream.items()]
    return stream.value()


@given(value=json_values, characters=st.integers(1, 9), indent=indents)
def test_walking_gives_what_the_decoder_gives(value: Any, characters: int, indent: int | None) -> None:
    stream = JsonStream(Slow(json.dumps(value, indent=indent), characters))
    assert walked(stream) == value
    stream.end()


@given(value=json_values, characters=st.integers(1, 9))
def test_taking_it_whole_gives_the_same(value: Any, characters: int) -> None:
    assert JsonStream(Slow(json.dumps(value), characters)).value() == value


@given(value=st.dictionaries(st.text(), json_values), characters=st.integers(1, 9), data=st.data())
def test_what_is_left_out_does_not_disturb_the_rest(
    value: dict[str, Any], characters: int, data: st.DataObject
) -> None:
    wanted = data.draw(st.sets(st.sampled_from(sorted(value)))) if value else set()
    stream = JsonStream(Slow(json.dumps(value), characters))
    found = {}
    for key in stream.members():
        if key in wanted:
            found[key] = stream.value()
    stream.end()
    assert found == {key: value[key] for key in wanted}


@given(value=json_values, characters=st.integers(1, 9), data=st.data())
def test_a_text_that_is_cut_off_is_never_taken_for_whole(value: Any, characters: int, data: st.DataObject) -> None:
    text = json.dumps([value])
    cut = text[: data.draw(st.integers(0, len(text) - 1))]
    stream = JsonStream(Slow(cut, characters))
    with pytest.raises(BrokenJsonError):
        walked(stream)


@given(text=st.text(alphabet='{}[]",:0123456789truefalsn \\u\n.eE+-', max_size=30), characters=st.integers(1, 9))
def test_what_the_decoder_refuses_is_refused(text: str, characters: int) -> None:
    try:
        value = json.loads(text)
    except ValueError:
        value = BrokenJsonError
    for take in (walked, JsonStream.value, JsonStream.skip):
        stream = JsonStream(Slow(text, characters))
        try:
            found = take(stream)
            stream.end()
        except BrokenJsonError:
            found = BrokenJsonError
        if value is BrokenJsonError or take is not JsonStream.skip:
            assert found == value or _twice(text)


def _twice(text: str) -> bool:
    """Python's decoder takes a key twice, the stream does not."""

    def look(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(dict(pairs)) != len(pairs):
            raise KeyError
        return dict(pairs)

    try:
        json.loads(text, object_pairs_hook=look)
    except KeyError:
        return True
    except ValueError:
        return False
    return False


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("", "it is cut off"),
        ("[1, 2", "it is cut off"),
        ('{"a": 1, "a": 2}', "an object has a duplicate key"),
        ('{"a": {"b": 1, "b": 2}}', "an object has a duplicate key"),
        ("[NaN]", "NaN is not JSON"),
        ("[1] 2", "unexpected text after the end"),
        ("{1: 2}", "property name"),
        ('{"a" 1}', "Expecting ':'"),
        ("[1 2]", "Expecting ','"),
        ("[" * 100_000, "nested too deeply"),
        ("[" + "1" * 5000 + "]", "a number is too long"),
    ],
)
def test_what_is_wrong_is_told(text: str, what: str) -> None:
    with pytest.raises(BrokenJsonError, match=what):
        _through(JsonStream(io.StringIO(text)))


@pytest.mark.parametrize(
    ("text", "what"), [("{1: 2}", "a key is missing"), ('{"a" 1}', "':' is missing"), ("[1 2]", "',' is missing")]
)
def test_what_is_wrong_is_told_by_a_walk_too(text: str, what: str) -> None:
    with pytest.raises(BrokenJsonError, match=what):
        walked(JsonStream(io.StringIO(text)))


def _through(stream: JsonStream) -> None:
    stream.skip()
    stream.end()


def test_bytes_that_are_no_text_are_told() -> None:
    file = io.TextIOWrapper(io.BytesIO(b'["\xff"]'), encoding="utf-8")
    with pytest.raises(BrokenJsonError, match="UTF-8"):
        JsonStream(file).value()


def test_one_value_that_is_too_large_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jsonstream, "CHUNK", 16)
    stream = JsonStream(io.StringIO(json.dumps({"a": 1, "b": "x" * 200})), largest=100)
    taken = []
    with pytest.raises(TooLargeError, match="more than"):
        taken.extend([stream.value() for _ in stream.members()])
    JsonStream(io.StringIO(json.dumps(["x" * 90] * 50)), largest=100).skip()  # together they may be larger


@given(value=json_values, other=json_values)
@example(value={"a": None}, other={"b": None})
def test_sharing_changes_nothing_about_a_value(value: Any, other: Any) -> None:
    assert json.dumps(sharing(value, other)) == json.dumps(value)  # as text: 1 and true are equal in Python


@given(value=json_values)
def test_what_is_equal_is_kept_once(value: Any) -> None:
    assert sharing(copy.deepcopy(value), value) is value
