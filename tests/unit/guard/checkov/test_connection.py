"""Whatever the process of a policy sends, orch takes from it only answers of its own checks to what was asked."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.guard.checkov.connection import SILENT, PolicyConnection, Resource
from orchestrator.guard.checkov.outcomes import Check
from orchestrator.guard.checkov.protocol import ENDED, INVALID, Answer, ProtocolError
from orchestrator.guard.policies.load import Policies
from tests.support.checks import ROOT

POLICY = Policies.load(ROOT).policies[0]
OWN = (Check("A", "n", "g", POLICY.name, ("aws_*",)), Check("B", "n", "g", POLICY.name, ("aws_sns_topic",)))
RESOURCES = [
    Resource.of({"address": name, "type": type_, "values": {}})
    for name, type_ in (("null.n", "null"), ("aws_sns_topic.q", "aws_sns_topic"), ("aws_s3_bucket.b", "aws_s3_bucket"))
]
EXPECTED = {("A", 1), ("B", 1), ("A", 2)}
"""Each check, and the position of each resource that it covers."""


class Scripted:
    """A channel whose other side sends what the test says."""

    def __init__(self, reply: Callable[[bytes], bytes]) -> None:
        self._reply = reply
        self.sent: list[bytes] = []
        self.closed = False

    def send(self, frame: bytes) -> None:
        self.sent.append(frame)

    def receive(self) -> bytes:
        return self._reply(self.sent[-1])

    def close(self) -> None:
        self.closed = True


def ask(reply: Callable[[bytes], bytes]) -> tuple[Mapping[tuple[str, int], Answer | str], Scripted]:
    channel = Scripted(reply)
    connection = PolicyConnection(POLICY, channel)
    connection.checks = OWN
    connection.ask(RESOURCES)
    return connection.answers(), channel


def answer(check: str, resource: int, *, passed: bool = True, **more: Any) -> dict[str, Any]:
    return {"check": check, "resource": resource, "passed": passed, **more}


def reply(*answers: Any, request: Any = 1, **more: Any) -> bytes:
    return json.dumps({"request": request, "given": answers, **more}).encode()


def test_only_covered_resources_are_sent() -> None:
    _, channel = ask(lambda _: reply())
    assert [each["address"] for each in json.loads(channel.sent[0])["resources"]] == [
        "aws_sns_topic.q",
        "aws_s3_bucket.b",
    ]


def test_answers_are_those_of_the_positions_that_were_asked() -> None:
    """The process counts in what it was sent, in which the first resource is missing."""
    found, _ = ask(lambda _: reply(answer("A", 0), answer("A", 1, passed=False, details=["why"])))
    assert found.keys() == EXPECTED
    assert found["A", 1] == Answer(check="A", resource=0, passed=True)
    assert found["A", 2] == Answer(check="A", resource=1, passed=False, details=("why",))
    assert found["B", 1] == SILENT


KEY = "AKIA" + "Q" * 16
HIDDEN = "(hidden: looks like a credential)"


def test_what_a_check_says_is_short_and_has_no_credential() -> None:
    """It can read the files of its user, and what it says is in reports."""
    said = [f"the file has {KEY}", "x" * 5000]
    found, _ = ask(lambda _: reply(answer("A", 0, passed=False, details=said)))
    assert found["A", 1] == Answer(check="A", resource=0, passed=False, details=(f"the file has {HIDDEN}", "x" * 1000))


@pytest.mark.parametrize(
    "sent",
    [
        {"checks": [{"id": "A", "name": f"n {KEY}", "guideline": f"g {KEY}", "types": ["aws_*"]}]},
        {"problem": f"ValueError: {KEY}"},
    ],
)
def test_nor_has_what_it_declares(sent: dict[str, Any]) -> None:
    connection = PolicyConnection(POLICY, Scripted(lambda _: json.dumps(sent).encode()))
    connection.send_source()
    declared = str(connection.declaration())
    assert HIDDEN in declared
    assert KEY not in declared


def test_what_raised_is_told_by_its_type() -> None:
    raised = [{"check": "B", "resource": 0, "error": "KeyError"}]
    found, _ = ask(lambda _: reply(answer("A", 0), raised=raised))
    assert found["B", 1] == "it raised KeyError"


GOOD = (answer("A", 0), answer("B", 0), answer("A", 1))


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"{",
        b"null",
        b"[]",
        b"\xff",
        b"[" * 100_000,
        reply(*GOOD, more=1),
        reply(*GOOD, request=2),
        reply(*GOOD, request="1"),
        reply(*GOOD, request=True),
        json.dumps({"given": GOOD}).encode(),
        reply(*GOOD, answer("C", 0)),
        reply(*GOOD, answer("B", 1)),
        reply(*GOOD, answer("A", 2)),
        reply(*GOOD, answer("A", -1)),
        reply(*GOOD, GOOD[0]),
        reply(*GOOD, raised=[{"check": "A", "resource": 0, "error": "E"}]),
        reply(*GOOD[:2], raised=[{"check": "A", "resource": 1, "error": "hunter2 is the password"}]),
        reply(*GOOD[:2], answer("A", 1, passed=1)),  # type: ignore[arg-type]
        reply(*GOOD[:2], answer("A", 1, details="text")),
        reply(*GOOD[:2], answer("A", 1, details=[1])),
        reply(*GOOD[:2], answer("A", 1, details=["\ud800"])),
        reply(*GOOD[:2], answer("A", 1, other=None)),
        reply(*GOOD[:2], {"check": "A", "resource": 1}),
        reply(*GOOD[:2], ["A", 1, True]),
    ],
)
def test_anything_else_is_no_answer_at_all(sent: bytes) -> None:
    found, channel = ask(lambda _: sent)
    assert found == dict.fromkeys(EXPECTED, INVALID)
    assert channel.closed


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.text(max_size=3) | st.sampled_from("ABC"),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(
            st.sampled_from(["request", "given", "raised", "check", "resource", "passed", "error"]), inner
        )
    ),
    max_leaves=20,
)


@given(st.binary(max_size=50) | json_values.map(lambda each: json.dumps(each).encode()))
def test_no_bytes_make_an_answer_that_was_not_asked_for(sent: bytes) -> None:
    found, _ = ask(lambda _: sent)
    assert found.keys() == EXPECTED
    given_ = {(each.check, each.resource) for each in found.values() if isinstance(each, Answer)}
    assert given_ <= {("A", 0), ("B", 0), ("A", 1)}


def test_a_process_that_failed_is_asked_nothing_more() -> None:
    def end(_: bytes) -> bytes:
        raise ProtocolError(ENDED)

    channel = Scripted(end)
    connection = PolicyConnection(POLICY, channel)
    connection.checks = OWN
    for _ in range(2):
        connection.ask(RESOURCES)
        assert connection.answers() == dict.fromkeys(EXPECTED, ENDED)
    assert len(channel.sent) == 1


def test_an_answer_to_an_earlier_request_is_none() -> None:
    channel = Scripted(lambda _: reply(*GOOD))
    connection = PolicyConnection(POLICY, channel)
    connection.checks = OWN
    connection.ask(RESOURCES)
    assert INVALID not in connection.answers().values()
    connection.ask(RESOURCES)
    assert set(connection.answers().values()) == {INVALID}


def test_a_policy_without_a_resource_to_judge_is_not_asked() -> None:
    channel = Scripted(lambda _: b"")
    connection = PolicyConnection(POLICY, channel)
    connection.checks = OWN
    connection.ask(RESOURCES[:1])
    assert connection.answers() == {}
    assert channel.sent == []


@pytest.mark.parametrize(
    "sent",
    [b"", b"{}x", b'{"checks": 1}', b'{"checks": [{"id": "A"}]}', b'{"problem": 1}', b'{"checks": [], "more": 1}'],
)
def test_a_declaration_is_parsed_as_strictly(sent: bytes) -> None:
    connection = PolicyConnection(POLICY, Scripted(lambda _: sent))
    connection.send_source()
    assert connection.declaration().problem == INVALID
