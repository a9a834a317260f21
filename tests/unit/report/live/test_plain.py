"""Plain lines: how each unit ended, with the time since the start, and what still runs."""

from __future__ import annotations

import io
import threading
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.report.live.plain import PlainLines
from orchestrator.report.model import Notice, Phase, RunStarted, Status, UnitDone, UnitPhase, UnitProgress
from orchestrator.terraform.model import Action
from tests.support.reports import change as raw
from tests.support.reports import finding, lines, unit


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def whole_apply(sink: PlainLines, clock: Clock) -> None:
    sink(RunStarted("r1", "apply", {"prod/data": (), "prod/api": ("prod/data",)}, 2))
    sink(UnitPhase("prod/api", Phase.WAIT))
    sink(UnitPhase("prod/api", Phase.WAIT, "for prod/data"))
    clock.now = 3.4
    sink(UnitPhase("prod/data", Phase.APPLY))
    clock.now = 75.0
    sink(UnitProgress("prod/data", "aws_x.y: Creation complete after 1m11s"))
    sink(Notice("finishing what runs, starting nothing new"))
    made = lines(raw(Action.CREATE, None, {"a": 1}), raw(Action.NOOP, {}, {}, previous_address="aws_x.old"))
    sink(UnitDone(unit("prod/data", Status.APPLIED, made, seconds=72.9)))
    sink(UnitDone(unit("prod/api", Status.SKIPPED, cause="prod/data\nfailed")))
    sink(UnitDone(unit("prod/web", Status.BLOCKED, findings=(finding("prod/web"),), seconds=0.2)))
    sink(UnitDone(unit("prod/mail", preview=True, cause="previewed against the plans of prod/data")))
    sink.close()


ENDS = [
    "[01:15] finishing what runs, starting nothing new",
    "[01:15] prod/data applied, +1, 1 moved, 1m12s",
    "[01:15] prod/api skipped: prod/data\\nfailed",
    "[01:15] prod/web blocked, 1 finding",
    "[01:15] prod/mail planned (preview)",
]


def test_by_default_only_ends_and_notices_are_lines() -> None:
    stream, clock = io.StringIO(), Clock()
    whole_apply(PlainLines(stream, clock=clock), clock)
    assert stream.getvalue().splitlines() == ENDS


def test_verbose_has_a_line_for_each_event() -> None:
    stream, clock = io.StringIO(), Clock()
    whole_apply(PlainLines(stream, clock=clock, verbose=True), clock)
    assert stream.getvalue().splitlines() == [
        "[00:00] run r1: applying 2 units, 2 at a time",
        "[00:00] prod/api: waiting for prod/data",
        "[00:03] prod/data: applying",
        "[01:15] prod/data: aws_x.y: Creation complete after 1m11s",
        *ENDS,
    ]


def test_an_end_that_an_earlier_line_has_is_not_repeated() -> None:
    stream, clock = io.StringIO(), Clock()
    sink = PlainLines(stream, clock=clock)
    for report in (
        unit("prod/data", Status.UNCHANGED, seconds=9),
        unit("prod/api", seconds=2),
        unit("prod/data", Status.UNCHANGED),
        unit("prod/api", Status.APPLIED, seconds=4),
    ):
        sink(UnitDone(report))
    sink.close()
    assert stream.getvalue().splitlines() == [
        "[00:00] prod/data unchanged, 9s",
        "[00:00] prod/api planned, 2s",
        "[00:00] prod/api applied, 4s",
    ]


@pytest.mark.parametrize("verbose", [False, True])
def test_long_work_is_mentioned_every_30_seconds(verbose: bool) -> None:
    stream, clock = io.StringIO(), Clock()
    sink = PlainLines(stream, clock=clock, heartbeat=30.0, verbose=verbose)
    sink(UnitPhase("prod/data", Phase.APPLY))
    sink(UnitPhase("prod/api", Phase.INIT))
    for now in (29.0, 30.0, 45.0):
        clock.now = now
        sink.beat()
    sink(UnitProgress("prod/data", "working"))
    sink(UnitDone(unit("prod/api")))
    for now in (60.0, 75.0, 89.0, 105.0):
        clock.now = now
        sink.beat()
    sink.close()
    clock.now = 200.0
    sink.beat()
    first = "[00:30] still running: prod/data applying 30s, prod/api init 30s"
    quiet = ["[01:00] still running: prod/data applying 1m00s", "[01:45] still running: prod/data applying 1m45s"]
    loud = ["[01:15] still running: prod/data applying 1m15s", "[01:45] still running: prod/data applying 1m45s"]
    found = [line for line in stream.getvalue().splitlines() if "still" in line]
    assert found == [first, *(loud if verbose else quiet)]


def test_the_line_about_long_work_comes_by_itself() -> None:
    stream = io.StringIO()
    sink = PlainLines(stream, heartbeat=0.1)
    sink(UnitPhase("prod/data", Phase.PLAN))
    time.sleep(0.5)
    sink.close()
    assert stream.getvalue().count("still running: prod/data planning") >= 2


@given(st.text(), st.text())
@settings(max_examples=100, deadline=None)
def test_an_event_is_one_line_without_control_characters(text: str, other: str) -> None:
    stream = io.StringIO()
    sink = PlainLines(stream)
    sink(Notice(text, fields={other: text}))
    sink(UnitDone(unit("prod/a", Status.FAILED, cause=text)))
    sink.close()
    assert stream.getvalue().count("\n") == 2
    assert all(c == "\n" or c.isprintable() or c.isspace() for c in stream.getvalue())
    assert "\x1b" not in stream.getvalue()


def test_a_closed_pipe_does_not_stop_the_run() -> None:
    class Closed(io.StringIO):
        def write(self, text: str) -> int:
            raise BrokenPipeError

    sink = PlainLines(Closed())
    for number in range(3):
        sink(Notice(str(number)))
    sink.close()
    sink(Notice("after the end"))


def test_a_reader_that_is_slow_holds_up_no_unit() -> None:
    class Slow(io.StringIO):
        go_on = threading.Event()

        def write(self, text: str) -> int:
            self.go_on.wait(10)
            return super().write(text)

    stream = Slow()
    sink = PlainLines(stream)
    started = time.monotonic()
    for number in range(100):
        sink(Notice(str(number)))
    assert time.monotonic() - started < 1.0
    stream.go_on.set()
    sink.close()
    assert [line.split()[-1] for line in stream.getvalue().splitlines()] == [str(n) for n in range(100)]


def test_events_of_many_threads_stay_whole_lines() -> None:
    stream = io.StringIO()
    sink = PlainLines(stream)

    def tell(number: int) -> None:
        for _ in range(50):
            sink(Notice(f"{number} " * 40))

    threads = [threading.Thread(target=tell, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    sink.close()
    found = stream.getvalue().splitlines()
    assert len(found) == 400
    assert all(len(set(line.split()[1:])) == 1 for line in found)


def test_signs_that_the_stream_lacks_become_ascii() -> None:
    raw_bytes = io.BytesIO()
    stream = io.TextIOWrapper(raw_bytes, encoding="ascii")
    sink = PlainLines(stream)
    sink(UnitDone(unit("prod/a", changes=lines(raw(Action.REPLACE, {"a": 1}, {"a": 2})))))
    sink.close()
    assert raw_bytes.getvalue() == b"[00:00] prod/a planned, -/+1\n"
