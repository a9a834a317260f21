"""The life cycle of the emulator: it starts, is found, is reset, and ends with its parent."""

from __future__ import annotations

import json
import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from orchestrator.emulator import control
from orchestrator.emulator.control import ensure_accounts, reset, start, stop
from orchestrator.emulator.info import read_info
from orchestrator.errors import SetupError
from tests.support.emulator import ENTRY_ROLE, MANAGEMENT, Account, entry_client, new_account_id

pytestmark = pytest.mark.integration


@pytest.fixture
def folder(tmp_path: Path) -> Iterator[Path]:
    """The folder of a separate emulator, which ends with the test."""
    yield tmp_path / "own"
    stop(tmp_path / "own")


def _gone(pid: int, seconds: float = 15) -> bool:
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if not _running(pid):
            return True
        time.sleep(0.05)
    return False


def _running(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG) == (0, 0)
    except ChildProcessError:
        pass
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()


def test_it_starts_once_is_found_and_stops(folder: Path) -> None:
    assert read_info(folder) is None
    with ThreadPoolExecutor() as pool:  # concurrently: one starts it, the others find it
        infos = set(pool.map(lambda _: start(folder, accounts={}, management=MANAGEMENT), range(4)))
    (info,) = infos
    assert read_info(folder) == info
    assert info.url.startswith("http://127.0.0.1:")
    for name in ("emulator.json", control.LOG_NAME):
        assert stat.S_IMODE((folder / name).stat().st_mode) == 0o600
    assert info.secret_key not in repr(info)
    stop(folder)
    assert read_info(folder) is None
    assert _gone(info.pid)
    stop(folder)  # the second time does nothing


def test_it_is_in_a_session_of_its_own_and_lets_a_terminals_interrupt_pass(folder: Path) -> None:
    info = start(folder, accounts={}, management=MANAGEMENT)
    assert os.getsid(info.pid) == info.pid
    os.kill(info.pid, signal.SIGINT)
    assert entry_client(info, "sts").get_caller_identity()["Account"] == MANAGEMENT


def test_a_reset_empties_accounts_and_keeps_the_keys(folder: Path) -> None:
    info = start(folder, accounts={"first": "111111111111"}, management=MANAGEMENT)
    account = Account(folder)
    account.client("s3").create_bucket(
        Bucket="to-be-lost", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"}
    )
    reset(folder)
    assert read_info(folder) == info
    assert account.client("s3", account.assume(ENTRY_ROLE)).list_buckets()["Buckets"] == []
    who = entry_client(info, "sts").assume_role(
        RoleArn=f"arn:aws:iam::111111111111:role/{ENTRY_ROLE}", RoleSessionName="again"
    )
    assert ":assumed-role/" in who["AssumedRoleUser"]["Arn"]


def test_accounts_are_added_while_it_runs_and_not_emptied(folder: Path) -> None:
    start(folder, accounts={}, management=MANAGEMENT)
    account = Account(folder)
    account.client("sqs").create_queue(QueueName="kept")
    ensure_accounts(folder, {"same": account.id, "other": new_account_id()})
    assert len(account.client("sqs").list_queues()["QueueUrls"]) == 1


def test_steering_needs_the_key_and_a_running_emulator(folder: Path) -> None:
    with pytest.raises(SetupError, match="no emulator is running"):
        reset(folder)
    info = start(folder, accounts={}, management=MANAGEMENT)
    file = folder / "emulator.json"
    file.write_text(json.dumps({**json.loads(file.read_text()), "secret_key": "guessed"}))
    with pytest.raises(SetupError, match="answered 403"):
        reset(folder)
    assert _running(info.pid)


def test_a_file_left_by_a_killed_emulator_is_not_believed(folder: Path) -> None:
    info = start(folder, accounts={}, management=MANAGEMENT)
    os.kill(info.pid, signal.SIGKILL)
    assert _gone(info.pid)
    assert (folder / "emulator.json").is_file()
    assert read_info(folder) is None
    again = start(folder, accounts={}, management=MANAGEMENT)
    assert again.pid != info.pid


def test_it_ends_with_the_process_it_was_started_for(folder: Path) -> None:
    code = (
        "import os, sys; from pathlib import Path; from orchestrator.emulator.control import start\n"
        f"print(start(Path({str(folder)!r}), accounts={{}}, management={MANAGEMENT!r}, ttl_parent=os.getpid()).pid,"
        " flush=True)\nsys.stdin.read()"
    )
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as parent:
        assert parent.stdout is not None
        pid = int(parent.stdout.readline())
        assert _running(pid)
        parent.kill()  # no chance to clean up
    assert _gone(pid)
    assert read_info(folder) is None


def test_an_interrupted_start_leaves_nothing(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[int] = []

    def interrupted(process: subprocess.Popen[bytes]) -> subprocess.Popen[bytes]:
        started.append(process.pid)
        return process

    def ctrl_c(*_: object) -> None:
        raise KeyboardInterrupt

    spawn = control._spawn
    monkeypatch.setattr(control, "_spawn", lambda folder: interrupted(spawn(folder)))
    monkeypatch.setattr(control, "_ask", ctrl_c)
    with pytest.raises(KeyboardInterrupt):
        start(folder, accounts={}, management=MANAGEMENT)
    (pid,) = started
    assert _gone(pid)
    assert not (folder / "emulator.json").exists()


def test_why_it_does_not_start_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder.mkdir()
    (folder / "moto.py").write_text("raise ImportError('moto is broken here')")
    monkeypatch.setenv("PYTHONPATH", str(folder))
    with pytest.raises(SetupError, match="ended at once: ImportError: moto is broken here") as caught:
        start(folder, accounts={}, management=MANAGEMENT)
    assert "server.log" in (caught.value.hint or "")


def test_the_users_settings_do_not_change_it(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("INITIAL_NO_AUTH_ACTION_COUNT", "inf")
    monkeypatch.setenv("MOTO_ENABLE_ISO_REGIONS", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "AKIASOMEONEELSE")
    info = start(folder, accounts={}, management=MANAGEMENT)
    with pytest.raises(ClientError) as caught:
        entry_client(info, "iam").list_users()
    assert caught.value.response["Error"]["Code"] == "AccessDenied"
