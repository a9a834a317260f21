"""The schedule: order, slots, failures, stops. Real threads, no Terraform."""

from __future__ import annotations

import threading
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.config.catalogue import ModuleSource, Unit
from orchestrator.config.graph import Graph
from orchestrator.errors import Location
from orchestrator.run.scheduler import StepResult, Stop, UnitOutcome, run_graph

AT = Location("live/stages/prod.yaml", 1, 1)


def unit(name: str, *upstreams: str) -> Unit:
    return Unit(
        id=name,
        stage="prod",
        stack=name,
        account="production",
        region="eu-west-1",
        module=ModuleSource(address=name, version=None, path=Path(name), at=AT),
        inputs={},
        at=AT,
        upstreams=tuple(upstreams),
    )


def graph(**upstreams: tuple[str, ...]) -> Graph:
    return Graph.of({name: unit(name, *above) for name, above in upstreams.items()})


def test_units_run_after_their_upstreams() -> None:
    order: list[str] = []
    g = graph(a=(), b=("a",), c=("a",), d=("b", "c"))
    ended = run_graph(g, lambda u: order.append(u) or StepResult(u), slots=2, stop=Stop())  # type: ignore[func-returns-value]
    assert order[0] == "a"
    assert order[-1] == "d"
    assert {end.outcome for end in ended.values()} == {UnitOutcome.DONE}


def test_the_longest_path_starts_first() -> None:
    order: list[str] = []
    g = graph(short=(), long=(), middle=("long",), end=("middle",))
    run_graph(g, lambda u: order.append(u) or StepResult(None), slots=1, stop=Stop())  # type: ignore[func-returns-value]
    assert order == ["long", "middle", "end", "short"] or order[:2] == ["long", "middle"]
    assert order[0] == "long"


def test_a_failure_skips_its_downstreams_and_other_units_continue() -> None:
    g = graph(a=(), b=("a",), c=("b",), other=())
    ended = run_graph(g, lambda u: StepResult(u, unblocks_downstreams=u != "a"), slots=2, stop=Stop())
    assert ended["a"].outcome is UnitOutcome.FAILED
    assert [(ended[u].outcome, ended[u].culprit) for u in "bc"] == [(UnitOutcome.SKIPPED, "a")] * 2
    assert ended["other"].outcome is UnitOutcome.DONE


def test_fail_fast_starts_nothing_new() -> None:
    g = graph(a=(), b=(), c=("b",))
    ended = run_graph(g, lambda u: StepResult(u, unblocks_downstreams=False), slots=1, stop=Stop(), fail_fast=True)
    assert sorted(end.outcome for end in ended.values()) == [
        UnitOutcome.FAILED,
        UnitOutcome.NOT_STARTED,
        UnitOutcome.SKIPPED,
    ] or (ended["a"].outcome is UnitOutcome.NOT_STARTED)
    assert sum(end.outcome is UnitOutcome.FAILED for end in ended.values()) == 1


def test_stop_lets_running_units_finish_and_starts_nothing() -> None:
    stop = Stop()

    def work(name: str) -> StepResult[str]:
        stop.set()
        time.sleep(0.02)
        return StepResult(name)

    ended = run_graph(graph(a=(), b=("a",)), work, slots=2, stop=stop)
    assert ended["a"].outcome is UnitOutcome.DONE
    assert ended["b"].outcome is UnitOutcome.NOT_STARTED


def test_slots_are_never_exceeded_and_are_used() -> None:
    lock = threading.Lock()
    now = most = 0

    def work(name: str) -> StepResult[None]:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        time.sleep(0.01)
        with lock:
            now -= 1
        return StepResult(None)

    run_graph(graph(**{f"u{n}": () for n in range(9)}), work, slots=3, stop=Stop())
    assert most == 3


def test_a_unit_starts_the_moment_its_own_upstreams_are_done() -> None:
    """No waves: c starts after a although b, of the same depth as a, still runs."""
    c_started = threading.Event()

    def work(name: str) -> StepResult[bool]:
        if name == "c":
            c_started.set()
        if name == "b":
            return StepResult(c_started.wait(5))
        return StepResult(True)

    ended = run_graph(graph(a=(), b=(), c=("a",)), work, slots=2, stop=Stop())
    assert ended["b"].result is True


def test_a_bug_in_the_work_is_raised_after_running_units_have_ended() -> None:
    finished = threading.Event()

    def work(name: str) -> StepResult[None]:
        if name == "a":
            message = "bug"
            raise RuntimeError(message)
        time.sleep(0.05)
        finished.set()
        return StepResult(None)

    with pytest.raises(RuntimeError, match="bug"):
        run_graph(graph(a=(), b=()), work, slots=2, stop=Stop())
    assert finished.is_set()


@st.composite
def graphs(draw: st.DrawFn) -> Graph:
    size = draw(st.integers(1, 12))
    edges = {n: draw(st.sets(st.integers(0, n - 1), max_size=3)) if n else set() for n in range(size)}
    return graph(**{f"u{n}": tuple(sorted(f"u{m}" for m in above)) for n, above in edges.items()})


@settings(max_examples=60, deadline=None)
@given(graphs(), st.integers(1, 4), st.sets(st.integers(0, 11)))
def test_every_unit_ends_once_and_never_after_a_failed_upstream(g: Graph, slots: int, failing: set[int]) -> None:
    bad = {f"u{n}" for n in failing}
    done: list[str] = []
    lock = threading.Lock()

    def work(name: str) -> StepResult[None]:
        with lock:
            assert all(above in done for above in g.upstreams(name))
            if name not in bad:
                done.append(name)
        return StepResult(None, unblocks_downstreams=name not in bad)

    ended = run_graph(g, work, slots=slots, stop=Stop())
    assert list(ended) == list(g.order)
    for name, end in ended.items():
        broken = g.above([name]) & bad
        if broken:
            assert end.outcome is UnitOutcome.SKIPPED
            assert end.culprit in broken
        else:
            assert end.outcome is (UnitOutcome.FAILED if name in bad else UnitOutcome.DONE)
