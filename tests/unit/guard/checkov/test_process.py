"""The process of the checks: what it gets, what a check can do in it, and how it ends."""

from __future__ import annotations

import json
import os
import signal
import socket
import stat
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from orchestrator.errors import CatalogueError, SetupError
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.checkov.sandbox import NICE
from orchestrator.guard.judge import Judge
from orchestrator.guard.model import Verdict
from orchestrator.guard.policies.load import Policies
from tests.support.check_process import process_of, running
from tests.support.checks import ROOT, with_policy
from tests.support.plans import a_unit, delete, plan, saved, update

CHANGE = update(mfa_configuration="ON")
LINUX = sys.platform == "linux"


def code(text: str) -> str:
    """The body of a check, from lines without indentation."""
    return textwrap.indent(textwrap.dedent(text).strip(), " " * 8).strip()


def tells(expression: str) -> str:
    """The body of a check that fails with what an expression says, as JSON."""
    return code(f"""
        import ctypes, json, os, resource, socket, sys
        self.details = [json.dumps({expression})]
        return CheckResult.FAILED
    """)


Opened = Callable[..., Checks]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Opened]:
    """Opens the project's policies and one more, with the body of its check."""
    made: list[Checks] = []

    def open_checks(body: str, *, seconds: float = 60, **more: str) -> Checks:
        made.append(Checks(with_policy(tmp_path, body, **more), seconds=seconds))
        return made[-1]

    yield open_checks
    for each in made:
        each.close()


def judged(checks: Checks, folder: Path, entry: dict[str, Any] = CHANGE) -> Verdict:
    return Judge(checks).judge(a_unit(), saved(folder, plan(entry)))


def told(checks: Checks, folder: Path) -> Any:
    """What the additional check says of its process."""
    (finding,) = judged(checks, folder).findings
    assert finding.rule == "ORCH_EXTRA", finding
    return json.loads(finding.cause)


def causes(verdict: Verdict) -> list[tuple[str, str]]:
    return [(each.rule, each.cause) for each in verdict.findings]


def ended(group: int, seconds: float = 20) -> bool:
    until = time.monotonic() + seconds
    while running(group):
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True


# What the process gets.


def test_it_gets_nothing_of_the_environment(opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "hunter2")
    monkeypatch.setenv("GITHUB_TOKEN", "hunter2")
    found = told(opened(tells("dict(os.environ)")), tmp_path)
    libraries = {"LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH"}
    assert found.keys() - libraries - {"LC_CTYPE", "__CF_USER_TEXT_ENCODING"} == {"LANG", "PYTHONPATH", "TMPDIR"}
    assert "hunter2" not in str(found)


def test_its_folder_is_its_own_and_goes_with_it(opened: Opened, tmp_path: Path) -> None:
    checks = opened(tells("[os.getcwd(), os.environ['TMPDIR'], os.stat('.').st_mode]"))
    folder, temporary, mode = told(checks, tmp_path)
    assert folder == temporary
    assert stat.S_IMODE(mode) == 0o700
    assert not folder.startswith(str(ROOT))
    assert Path(folder).is_dir()
    checks.close()
    assert not Path(folder).exists()


@pytest.mark.skipif(not LINUX, reason="reads /proc")
def test_it_has_no_file_but_its_socket(opened: Opened, tmp_path: Path) -> None:
    body = code("""
        import json, os
        found = []
        for each in range(1000):
            try:
                found.append(os.readlink(f"/proc/self/fd/{each}").partition(":")[0])
            except FileNotFoundError:
                pass
        self.details = [json.dumps(found)]
        return CheckResult.FAILED
    """)
    with (tmp_path / "secret").open("w") as file:
        os.set_inheritable(file.fileno(), True)
        assert told(opened(body), tmp_path) == ["/dev/null"] * 3 + ["socket"]


def test_its_priority_is_lower_and_it_dumps_no_memory(opened: Opened, tmp_path: Path) -> None:
    found = told(
        opened(tells("[os.getpriority(os.PRIO_PROCESS, 0), *resource.getrlimit(resource.RLIMIT_CORE)]")), tmp_path
    )
    assert found == [min(os.getpriority(os.PRIO_PROCESS, 0) + NICE, 19), 0, 0]


def test_its_session_is_its_own(opened: Opened, tmp_path: Path) -> None:
    """So the terminal's Ctrl-C does not reach it."""
    assert told(opened(tells("os.getsid(0)")), tmp_path) != os.getsid(0)


def test_it_reaches_no_network(opened: Opened, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        checks = opened(tells(f"socket.socket().connect_ex(('127.0.0.1', {port}))"))
        refused = checks.network()
        assert (told(checks, tmp_path) == 0) == bool(refused), refused
    if refused:
        pytest.skip(refused)


def test_it_cannot_read_the_environment_of_orch(opened: Opened, tmp_path: Path) -> None:
    checks = opened(
        tells(f"os.access('/proc/{os.getpid()}/environ', os.R_OK) and open('/proc/{os.getpid()}/environ').read()")
    )
    if refused := checks.network():
        pytest.skip(refused)
    assert causes(judged(checks, tmp_path)) == [("ORCH_CHECK_FAILED", "it raised PermissionError")]


# What a check can do in it.


def test_what_a_check_prints_goes_nowhere(opened: Opened, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    body = code("""
        import os, sys
        print("hunter2"); print("hunter2", file=sys.stderr); os.write(1, b"hunter2"); os.system("echo hunter2")
        return CheckResult.PASSED
    """)
    assert judged(opened(body), tmp_path).findings == ()
    assert capfd.readouterr() == ("", "")


GARBAGE = """
    import os
    for descriptor in range(50):
        try:
            os.write(descriptor, b"hunter2" * 9)
        except OSError:
            pass
    return CheckResult.PASSED
"""
MUCH_MEMORY = """
    import mmap
    mmap.mmap(-1, 5 << 30)  # address space only
    return CheckResult.PASSED
"""
FORKS = """
    import os
    if not hasattr(Extra, "forked"):  # once: there are many resources
        os.fork()
        Extra.forked = True
    return CheckResult.PASSED
"""


@pytest.mark.parametrize(
    ("body", "why"),
    [
        ("import os; os._exit(0)", "its process ended"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "its process ended"),
        ("import os; os.closerange(0, 1000); return CheckResult.PASSED", "its process ended"),
        ("raise SystemExit(0)", "it raised SystemExit"),
        ("raise KeyboardInterrupt", "it raised KeyboardInterrupt"),
        ("raise type('x: hunter2', (Exception,), {})", "its answer is not valid"),
        ("self.details = ['\\ud800']; return CheckResult.FAILED", "its answer is not valid"),
        (GARBAGE, "its answer is not valid"),
        (MUCH_MEMORY, "it raised OSError"),
    ],
)
def test_a_check_that_does_not_answer_blocks(opened: Opened, tmp_path: Path, body: str, why: str) -> None:
    checks = opened(code(body))
    verdict = judged(checks, tmp_path)
    assert causes(verdict) == [("ORCH_CHECK_FAILED", why)]
    assert set(verdict.checks) == {"ORCH_PROTECTED", "ORCH_WEAKENED", "ORCH_HIDDEN_REPLACE"}
    again = judged(checks, tmp_path, delete())
    assert {each.rule for each in again.findings} == {"ORCH_PROTECTED", "ORCH_CHECK_FAILED"}, "other policies go on"


def test_a_check_that_hangs_blocks(opened: Opened, tmp_path: Path) -> None:
    checks = opened(code("import time; time.sleep(3600)"), seconds=1.5)
    wait_for_imports(checks)
    for _ in range(2):  # the second time without waiting: a policy that failed is asked nothing more
        assert causes(judged(checks, tmp_path)) == [("ORCH_CHECK_FAILED", "it gave no answer within 1.5 s")]


def test_a_check_that_forks_gives_no_second_answer(opened: Opened, tmp_path: Path) -> None:
    """Where it may fork at all: the answer of the second process to the first request is none to the second request."""
    checks = opened(code(FORKS))
    found = [causes(judged(checks, tmp_path)) for _ in range(4)]
    assert found[-1] in (
        [("ORCH_CHECK_FAILED", "its answer is not valid")],
        [("ORCH_CHECK_FAILED", "it raised BlockingIOError")],
    )


MEDDLES = """
import gc, os, signal, sys
from unittest.mock import Mock
from checkov.common.models.enums import CheckResult
from checkov.common.checks.base_check import BaseCheck
from checkov.terraform.checks.resource.base_registry import Registry
from checkov.terraform.checks.resource.base_resource_check import BaseResourceCheck
import orchestrator.guard.canary, orchestrator.guard.judge
from orchestrator.guard.checkov.annotate import Change
from orchestrator.guard.checkov import engine, protocol, responder
passed = lambda *_: CheckResult.PASSED
orchestrator.guard.judge.Judge.judge = orchestrator.guard.judge.protected_losses = Mock()
orchestrator.guard.canary.canary_failures = lambda *_: ()
Registry.get_checks = lambda *_: []
BaseCheck.scan_entity_conf = BaseResourceCheck.scan_entity_conf = passed
Change.of = Mock()
engine._result = lambda *_: engine._Result(passed=True)
for each in gc.get_objects():
    if isinstance(each, type) and issubclass(each, BaseCheck) and hasattr(each, "scan_resource_conf"):
        each.scan_resource_conf = passed
"""


def test_a_check_changes_no_answer_but_its_own(opened: Opened, tmp_path: Path) -> None:
    """Policies are loaded in the order of their names, so that this one is loaded before all others."""
    checks = opened("return CheckResult.PASSED", name="aaa")
    file = tmp_path / "policies" / "aaa" / "check.py"
    file.write_text(file.read_text() + MEDDLES)
    with Checks(Policies.load(tmp_path)) as meddled:
        losing = judged(meddled, tmp_path, delete())
        weakening = judged(meddled, tmp_path, update(deletion_protection="INACTIVE"))
        assert judged(meddled, tmp_path).blocked, "it gives no answer of its own any more"
    assert "ORCH_PROTECTED" in {each.rule for each in losing.findings}
    assert "ORCH_WEAKENED" in {each.rule for each in weakening.findings}
    assert not checks.by_id


def test_a_check_cannot_answer_for_another_one(opened: Opened, tmp_path: Path) -> None:
    body = """
        from dataclasses import replace
        from orchestrator.guard.checkov import engine
        answer = getattr(engine, "answer", engine.PolicyEngine.answer)
        engine.answer = answer
        def lie(self, number, resources):
            reply = answer(self, number, resources)
            given = [replace(each, check="ORCH_WEAKENED", passed=True) for each in reply.given]
            return replace(reply, given=(*reply.given, *given))
        engine.PolicyEngine.answer = lie
        return CheckResult.PASSED
    """
    checks = opened(code(body))
    judged(checks, tmp_path)  # from now on it lies
    found = causes(judged(checks, tmp_path, update(deletion_protection="INACTIVE")))
    assert ("ORCH_CHECK_FAILED", "its answer is not valid") in found
    assert "ORCH_WEAKENED" in {rule for rule, _ in found}


# What cannot be loaded.


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ("return 1\nraise SystemExit(0)", "SystemExit: 0"),
        ("return 1\nfrom nowhere import nothing", "ModuleNotFoundError: No module named 'nowhere'"),
        ("return 1\nimport os; os._exit(0)", "its process ended"),
        (
            "return 1\nimport os; [os.write(each, b'x' * 99) for each in range(1, 1000) if fd(each)]",
            "its answer is not valid",
        ),
    ],
)
def test_a_check_that_cannot_be_loaded_is_an_error(opened: Opened, body: str, problem: str) -> None:
    checks = opened(body.replace("fd(each)", "os.path.exists(f'/dev/fd/{each}')"))
    for _ in range(2):
        with pytest.raises(CatalogueError) as caught:
            checks.load()
        assert [str(each) for each in caught.value.problems] == [
            f"policies/extra/check.py: the check cannot be loaded: {problem}"
        ]


@pytest.mark.skipif(not LINUX, reason="reads /proc")
def test_a_check_that_hangs_while_it_is_loaded_is_an_error(opened: Opened) -> None:
    checks = opened("return 1\nimport time; time.sleep(3600)", seconds=1.5)
    wait_for_imports(checks)
    with pytest.raises(CatalogueError, match=r"cannot be loaded: it gave no answer within 1\.5 s"):
        checks.load()


def test_without_checkov_every_check_is_an_error(
    opened: Opened, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = tmp_path / "broken" / "checkov"
    broken.mkdir(parents=True)
    (broken / "__init__.py").write_text("raise ImportError('no checkov here')")
    monkeypatch.setattr(sys, "path", [str(broken.parent), *sys.path])
    with pytest.raises(CatalogueError) as caught:
        opened("return CheckResult.PASSED").load()
    assert {each.what for each in caught.value.problems} == {"the check cannot be loaded: ImportError: no checkov here"}
    assert len(caught.value.problems) == len(Policies.load(tmp_path).policies)


def test_a_machine_without_room_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    with pytest.raises(SetupError, match="cannot start the process that runs the checks of policies/: No such file"):
        Checks(Policies.load(ROOT)).start()


# How it ends.


@pytest.mark.skipif(not LINUX, reason="reads /proc")
@pytest.mark.parametrize("hangs", [False, True])
def test_it_ends_when_it_is_closed(opened: Opened, tmp_path: Path, hangs: bool) -> None:
    checks = opened(code("import time; time.sleep(3600)") if hangs else "return CheckResult.PASSED")
    group = process_of(checks).pid
    asking = threading.Thread(target=lambda: judged(checks, tmp_path), daemon=True)
    checks.load()
    asking.start()
    assert len(running(group)) == 1 + len(checks.policies.policies)
    checks.close()
    assert ended(group, seconds=2)
    asking.join(10)
    assert not asking.is_alive()


def test_an_unused_one_ends_without_waiting_for_its_imports(opened: Opened) -> None:
    checks = opened("return CheckResult.PASSED")
    group = process_of(checks).pid
    checks.close()
    assert ended(group, seconds=2)
    with pytest.raises(CatalogueError, match="its process ended"):
        checks.load()


def test_forgotten_checks_end_too() -> None:
    checks = Checks(Policies.load(ROOT))
    group = process_of(checks).pid
    del checks
    assert ended(group, seconds=2)


KILLED = """
import os, sys, time
from pathlib import Path
from orchestrator.guard.checkov.checks import Checks
from orchestrator.guard.policies.load import Policies
from tests.support.plans import a_unit
checks = Checks(Policies.load(Path(sys.argv[1])))
checks.load()
print(checks._backend.pid, flush=True)
list(checks.run([{"address": "a.b", "type": "a", "mode": "managed", "name": "b", "values": {}}]).given)
time.sleep(3600)
"""


@pytest.mark.skipif(not LINUX, reason="reads /proc")
@pytest.mark.parametrize("hangs", [False, True])
def test_it_ends_when_orch_is_killed(tmp_path: Path, hangs: bool) -> None:
    with_policy(tmp_path, code("import time; time.sleep(3600)") if hangs else "return CheckResult.PASSED")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), "TMPDIR": str(tmp_path)}
    with subprocess.Popen(
        [sys.executable, "-c", KILLED, str(tmp_path)], stdout=subprocess.PIPE, env=environment
    ) as orch:
        assert orch.stdout is not None
        group = int(orch.stdout.readline())
        time.sleep(0.3)  # until it asks
        assert running(group)
        orch.kill()
    assert ended(group)
    assert not list(tmp_path.glob("orch-checks-*"))


@pytest.mark.skipif(not LINUX, reason="reads /proc")
def test_policies_end_with_the_process_that_forked_them(opened: Opened, tmp_path: Path) -> None:
    checks = opened("return CheckResult.PASSED")
    checks.load()
    group = process_of(checks).pid
    os.kill(group, signal.SIGKILL)
    assert ended(group, seconds=5)
    (finding,) = judged(checks, tmp_path).findings
    assert finding.rule == "ORCH_CANARY"
    assert "the check ORCH_PROTECTED does not stop it: its process ended" in finding.cause


def wait_for_imports(checks: Checks) -> None:
    """Wait until a process for each policy runs: on a busy machine that takes longer than an answer of a test."""
    group = process_of(checks).pid
    while LINUX and len(running(group)) <= len(checks.policies.policies):
        time.sleep(0.02)
