"""The provider server as a child process: what it leaves when it, its parent or nobody is killed."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from orchestrator.terraform.warm.client import ProviderServer, ServerError
from orchestrator.terraform.warm.messages import LockedPackage, request_data
from tests.support.fake_package import AWS, ENVIRONMENT, OTHER, Caller, fake_package, runs, unit_request, wait_until
from tests.support.project import REPOSITORY

SECRET = "a-secret-that-no-process-list-may-show"


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> LockedPackage:
    return fake_package(tmp_path_factory.mktemp("package") / "p")


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("schemas")


@pytest.fixture
def server(cache: Path) -> Iterator[ProviderServer]:
    made = ProviderServer(cache=cache, processes=8)
    yield made
    made.stop()


def server_pid(server: ProviderServer) -> int:
    assert server._child is not None
    return server._child.process.pid


def test_a_killed_server_fails_every_question_and_takes_its_providers_with_it(
    server: ProviderServer, package: LockedPackage, tmp_path: Path
) -> None:
    lease = server.open(unit_request(tmp_path / "unit", package))
    with Caller(lease.reattach) as caller:
        pid = caller.said("Configure")["pid"]
        folder = caller.socket.parent
    os.kill(server_pid(server), signal.SIGSTOP)
    pending = server._send({"do": "close", "lease": lease.id, "normal": True})
    os.kill(server_pid(server), signal.SIGKILL)
    with pytest.raises(ServerError, match="the provider server has ended"):
        pending.result(10)
    for ask in (
        lambda: server.close(lease, normal=True),
        lambda: server.open(unit_request(tmp_path / "unit", package)),
        lambda: server.verify(unit_request(tmp_path / "unit", package)),
        lambda: server.verify_later(unit_request(tmp_path / "unit", package)),
    ):
        with pytest.raises(ServerError, match="the provider server has ended"):
            ask()
    assert wait_until(lambda: not runs(pid))
    server.stop()
    assert not folder.exists()


def test_a_server_that_cannot_start_says_why(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    with pytest.raises(ServerError, match="cannot be started: No such file"):
        ProviderServer(cache=tmp_path, processes=2)


def test_a_server_that_may_wait_starts_with_the_first_question(
    package: LockedPackage, cache: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = ProviderServer(cache=cache, processes=2, at_once=False)
    assert server._child is None
    assert server.verify(unit_request(tmp_path / "unit", package)) == {}
    pid = server_pid(server)
    assert runs(pid)
    server.stop()
    assert not runs(pid)

    unused = ProviderServer(cache=cache, processes=2, at_once=False)
    unused.stop()
    with pytest.raises(ServerError, match="the provider server has ended"):
        unused.verify(unit_request(tmp_path / "unit", package))
    assert unused._child is None

    monkeypatch.setattr(sys, "executable", str(tmp_path / "missing"))
    late = ProviderServer(cache=cache, processes=2, at_once=False)
    with pytest.raises(ServerError, match="cannot be started: No such file"):
        late.open(unit_request(tmp_path / "unit", package))
    late.stop()


def test_a_server_that_fails_says_its_last_line(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.terraform.warm.client._PACKAGE_PARENT", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    (tmp_path / "orchestrator").mkdir()
    (tmp_path / "orchestrator" / "__init__.py").write_text("raise ImportError('it is broken')", encoding="utf-8")
    server = ProviderServer(cache=tmp_path, processes=2)
    with pytest.raises(ServerError, match="the provider server has ended: ImportError: it is broken"):
        server.verify(unit_request(tmp_path / "unit", LockedPackage(AWS, str(tmp_path), ())))
    server.stop()
    server.stop()


def test_a_wrong_request_is_an_answer_and_the_server_goes_on(server: ProviderServer, tmp_path: Path) -> None:
    with pytest.raises(ServerError, match="unknown request 'dance'"):
        server._ask({"do": "dance"})
    with pytest.raises(ServerError, match="KeyError"):
        server._ask({"do": "close", "lease": 77, "normal": True})
    with pytest.raises(ServerError, match="KeyError"):
        server._ask({})
    missing = LockedPackage(AWS, str(tmp_path / "missing"), ("h1:AAAA",))
    assert "No such file" in server.verify(unit_request(tmp_path / "unit", missing))[AWS]
    lease = server.open(unit_request(tmp_path / "unit", missing))
    assert lease.reattach == ""
    assert "No such file" in lease.cold[AWS]
    assert server.close(lease, normal=True).crashed == ""


def test_stop_leaves_no_process_and_no_folder(server: ProviderServer, package: LockedPackage, tmp_path: Path) -> None:
    lease = server.open(unit_request(tmp_path / "unit", package, prepare=True))
    caller = Caller(lease.reattach)
    pid = caller.said("Configure")["pid"]
    folder = caller.socket.parent
    assert folder.stat().st_mode & 0o777 == 0o700
    sockets = [path for path in folder.rglob("*") if path.is_socket()]
    assert len(sockets) >= 3  # Of the lease, of a lane, of a provider.
    others = [path for path in folder.rglob("*") if not path.is_socket() and not path.is_symlink()]
    assert {path.stat().st_mode & 0o077 for path in [*sockets, *others]} == {0}
    caller.close()
    server.close(lease, normal=True)
    server.stop()
    assert not runs(pid)
    assert not folder.exists()


def test_secrets_are_in_no_command_line(server: ProviderServer, package: LockedPackage, tmp_path: Path) -> None:
    request = unit_request(tmp_path / "unit", package, environment={**ENVIRONMENT, "AWS_SECRET_ACCESS_KEY": SECRET})
    assert SECRET not in repr(request)
    lease = server.open(request)
    with Caller(lease.reattach) as caller:
        said = caller.said("Configure")
    assert said["environment"]["AWS_SECRET_ACCESS_KEY"] == SECRET
    for pid in (server_pid(server), said["pid"], os.getpid()):
        assert SECRET.encode() not in Path(f"/proc/{pid}/cmdline").read_bytes()
    assert SECRET.encode() not in Path(f"/proc/{server_pid(server)}/environ").read_bytes()
    server.close(lease, normal=True)


OWNER = """\
import json, sys
from pathlib import Path
from orchestrator.terraform.warm.client import ProviderServer
from orchestrator.terraform.warm.messages import request_from
server = ProviderServer(cache=Path(sys.argv[1]), processes=8)
lease = server.open(request_from(json.loads(sys.argv[2])))
print(json.dumps([server._child.process.pid, lease.reattach]), flush=True)
sys.stdin.read()
"""


def test_a_killed_orch_takes_the_server_and_its_providers_with_it(
    package: LockedPackage, cache: Path, tmp_path: Path
) -> None:
    request = json.dumps(request_data(unit_request(tmp_path / "unit", package)))
    with subprocess.Popen(
        [sys.executable, "-c", OWNER, str(cache), request],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
    ) as owner:  # fmt: skip
        assert owner.stdout is not None
        pid, reattach = json.loads(owner.stdout.readline())
        # This process plays Terraform: it is the peer that the server waits for. So a child plays it.
        code = (
            "import sys; from tests.support.fake_package import Caller\n"
            "caller = Caller(sys.argv[1]); print(caller.said('Configure')['pid'], flush=True); sys.stdin.read()"
        )
        with subprocess.Popen(
            [sys.executable, "-c", code, reattach],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=REPOSITORY,
        ) as terraform:  # fmt: skip
            assert terraform.stdout is not None
            provider = int(terraform.stdout.readline())
            owner.kill()
            owner.wait()
            assert not wait_until(lambda: not runs(provider), 0.5)  # Terraform may be in the middle of an apply.
            terraform.kill()
            terraform.wait()
            assert wait_until(lambda: not runs(provider) and not runs(pid))
    folder = Path(json.loads(reattach)[AWS]["Addr"]["String"]).parent
    assert wait_until(lambda: not folder.exists())


def test_a_hundred_leases_leave_no_files_and_no_threads(
    server: ProviderServer, package: LockedPackage, tmp_path: Path
) -> None:
    request = unit_request(tmp_path / "unit", package)
    proc = Path(f"/proc/{server_pid(server)}")

    def use(number: int) -> None:
        lease = server.open(request)
        with Caller(lease.reattach) as caller, Caller(lease.reattach) as other:
            caller.raw("GetSchema")
            if number % 10 == 0:
                other.said("Configure")
        server.close(lease, normal=True)

    def used() -> tuple[int, int]:
        return len(list((proc / "fd").iterdir())), len(list((proc / "task").iterdir()))

    for number in range(20):
        use(number)
    before = used()
    for number in range(80):
        use(number)
    # Both grow with the lanes, which two connections at once need: not with the leases.
    assert wait_until(lambda: all(now <= then + 20 for now, then in zip(used(), before, strict=True))), (before, used())


def test_many_threads_ask_at_once(server: ProviderServer, package: LockedPackage, tmp_path: Path) -> None:
    request = unit_request(tmp_path / "unit", package)
    pids: list[int] = []

    def use() -> None:
        lease = server.open(request)
        with Caller(lease.reattach) as caller:
            pids.append(caller.said("Configure")["pid"])
            caller.said("PlanResourceChange", "sleep 0.05")
        server.close(lease, normal=True)

    threads = [threading.Thread(target=use) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(pids) == 4


@pytest.mark.parametrize("address", [AWS, OTHER])
def test_a_long_name_of_the_temporary_folder_does_not_matter(
    package: LockedPackage, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, address: str
) -> None:
    long = tmp_path / ("x" * 90)
    long.mkdir()
    monkeypatch.setenv("TMPDIR", str(long))
    monkeypatch.setattr(tempfile, "tempdir", None)
    own = LockedPackage(address, package.folder, package.checksums)
    server = ProviderServer(cache=tmp_path / "schemas", processes=2)
    try:
        lease = server.open(unit_request(tmp_path / "unit", own, environment={**ENVIRONMENT, "TMPDIR": str(long)}))
        assert dict(lease.cold) == {}
        with Caller(lease.reattach, address) as caller:
            assert caller.said("Configure", "a")["configured"] == ["a"]
        server.close(lease, normal=True)
    finally:
        server.stop()
