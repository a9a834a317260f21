"""The board, the frame and the live view, on a terminal that checks what is written to it."""

from __future__ import annotations

import io
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console, ConsoleDimensions

from orchestrator.report.live.progress import Board
from orchestrator.report.live.sink import Pausable, Silent, Tee, console_sink
from orchestrator.report.live.view import LiveView, frame
from orchestrator.report.model import Event, Notice, Phase, RunStarted, Status, UnitDone, UnitPhase, UnitProgress
from tests.support.reports import unit
from tests.support.screen import Screen

NAMES = [f"prod/stack-{n:02}" for n in range(60)]
GRAPH = {name: tuple(NAMES[j] for j in sorted({n // 2, n // 3}) if j < n) for n, name in enumerate(NAMES)}
START = RunStarted("r1", "apply", GRAPH, 4)


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


class SizedConsole(Console):
    """Has the size of the test's terminal."""

    def __init__(self, screen: Screen) -> None:
        super().__init__(file=screen, force_terminal=True, color_system="standard", highlight=False, markup=False)
        self.terminal = screen

    @property  # type: ignore[misc]  # rich lets the size be set, this does not
    def size(self) -> ConsoleDimensions:
        return ConsoleDimensions(self.terminal.columns, self.terminal.rows)


def view_on(screen: Screen, clock: Clock, rate: float = 0.001) -> LiveView:
    """A live view that draws when it is told to, unless a rate is given."""
    return LiveView(SizedConsole(screen), clock=clock, rate=rate)


def work(name: str) -> list[Event]:
    return [
        UnitPhase(name, Phase.INIT),
        UnitPhase(name, Phase.APPLY),
        UnitProgress(name, "aws_x.y: Still creating... [10s elapsed]"),
        UnitDone(unit(name, Status.APPLIED, seconds=3)),
    ]


def shown(board: Board, now: float = 0.0, width: int = 80, height: int = 24) -> list[str]:
    return [row.plain.rstrip() for row in frame(board, now, 0.0, width=width, height=height)]


def test_every_finished_unit_scrolls_away_as_one_line_whatever_the_threads_do() -> None:
    screen, clock = Screen(80, 24), Clock()
    view = view_on(screen, clock)
    view(START)

    def tell(name: str) -> None:
        for event in work(name):
            view(event)

    with ThreadPoolExecutor(6) as pool:
        done = [pool.submit(tell, name) for name in NAMES]
        while not all(future.done() for future in done):
            clock.now += 0.2
            view.draw()
    view.close()
    lines = [line.rstrip() for line in screen.physical()]
    assert sorted(line for line in lines if line) == sorted(f"✓ {name} applied, 3s" for name in NAMES)


@pytest.mark.parametrize("sizes", [(100, 40, 120), (40, 33, 20), (80, 81, 79)])
def test_a_terminal_that_changes_its_size_keeps_no_rests(sizes: tuple[int, ...]) -> None:
    # As long as the wrapped view still fits; what a terminal has scrolled away, nobody can erase.
    screen, clock = Screen(sizes[0], 60), Clock()
    view = view_on(screen, clock)
    view(RunStarted("r1", "apply", dict.fromkeys(NAMES[:14], ()), 4))
    for number, columns in enumerate(sizes):
        for name in NAMES[number * 4 : number * 4 + 4]:
            view(UnitPhase(name, Phase.APPLY))
            view(UnitProgress(name, "aws_cognito_user_pool.this: Still creating... [1m10s elapsed] " * 2))
        clock.now += 1
        view.draw()
        screen.resize(columns, 60)
        clock.now += 1
        view.draw()
        view(UnitDone(unit(NAMES[number * 4], Status.APPLIED)))
        view.draw()
    view.close()
    text = "\n".join(screen.lines)
    assert [line for line in screen.lines if line] == [f"✓ {NAMES[n * 4]} applied" for n in range(len(sizes))]
    assert "running" not in text


def test_sixty_units_are_readable_on_24_lines() -> None:
    board = Board()
    board.note(START, 0.0)
    for name in NAMES[:2]:
        board.note(UnitDone(unit(name, Status.APPLIED)), 5.0)
    board.note(UnitPhase(NAMES[2], Phase.APPLY), 10.0)
    board.note(UnitProgress(NAMES[2], "aws_sqs_queue.this: Creating..."), 11.0)
    board.note(UnitPhase(NAMES[3], Phase.PLAN), 40.0)
    assert shown(board, 100.0) == [
        "● prod/stack-02  applying   1m30s  aws_sqs_queue.this: Creating...",
        "● prod/stack-03  planning   1m00s",
        "○ prod/stack-04  waiting for prod/stack-02",
        "○ prod/stack-05  waiting for prod/stack-02",
        "○ prod/stack-06  waiting for prod/stack-02, prod/stack-03",
        "○ prod/stack-07  waiting for prod/stack-02, prod/stack-03",
        "○ prod/stack-08  waiting for prod/stack-02, prod/stack-04",
        "○ prod/stack-09  waiting for prod/stack-03, prod/stack-04",
        "○ prod/stack-10  waiting for prod/stack-03, prod/stack-05",
        "  … and 49 more waiting",
        "2/60 done · 2 running · 56 waiting · 1m40s",
    ]


def test_more_running_units_than_lines_are_counted() -> None:
    board = Board()
    board.note(START, 0.0)
    for name in NAMES[:40]:
        board.note(UnitPhase(name, Phase.PLAN), 0.0)
    rows = shown(board, 1.0)
    assert len(rows) == 16
    assert rows[13:] == [
        "  … and 27 more running",
        "  … and 20 more waiting",
        "0/60 done · 40 running · 20 waiting · 1s",
    ]


def test_what_went_wrong_is_counted() -> None:
    board = Board()
    board.note(RunStarted("r", "apply", {"a": (), "b": (), "c": ("a",), "d": ()}, 2), 0.0)
    for name, status in (("a", Status.FAILED), ("b", Status.BLOCKED), ("c", Status.SKIPPED), ("d", Status.UNCHANGED)):
        board.note(UnitDone(unit(name, status)), 1.0)
    assert shown(board) == ["4/4 done · 1 failed · 1 blocked · 1 skipped · 0s"]


def test_a_preview_is_an_end_for_plan_and_not_for_apply() -> None:
    for verb, done, planned in (("plan", 1, 0), ("apply", 0, 1)):
        board = Board()
        board.note(RunStarted("r", verb, {"a": (), "b": ("a",)}, 2), 0.0)
        board.note(UnitDone(unit("a", Status.PLANNED)), 1.0)
        assert (board.counts().done, board.counts().planned) == (done, planned)
        assert ("b", "for a free slot") in board.waiting()


def test_a_unit_that_waits_for_an_answer_says_so_and_goes_on() -> None:
    board = Board()
    board.note(RunStarted("r", "apply", {"a": ()}, 2), 0.0)
    board.note(UnitPhase("a", Phase.PLAN), 1.0)
    board.note(UnitPhase("a", Phase.APPROVE), 2.0)
    assert board.waiting() == [("a", "awaiting approval")]
    board.note(UnitPhase("a", Phase.APPLY), 3.0)
    assert board.waiting() == []
    assert board.running["a"].phase is Phase.APPLY


def test_time_in_a_unit_goes_on_over_its_phases() -> None:
    board = Board()
    board.note(UnitPhase("a", Phase.INIT), 0.0)
    board.note(UnitPhase("a", Phase.PLAN), 10.0)
    assert shown(board, 70.0)[0].split() == ["●", "a", "planning", "1m10s"]


def test_a_second_start_begins_anew() -> None:
    board = Board()
    board.note(RunStarted("r", "plan", {"a": ()}, 2), 0.0)
    board.note(UnitDone(unit("a", Status.PLANNED)), 1.0)
    board.note(RunStarted("r", "apply", {"a": ()}, 2), 2.0)
    assert board.counts().waiting == 1


EVENTS = st.lists(
    st.one_of(
        st.builds(UnitPhase, st.sampled_from(NAMES), st.sampled_from(Phase), st.text(max_size=90)),
        st.builds(UnitProgress, st.sampled_from(NAMES), st.text(max_size=300)),
        st.builds(UnitDone, st.builds(unit, st.sampled_from(NAMES), st.sampled_from(Status))),
        st.builds(Notice, st.text(max_size=200)),
    ),
    max_size=80,
)


@given(EVENTS, st.integers(1, 200), st.integers(1, 60))
@settings(max_examples=100, deadline=None)
def test_the_frame_fits_and_its_counts_add_up(events: list[Event], width: int, height: int) -> None:
    board = Board()
    board.note(START, 0.0)
    for number, event in enumerate(events):
        board.note(event, float(number))
    rows = frame(board, 100.0, 0.0, width=width, height=height)
    assert 1 <= len(rows) <= max(1, min(height - 1, max(3, height * 2 // 3)))
    assert all(row.cell_len <= max(1, width - 1) for row in rows)
    counts = board.counts()
    assert counts.done + counts.running + counts.waiting + counts.planned == counts.total == len(NAMES)


def test_nothing_is_written_when_nothing_to_be_seen_has_changed() -> None:
    screen, clock = Screen(80, 24), Clock()
    view = view_on(screen, clock)
    view(START)
    view.draw()
    before = len(screen.writes)
    clock.now += 0.4
    view.draw()
    view.draw()
    assert len(screen.writes) == before
    clock.now += 1
    view.draw()
    assert len(screen.writes) == before + 1
    view.close()


def test_it_draws_by_itself_and_not_too_often() -> None:
    screen = Screen(80, 24)
    view = LiveView(SizedConsole(screen), rate=6.0)
    view(START)
    end = time.monotonic() + 1.0
    number = 0
    while time.monotonic() < end:
        number += 1
        view(UnitPhase(NAMES[0], Phase.APPLY))
        view(UnitProgress(NAMES[0], f"line {number}"))
        time.sleep(0.005)
    writes = len(screen.writes)
    view.close()
    assert 3 <= writes <= 8


def test_notices_stay_above_the_view() -> None:
    screen = Screen(80, 24)
    view = view_on(screen, Clock())
    view(START)
    view(Notice("the time limit of 60m is over", "prod/stack-01", {"limit": "60m"}))
    view.close()
    assert screen.lines == ["! prod/stack-01: the time limit of 60m is over (limit: 60m)", ""]


def test_nothing_is_written_while_it_is_paused() -> None:
    screen, clock = Screen(80, 24), Clock()
    view = view_on(screen, clock)
    view(START)
    view.draw()
    with view.paused():
        assert [line for line in screen.lines if line] == []
        writes = len(screen.writes)
        view(UnitDone(unit(NAMES[0], Status.APPLIED)))
        view.draw()
        with view.paused():
            view.draw()
        view.draw()
        assert len(screen.writes) == writes
        screen.write("Apply? yes\n")
    view.draw()
    view.close()
    assert [line for line in screen.lines if line] == ["Apply? yes", f"✓ {NAMES[0]} applied"]


def test_a_terminal_that_is_gone_does_not_stop_the_run() -> None:
    class Gone(Screen):
        def write(self, text: str) -> int:
            raise OSError(5, "Input/output error")

    view = view_on(Gone(80, 24), Clock())
    view(START)
    view.draw()
    view(UnitDone(unit(NAMES[0])))
    view.draw()
    view.close()
    view(UnitDone(unit(NAMES[1])))


def test_a_terminal_that_is_stopped_holds_up_no_unit() -> None:
    class Stopped(Screen):
        go_on = threading.Event()

        def write(self, text: str) -> int:
            self.go_on.wait(10)
            return super().write(text)

    screen = Stopped(80, 24)
    view = LiveView(SizedConsole(screen), rate=100.0)
    view(START)
    time.sleep(0.1)
    started = time.monotonic()
    for name in NAMES:
        view(UnitDone(unit(name)))
    assert time.monotonic() - started < 1.0
    screen.go_on.set()
    view.close()


def test_no_color_when_it_is_not_wanted() -> None:
    screen = Screen(80, 24)
    view = LiveView.on(screen, {"NO_COLOR": "1", "TERM": "xterm"})
    view(START)
    view(UnitDone(unit(NAMES[0], Status.FAILED)))
    view.draw()
    view.close()
    assert "\x1b[31m" not in "".join(screen.writes)
    assert "\x1b[1;31m" not in "".join(screen.writes)


def test_signs_that_the_terminal_lacks_become_ascii() -> None:
    class Ascii(Screen):
        @property
        def encoding(self) -> str:  # type: ignore[override]
            return "ascii"

    screen = Ascii(80, 24)
    view = view_on(screen, Clock())
    view(START)
    view(UnitDone(unit(NAMES[0], Status.APPLIED)))
    view.close()
    assert screen.lines[0] == f"v {NAMES[0]} applied"


def test_the_sink_fits_the_stream() -> None:
    terminal, pipe = Screen(80, 24), io.StringIO()
    kinds = [
        (terminal, {"TERM": "xterm"}, "LiveView"),
        (terminal, {"TERM": "dumb"}, "PlainLines"),
        (terminal, {"TERM": "xterm", "CI": "true"}, "PlainLines"),
        (pipe, {"TERM": "xterm"}, "PlainLines"),
    ]
    for stream, env, kind in kinds:
        sink = console_sink(stream, env)
        sink.close()
        assert type(sink).__name__ == kind
    assert isinstance(console_sink(terminal, {}, quiet=True), Silent)


def test_tee_passes_on_pauses_and_closes_all() -> None:
    class Recorder:
        def __init__(self, *, fails: bool = False) -> None:
            self.events: list[Event] = []
            self.closed = False
            self.fails = fails

        def __call__(self, event: Event) -> None:
            self.events.append(event)

        def close(self) -> None:
            self.closed = True
            if self.fails:
                raise RuntimeError("cannot close")

    screen = Screen(80, 24)
    view = view_on(screen, Clock())
    bad, good = Recorder(fails=True), Recorder()
    tee = Tee([bad, view, good])
    assert isinstance(tee, Pausable)
    tee(START)
    with tee.paused():
        view.draw()
        assert screen.writes == [] or [line for line in screen.lines if line] == []
    with pytest.raises(RuntimeError, match="cannot close"):
        tee.close()
    assert bad.events == good.events == [START]
    assert good.closed
