"""When a provider is asked about its configuration again, and when its earlier answer counts."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import msgpack
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.terraform.warm.server.process import PoolKey
from orchestrator.terraform.warm.server.valid_configs import ValidConfigs
from tests.support.protobuf import field

KEY = PoolKey(("h1:one",), "111111111111 plan", "env")
UNKNOWN = msgpack.ExtType(0, b"\0")


def request_of(config: Mapping[str, Any]) -> bytes:
    return field(1, field(1, msgpack.packb(config)))


def tagged(tags: object, **others: Any) -> bytes:
    return request_of({"default_tags": [{"tags": tags}], "region": "eu-west-1", **others})


class Asked:
    """A provider that finds every configuration valid, and counts the questions."""

    def __init__(self, valid: ValidConfigs) -> None:
        self._valid = valid
        self.questions = 0

    def about(self, request: bytes, *, key: PoolKey = KEY, answer: bytes | None = None) -> bytes:
        def ask() -> bytes:
            self.questions += 1
            return request if answer is None else answer

        return self._valid.answer(key, request, ask)


@pytest.fixture
def provider() -> Asked:
    return Asked(ValidConfigs())


def test_units_that_differ_in_default_tags_ask_once(provider: Asked) -> None:
    one, two = tagged({"stack": "one"}), tagged({"stack": "two", "more": ""})
    assert provider.about(one) == one
    assert provider.about(two) == two
    assert provider.about(one) == one
    assert provider.questions == 1


@pytest.mark.parametrize(
    "other",
    [
        tagged({"stack": "one"}, region="us-east-1"),
        tagged({"stack": None}),
        tagged({"stack": UNKNOWN}),
        tagged(UNKNOWN),
        tagged(None),
        request_of({"default_tags": [], "region": "eu-west-1"}),
        request_of({"default_tags": [{"tags": {}}, {"tags": {}}], "region": "eu-west-1"}),
        request_of({"default_tags": [{"tags": {}, "new": 1}], "region": "eu-west-1"}),
    ],
)
def test_any_other_difference_is_asked_about(provider: Asked, other: bytes) -> None:
    provider.about(tagged({"stack": "one"}))
    assert provider.about(other) == other
    assert provider.questions == 2


@pytest.mark.parametrize(
    "key", [replace(KEY, identity="222222222222 plan"), replace(KEY, environment="x"), replace(KEY, package=("h1:2",))]
)
def test_other_processes_are_asked_on_their_own(provider: Asked, key: PoolKey) -> None:
    provider.about(tagged({}))
    provider.about(tagged({}), key=key)
    assert provider.questions == 2


@pytest.mark.parametrize(
    "answer",
    [
        tagged({}) + field(2, b"a warning or an error"),
        tagged({}, region="changed"),
        field(2, b"an error"),
        b"",
        b"\xff",
        field(1, field(2, b"{}")),
        field(1, field(1, b"\xc1")),
    ],
)
def test_an_answer_with_diagnostics_or_another_configuration_is_asked_for_each_time(
    provider: Asked, answer: bytes
) -> None:
    assert provider.about(tagged({}), answer=answer) == answer
    assert provider.about(tagged({}), answer=answer) == answer
    assert provider.questions == 2


@pytest.mark.parametrize("strange", [b"", b"\xff\xff", field(9, b"new") + tagged({}), field(1, field(2, b"{}"))])
def test_a_request_that_is_not_understood_is_always_passed_on(provider: Asked, strange: bytes) -> None:
    for _ in range(2):
        assert provider.about(strange) == strange
    assert provider.questions == 2


@given(first=st.dictionaries(st.text(), st.text()), second=st.dictionaries(st.text(), st.text()))
def test_the_answer_is_always_about_the_configuration_that_was_asked_for(
    first: dict[str, str], second: dict[str, str]
) -> None:
    provider = Asked(ValidConfigs())
    for each in (first, second, first):
        assert provider.about(tagged(each)) == tagged(each)
    assert provider.questions == 1


def test_units_that_start_together_wait_for_one_answer_and_an_error_of_the_first_is_only_its_own() -> None:
    valid, begun, go_on = ValidConfigs(), threading.Event(), threading.Event()

    def fails() -> bytes:
        begun.set()
        go_on.wait(10)
        message = "its Terraform was stopped"
        raise RuntimeError(message)

    with ThreadPoolExecutor(2) as threads:
        first = threads.submit(valid.answer, KEY, tagged({}), fails)
        begun.wait(10)
        second = threads.submit(valid.answer, KEY, tagged({"a": "b"}), lambda: tagged({"a": "b"}))
        go_on.set()
        with pytest.raises(RuntimeError, match="stopped"):
            first.result(10)
        assert second.result(10) == tagged({"a": "b"})
