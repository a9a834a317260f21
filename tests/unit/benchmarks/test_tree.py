"""That everything below a command is counted, whoever waits for it, and that nothing may stay behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from benchmarks import tree
from benchmarks.tree import BenchError, usage_of
from tests.support.project import REPOSITORY

BURN = "import time\nuntil = time.process_time() + {seconds}\nwhile time.process_time() < until: pass\n"
ORPHAN = f"""\
import subprocess, sys
subprocess.Popen([sys.executable, '-c', {BURN.format(seconds=0.3)!r}], start_new_session=True)
"""
"""A process that burns CPU below a parent that does not wait for it."""
HOLD = "import time\nheld = b'x' * 200_000_000\ntime.sleep(1.2)\n"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="only Linux has subreapers")


def python(code: str, tmp_path: Path, **options: bool | int) -> tree.Usage:
    return usage_of([sys.executable, "-c", code], cwd=tmp_path, env=os.environ, **options)  # type: ignore[arg-type]


def test_the_cpu_of_an_orphan_is_counted_and_its_wall_time_is_not(tmp_path: Path) -> None:
    usage = python(ORPHAN, tmp_path)
    assert usage.cpu >= 0.3
    assert usage.peak == 0


def test_the_memory_of_a_child_is_counted(tmp_path: Path) -> None:
    code = f"import subprocess, sys\nsubprocess.run([sys.executable, '-c', {HOLD!r}])\n"
    assert 200e6 < python(code, tmp_path, memory=True).peak < 400e6


def test_a_command_that_fails_is_an_error_with_what_it_printed(tmp_path: Path) -> None:
    with pytest.raises(BenchError, match=r"ended with 7, not 0\nto stderr"):
        python("import sys\nsys.stderr.write('to stderr')\nsys.exit(7)\n", tmp_path)
    assert python("import sys\nsys.exit(7)\n", tmp_path, expect=7).seconds > 0


def test_a_process_that_stays_is_an_error_and_is_ended(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    short = tmp_path / "short_tree.py"
    text = Path(tree.__file__).read_text().replace("LINGER_SECONDS = 10.0", "LINGER_SECONDS = 0.2")
    short.write_text(text)
    monkeypatch.setattr(tree, "__file__", str(short))
    code = "import subprocess, sys\nprint(subprocess.Popen(['sleep', '60'], start_new_session=True).pid)\n"
    with pytest.raises(BenchError, match=r"left processes behind: sleep 60") as raised:
        python(code, tmp_path)
    pid = int(str(raised.value).splitlines()[-1])
    with pytest.raises(ProcessLookupError):
        os.kill(pid, 0)


def test_what_was_started_ends_when_the_measurement_is_interrupted(tmp_path: Path) -> None:
    code = (
        "import os, sys\nfrom pathlib import Path\nfrom benchmarks.tree import usage_of\n"
        "usage_of(['sh', '-c', 'echo $$ > pid; exec sleep 60'], cwd=Path(sys.argv[1]), env=os.environ)\n"
    )
    started = tmp_path / "pid"
    with subprocess.Popen([sys.executable, "-c", code, str(tmp_path)], cwd=REPOSITORY, stderr=subprocess.PIPE) as run:
        while not (started.exists() and started.read_text().strip()):
            time.sleep(0.01)
            assert run.poll() is None
        run.send_signal(signal.SIGINT)
        run.communicate()
    with pytest.raises(ProcessLookupError):
        os.kill(int(started.read_text()), 0)
