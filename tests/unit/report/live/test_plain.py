"""Plain lines: one per event, with the time since the start, and a sign of life of long work."""

from __future__ import annotations

import io
import threading
import time

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


def test_one_line_per_event() -> None:
    stream, clock = io.StringIO(), Clock()
    sink = PlainLines(stream, clock=clock)
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
    assert stream.getvalue().splitlines() == [
        "[00:00] run r1: apply of 2 units, 2 at once",
        "[00:00] prod/api: waiting for prod/data",
        "[00:03] prod/data: applying",
        "[01:15] prod/data: aws_x.y: Creation complete after 1m11s",
        "[01:15] finishing what runs, starting nothing new",
        "[01:15] prod/data applied, +1, 1 moved, 1m12s",
        "[01:15] prod/api skipped: prod/data\\nfailed",
        "[01:15] prod/web blocked, 1 finding",
        "[01:15] prod/mail planned (preview)",
    ]


def test_long_work_gives_a_sign_of_life() -> None:
    stream, clock = io.StringIO(), Clock()
    sink = PlainLines(stream, clock=clock, heartbeat=30.0)
    sink(UnitPhase("prod/data", Phase.APPLY))
    sink(UnitPhase("prod/api", Phase.INIT))
    for now in (29.0, 30.0, 45.0):
        clock.now = now
        sink.beat()
    sink(UnitProgress("prod/data", "working"))
    sink(UnitDone(unit("prod/api")))
    for now in (60.0, 75.0):
        clock.now = now
        sink.beat()
    sink.close()
    clock.now = 200.0
    sink.beat()
    assert [line for line in stream.getvalue().splitlines() if "still" in line] == [
        "[00:30] still applying prod/data, 30s",
        "[00:30] still initialising prod/api, 30s",
        "[01:15] still applying prod/data, 1m15s",
    ]


def test_the_sign_of_life_comes_by_itself() -> None:
    stream = io.StringIO()
    sink = PlainLines(stream, heartbeat=0.1)
    sink(UnitPhase("prod/data", Phase.PLAN))
    time.sleep(0.5)
    sink.close()
    assert stream.getvalue().count("still planning prod/data") >= 2


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
