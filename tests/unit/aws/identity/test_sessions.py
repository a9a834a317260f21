"""Sessions share what is the same for all of them, and nothing else."""

from __future__ import annotations

from typing import Any

import pytest
from botocore.handlers import BUILTIN_HANDLERS
from botocore.session import Session as BotocoreSession

from orchestrator.aws.endpoint import EmulatorEndpoint
from orchestrator.aws.identity.sessions import SessionFactory

FACTORY = SessionFactory(EmulatorEndpoint("http://127.0.0.1:1", "AKIA", "SECRET"))


def handlers(session: Any, event: str) -> list[Any]:
    """What a session calls for an event, in its order."""
    return list(session._original_handler._handlers.prefix_search(session._events._alias_event_name(event)))


@pytest.mark.parametrize("event", sorted({each[0].replace("*", "any") for each in BUILTIN_HANDLERS}))
def test_a_session_has_the_handlers_of_botocore(event: str) -> None:
    ours, theirs = (handlers(each, event) for each in (FACTORY.base(None, "eu-west-1"), BotocoreSession()))
    assert ours == theirs
    assert ours


def test_what_is_registered_with_one_session_is_not_called_by_another() -> None:
    sessions: list[Any] = [FACTORY.base(None, "eu-west-1") for _ in range(2)]
    one, other = sessions
    one.register("orch.event", lambda **_: "called")
    assert [answer for _, answer in one.get_component("event_emitter").emit("orch.event")] == ["called"]
    assert other.get_component("event_emitter").emit("orch.event") == []
    assert FACTORY.base(None, "eu-west-1").get_component("event_emitter").emit("orch.event") == []


def test_service_descriptions_are_read_once() -> None:
    one, other = (SessionFactory(EmulatorEndpoint("http://127.0.0.1:1", "A", "B")).base(None, "x") for _ in range(2))
    assert one.get_component("data_loader") is other.get_component("data_loader")
