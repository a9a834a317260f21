"""Start, stop and control the emulator, which runs in a separate process."""

from __future__ import annotations

import fcntl
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from http.client import HTTPConnection, HTTPException
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import orchestrator
from orchestrator.emulator.info import INFO_NAME, EmulatorInfo, read_info
from orchestrator.emulator.process_exit import has_ended
from orchestrator.errors import SetupError

LOG_NAME = "server.log"
_PACKAGES = ("moto", "flask", "werkzeug")
"""What the emulator's process imports; the extra ``orch[emulator]`` installs them."""
_LOCK_NAME = "start.lock"
_START_SECONDS = 60.0
_STOP_SECONDS = 5.0
_ANSWER_SECONDS = 60.0
_POLL_SECONDS = 0.02


def start(folder: Path, *, accounts: Mapping[str, str], management: str, ttl_parent: int | None = None) -> EmulatorInfo:
    """Start the emulator of a folder. If it is already running, add the accounts that it lacks.

    Args:
        folder: folder of its ``emulator.json`` and logs; created if missing.
        accounts: account name -> 12-digit ID; each gets the role ``OrganizationAccountAccessRole``.
        management: ID of the management account, whose user ``orch-entry`` can assume roles.
        ttl_parent: ID of a process with which the emulator ends; None: it runs until it is stopped.

    Returns:
        the running emulator.

    Raises:
        SetupError: the extra is not installed, or the emulator did not start; the message has the end of its log.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with _start_lock(folder):
        running = read_info(folder)
        if running is not None:
            ensure_accounts(folder, accounts)
            return running
        _require_packages()
        (folder / INFO_NAME).unlink(missing_ok=True)
        order = {"accounts": dict(accounts), "management": management, "ttl_parent": ttl_parent}
        process = _spawn(folder)
        try:
            return _wait_until_ready(folder, process, json.dumps(order).encode())
        except BaseException:  # also on Ctrl-C: leave nothing half-started
            process.kill()
            process.wait()
            (folder / INFO_NAME).unlink(missing_ok=True)
            raise


def stop(folder: Path) -> None:
    """Stop the emulator of a folder and wait until it has ended. Does nothing if none is running.

    Args:
        folder: the emulator's folder.
    """
    info = read_info(folder)
    if info is not None:
        for number in (signal.SIGTERM, signal.SIGKILL):
            if _end(info, number):
                break
    (folder / INFO_NAME).unlink(missing_ok=True)


def reset(folder: Path) -> None:
    """Empty every account. The entry user keeps its keys.

    Args:
        folder: the emulator's folder.

    Raises:
        SetupError: no emulator is running there.
    """
    _ask(_running(folder), "reset")


def ensure_accounts(folder: Path, accounts: Mapping[str, str]) -> None:
    """Add accounts to the running emulator, unless it has them.

    Args:
        folder: the emulator's folder.
        accounts: account name -> 12-digit ID.

    Raises:
        SetupError: no emulator is running there.
    """
    _ask(_running(folder), "accounts", json.dumps(dict(accounts)).encode())


def _require_packages() -> None:
    """Check that the extra ``orch[emulator]`` is installed, without importing it.

    Raises:
        SetupError: a package of the extra is missing.
    """
    try:
        missing = any(find_spec(package) is None for package in _PACKAGES)
    except ImportError:
        missing = True
    if missing:
        raise SetupError("the emulator is not installed", hint="pip install 'orch[emulator]'")


@contextmanager
def _start_lock(folder: Path) -> Iterator[None]:
    """Hold the start lock: of two concurrent starts, one starts the emulator and the other finds it running."""
    with (folder / _LOCK_NAME).open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _spawn(folder: Path) -> subprocess.Popen[bytes]:
    # The user's settings for AWS and for moto must not change what the emulator does.
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("AWS_", "MOTO_"))}
    package = str(Path(orchestrator.__path__[0]).parent)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [environment.get("PYTHONPATH"), package]))
    # The emulator itself checks signatures and policies; moto's checks stay off.
    environment.pop("INITIAL_NO_AUTH_ACTION_COUNT", None)
    with os.fdopen(os.open(folder / LOG_NAME, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as log:
        return subprocess.Popen(
            [sys.executable, "-P", "-m", "orchestrator.emulator.server", str(folder.resolve())],
            stdin=subprocess.PIPE,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            start_new_session=True,
        )


def _wait_until_ready(folder: Path, process: subprocess.Popen[bytes], order: bytes) -> EmulatorInfo:
    pipe = process.stdin
    assert pipe is not None  # noqa: S101  # Popen was given PIPE
    try:
        with pipe:
            pipe.write(order)
    except BrokenPipeError:
        pass  # it ended at once; the error below explains why
    until = time.monotonic() + _START_SECONDS
    while process.poll() is None and time.monotonic() < until:
        info = read_info(folder)
        if info is not None and info.pid == process.pid:
            _ask(info, "ready")
            return info
        time.sleep(_POLL_SECONDS)
    why = "ended at once" if process.poll() is not None else f"did not answer within {_START_SECONDS:.0f} s"
    text = (folder / LOG_NAME).read_text(encoding="utf-8", errors="replace").strip()
    last = text.splitlines()[-1] if text else "it printed nothing"
    raise SetupError(f"the emulator {why}: {last}", hint=f"see its log {folder / LOG_NAME}")


def _running(folder: Path) -> EmulatorInfo:
    info = read_info(folder)
    if info is None:
        raise SetupError("no emulator is running", hint="start one with `orch emulator start`")
    return info


def _ask(info: EmulatorInfo, name: str, body: bytes = b"") -> None:
    address = urlsplit(info.url)
    connection = HTTPConnection(address.hostname or "", address.port, timeout=_ANSWER_SECONDS)
    try:
        connection.request("POST", f"/_orch/{name}", body=body, headers={"X-Orch-Key": info.secret_key})
        code = connection.getresponse().status
    except (OSError, HTTPException) as error:
        raise SetupError(
            f"the emulator at {info.url} does not answer: {error}",
            hint="restart it with `orch emulator stop` and `orch emulator start`",
        ) from error
    finally:
        connection.close()
    if code != 200:
        raise SetupError(
            f"the emulator at {info.url} answered {code} to the request {name!r}",
            hint="restart it with `orch emulator stop` and `orch emulator start`",
        )


def _end(info: EmulatorInfo, number: int) -> bool:
    """Send a signal, wait, and return whether the process has ended."""
    try:
        os.kill(info.pid, number)
    except ProcessLookupError:
        return True
    until = time.monotonic() + _STOP_SECONDS
    while time.monotonic() < until:
        with suppress(ChildProcessError):
            # A child stays a zombie until it is waited for; the system reaps other processes.
            os.waitpid(info.pid, os.WNOHANG)
        if has_ended(info.pid):
            return True
        time.sleep(_POLL_SECONDS)
    return False
