"""A value for each key, made once, however many ask."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from orchestrator.util.once_map import OnceMap


def test_those_who_come_meanwhile_wait_for_the_first() -> None:
    once: OnceMap[str, int] = OnceMap()
    started, go = threading.Event(), threading.Event()
    made: list[int] = []

    def make() -> int:
        started.set()
        assert go.wait(5)
        made.append(1)
        return 7

    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(once.get, "a", make)
        assert started.wait(5)
        others = [pool.submit(once.get, "a", make) for _ in range(7)]
        assert once.get("b", lambda: 1) == 1, "another key does not wait"
        go.set()
        assert [f.result(5) for f in (first, *others)] == [7] * 8
    assert made == [1]


def test_a_failure_is_told_to_all_and_then_tried_again() -> None:
    once: OnceMap[str, int] = OnceMap()

    def fail() -> int:
        raise LookupError("no")

    with pytest.raises(LookupError):
        once.get("a", fail)
    assert once.get("a", lambda: 3) == 3
    assert once.get("a", fail) == 3


def test_what_is_forgotten_is_made_anew_even_while_it_is_being_made() -> None:
    once: OnceMap[str, int] = OnceMap()
    started, go = threading.Event(), threading.Event()

    def slow() -> int:
        started.set()
        assert go.wait(5)
        return 1

    with ThreadPoolExecutor(1) as pool:
        old = pool.submit(once.get, "a", slow)
        assert started.wait(5)
        once.forget("a")
        assert once.get("a", lambda: 2) == 2
        go.set()
        assert old.result(5) == 1
    assert once.get("a", lambda: 3) == 2
