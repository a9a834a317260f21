from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import pytest

from orchestrator.errors import UnitError
from orchestrator.terraform.process.supervisor import REFUSED, Processes, ProcessResult, TaskKind
from tests.support.terraform import alive, wait_until


def start(
    processes: Processes,
    folder: Path,
    script: str,
    *,
    kind: TaskKind = TaskKind.PLAN,
    unit: str = "prod/api",
    timeout: float | None = 30,
) -> Callable[[], ProcessResult]:
    """Run a shell script in a thread; the answer waits for its outcome."""
    outcomes: list[ProcessResult] = []

    def work() -> None:
        outcomes.append(run(processes, folder, script, kind=kind, unit=unit, timeout=timeout))

    thread = threading.Thread(target=work)
    thread.start()

    def result() -> ProcessResult:
        thread.join(timeout=20)
        assert not thread.is_alive(), "the process did not end"
        return outcomes[0]

    return result


def run(
    processes: Processes,
    folder: Path,
    script: str,
    *,
    kind: TaskKind = TaskKind.PLAN,
    unit: str = "prod/api",
    timeout: float | None = 30,
    on_line: Callable[[str], None] | None = None,
    on_warning: Callable[[str], None] | None = None,
    stdout: Path | None = None,
) -> ProcessResult:
    return processes.run(
        ["/bin/sh", "-c", script],
        unit=unit,
        cwd=folder,
        env=os.environ,
        log=folder / ("log" if unit == "prod/api" else unit.replace("/", "-")),
        kind=kind,
        timeout=timeout,
        on_line=on_line,
        on_warning=on_warning,
        stdout=stdout,
    )


def test_lines_arrive_while_it_runs(tmp_path: Path) -> None:
    go = tmp_path / "go"
    seen: list[str] = []

    def on_line(line: str) -> None:
        seen.append(line)
        go.touch()  # the script waits for this: were the lines held back to the end, it would run into its limit

    outcome = run(
        Processes(),
        tmp_path,
        f"echo one; until [ -e {go} ]; do sleep 0.02; done; echo two >&2; printf last",
        on_line=on_line,
    )
    assert outcome.code == 0
    assert seen == ["one", "two", "last"]
    assert outcome.lines == ("one", "two", "last")


def test_the_log_is_private_appended_and_names_the_command(tmp_path: Path) -> None:
    processes = Processes()
    run(processes, tmp_path, "echo first")
    run(processes, tmp_path, "echo second; exit 3")
    log = tmp_path / "log"
    assert log.stat().st_mode & 0o777 == 0o600
    assert log.read_text() == "$ /bin/sh -c 'echo first'\nfirst\n$ /bin/sh -c 'echo second; exit 3'\nsecond\n"


def test_colours_and_cursor_movements_are_taken_out_everywhere(tmp_path: Path) -> None:
    script = r"printf 'keep\n\033[31mred\033[0m \033]8;;http://x\007link\033[2K\rdone\tend\n'"
    outcome = run(Processes(), tmp_path, script)
    assert outcome.lines == ("keep", "red linkdone\tend")
    assert (tmp_path / "log").read_text().endswith("keep\nred linkdone\tend\n")
    assert "\x1b" not in (tmp_path / "log").read_text()


def test_bytes_that_are_no_text_do_not_stop_it(tmp_path: Path) -> None:
    assert run(Processes(), tmp_path, r"printf '\377\376 ok\n'").lines == ("\ufffd\ufffd ok",)


def test_a_very_long_line_comes_in_pieces(tmp_path: Path) -> None:
    outcome = run(Processes(), tmp_path, "head -c 300000 /dev/zero | tr '\\0' x; echo; echo end")
    assert outcome.lines[-1] == "end"
    assert sum(map(len, outcome.lines[:-1])) == 300000


def test_standard_output_can_go_to_a_private_file(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    outcome = run(Processes(), tmp_path, "echo '{}'; echo warning >&2", stdout=out)
    assert out.read_text() == "{}\n"
    assert out.stat().st_mode & 0o777 == 0o600
    assert outcome.lines == ("warning",)


def test_what_a_child_makes_is_private(tmp_path: Path) -> None:
    run(Processes(), tmp_path, "echo plan > plan")
    assert (tmp_path / "plan").stat().st_mode & 0o777 == 0o600


def test_a_callback_that_fails_does_not_stop_the_child(tmp_path: Path) -> None:
    def on_line(line: str) -> None:
        raise RuntimeError(line)

    with pytest.raises(RuntimeError, match="one"):
        run(Processes(), tmp_path, "echo one; sleep 0.3; echo two > done", kind=TaskKind.APPLY, on_line=on_line)
    assert (tmp_path / "done").read_text() == "two\n"


def test_it_reads_nothing_and_is_no_part_of_our_group(tmp_path: Path) -> None:
    outcome = run(Processes(), tmp_path, "cat; ps -o pgid= -p $$")
    assert outcome.code == 0
    assert int(outcome.lines[0]) != os.getpgrp()


def test_what_it_leaves_behind_is_killed(tmp_path: Path) -> None:
    outcome = run(Processes(), tmp_path, "sleep 60 & echo $!")
    assert outcome.code == 0
    assert outcome.seconds < 10
    wait_until(lambda: not alive(int(outcome.lines[0])))


def test_a_program_that_is_not_there_is_an_error_of_the_unit(tmp_path: Path) -> None:
    processes = Processes()
    with pytest.raises(UnitError, match=r"cannot start .* for prod/api"):
        processes.run(
            ["/nowhere/terraform"],
            unit="prod/api",
            cwd=tmp_path,
            env={},
            log=tmp_path / "log",
            kind=TaskKind.PLAN,
            timeout=1,
        )
    assert processes.in_flight() == {}


def test_a_log_that_cannot_be_written_is_an_error_before_anything_starts(tmp_path: Path) -> None:
    (tmp_path / "log").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(UnitError, match="cannot write the log"):
        run(Processes(), tmp_path, "touch started")
    assert not (tmp_path / "started").exists()


def test_in_flight_names_units_while_they_run(tmp_path: Path) -> None:
    processes = Processes()
    result = start(processes, tmp_path, "until [ -e go ]; do sleep 0.02; done", kind=TaskKind.APPLY)
    wait_until(lambda: processes.in_flight() == {"prod/api": "apply"})
    (tmp_path / "go").touch()
    assert result().code == 0
    assert processes.in_flight() == {}


GRACEFUL = "trap 'echo stopping; exit 7' INT; touch {name}; while :; do sleep 0.05; done"
STUBBORN = "trap 'echo INT >> ints' INT; touch {name}; while :; do sleep 0.05; done"


def ready(folder: Path, *names: str) -> None:
    for name in names:
        wait_until((folder / name).exists)


def test_the_first_interrupt_stops_plans_and_lets_applies_finish(tmp_path: Path) -> None:
    processes = Processes()
    plan = start(processes, tmp_path, GRACEFUL.format(name="a"), unit="prod/plan")
    apply = start(
        processes,
        tmp_path,
        "trap 'exit 9' INT; touch b; until [ -e go ]; do sleep 0.02; done; echo applied",
        unit="prod/apply",
        kind=TaskKind.APPLY,
    )
    ready(tmp_path, "a", "b")
    assert processes.interrupt_plans() == ("prod/plan",)
    stopped = plan()
    assert (stopped.code, stopped.stopped, stopped.timed_out) == (7, True, False)
    time.sleep(0.2)
    assert processes.in_flight() == {"prod/apply": "apply"}
    (tmp_path / "go").touch()
    finished = apply()
    assert (finished.code, finished.stopped, finished.lines) == (0, False, ("applied",))


def test_after_an_interrupt_nothing_starts(tmp_path: Path) -> None:
    processes = Processes()
    processes.interrupt_plans()
    outcome = run(processes, tmp_path, "touch started", kind=TaskKind.APPLY)
    assert (outcome.code, outcome.stopped) == (REFUSED, True)
    assert not (tmp_path / "started").exists()


def test_asking_again_sends_no_second_interrupt(tmp_path: Path) -> None:
    processes = Processes()
    result = start(processes, tmp_path, STUBBORN.format(name="a"), kind=TaskKind.APPLY)
    ready(tmp_path, "a")
    assert processes.ask_stop() == ("prod/api",)
    ready(tmp_path, "ints")
    processes.ask_stop()
    time.sleep(0.3)
    assert (tmp_path / "ints").read_text() == "INT\n"
    assert processes.kill() == ("prod/api",)
    outcome = result()
    assert (outcome.code, outcome.stopped) == (-signal.SIGKILL, True)


def test_a_plan_that_does_not_stop_is_killed_after_its_grace(tmp_path: Path) -> None:
    processes = Processes(grace={TaskKind.PLAN: 0.3, TaskKind.APPLY: 60})
    result = start(processes, tmp_path, STUBBORN.format(name="a"))
    ready(tmp_path, "a")
    processes.interrupt_plans()
    assert result().code == -signal.SIGKILL


def test_kill_takes_the_whole_group(tmp_path: Path) -> None:
    processes = Processes()
    result = start(
        processes, tmp_path, "trap '' INT TERM; sleep 60 & echo $! > pid; touch a; wait", kind=TaskKind.APPLY
    )
    ready(tmp_path, "a")
    processes.kill()
    result()
    wait_until(lambda: not alive(int((tmp_path / "pid").read_text())))


def test_the_time_limit_warns_asks_once_and_then_kills(tmp_path: Path) -> None:
    warnings: list[str] = []
    processes = Processes(grace={TaskKind.PLAN: 60, TaskKind.APPLY: 0.4})
    outcome = run(
        processes, tmp_path, STUBBORN.format(name="a"), kind=TaskKind.APPLY, timeout=0.8, on_warning=warnings.append
    )
    assert (outcome.code, outcome.timed_out, outcome.stopped) == (-signal.SIGKILL, True, False)
    assert (tmp_path / "ints").read_text() == "INT\n"
    assert 1.1 < outcome.seconds < 5
    assert [text.split(" ")[0:2] for text in warnings] == [["this", "apply"]] * 3
    assert "remaining of its time limit of 0.8 s" in warnings[0]
    assert "reached its time limit of 0.8 s: Terraform is asked to stop" in warnings[1]
    assert "was killed" in warnings[2]


def test_one_that_stops_in_its_grace_is_not_killed(tmp_path: Path) -> None:
    outcome = run(Processes(), tmp_path, GRACEFUL.format(name="a"), kind=TaskKind.APPLY, timeout=0.4)
    assert (outcome.code, outcome.timed_out) == (7, True)


SCRIPT_OF_A_RUN = """
import sys
from pathlib import Path
from orchestrator.terraform.process.supervisor import TaskKind, Processes
folder = Path(sys.argv[1])
Processes().run(["/bin/sh", "-c", sys.argv[2]], unit="u", cwd=folder, env={"PATH": "/bin:/usr/bin"},
                log=folder / "log", kind=TaskKind.APPLY, timeout=60)
"""


def orch(folder: Path, script: str) -> Sequence[str]:
    return [sys.executable, "-c", SCRIPT_OF_A_RUN, str(folder), script]


def test_an_apply_outlives_a_killed_orch(tmp_path: Path) -> None:
    # It prints before and after, so a broken output pipe would end it.
    script = "echo begins; touch a; until [ -e go ]; do sleep 0.02; done; echo one; echo two; touch done"
    with subprocess.Popen(orch(tmp_path, script)) as parent:
        ready(tmp_path, "a")
        parent.kill()
    (tmp_path / "go").touch()
    ready(tmp_path, "done")
    assert (tmp_path / "log").read_text().endswith("begins\none\ntwo\n")
