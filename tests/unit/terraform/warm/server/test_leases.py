"""What a Terraform sees of a lease, and what the lease does with its processes; all of it real but for the provider."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import replace
from itertools import count
from pathlib import Path
from typing import Any

import grpc
import msgpack
import pytest

from orchestrator.terraform.warm.messages import LeaseEnd, LeaseRequest, LockedPackage
from orchestrator.terraform.warm.server.digests import DigestCache
from orchestrator.terraform.warm.server.lane import Lanes
from orchestrator.terraform.warm.server.leases import OpenLease, _runs
from orchestrator.terraform.warm.server.package import Verifier
from orchestrator.terraform.warm.server.pool import Pool
from orchestrator.terraform.warm.server.schema import ProviderSchema
from orchestrator.terraform.warm.server.served import ServedProviders
from orchestrator.terraform.warm.server.valid_configs import ValidConfigs
from orchestrator.util.file_cache import FileCache
from tests.support.fake_package import ENVIRONMENT, OTHER, SCHEMA, Caller, fake_package, runs, unit_request, wait_until
from tests.support.protobuf import field


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> LockedPackage:
    return fake_package(tmp_path_factory.mktemp("package") / "p")


class Leases:
    """Opens leases, and knows the pool behind them."""

    def __init__(self, folder: Path, cache: Path) -> None:
        self.folder = folder
        verifier = Verifier(DigestCache(cache / "digests"))
        self.pool = Pool(folder, verifier, processes=8, memory=1 << 40)
        self._lanes = Lanes(folder)
        self._providers = ServedProviders(cache, self.pool, verifier)
        self._valid = ValidConfigs(verifier, FileCache(folder.parent / "valid-configs"))
        self._ids = count(1)

    def open(self, request: LeaseRequest) -> OpenLease:
        id_ = next(self._ids)
        ready = self._providers.serve(id_, request, request.packages[0])
        assert not isinstance(ready, str), ready
        folder, sockets = Path(request.folder), self.folder
        return OpenLease(id_, folder, (ready,), pool=self.pool, lanes=self._lanes, sockets=sockets, valid=self._valid)

    def why_not(self, request: LeaseRequest) -> str:
        ready = self._providers.serve(99, request, request.packages[0])
        assert isinstance(ready, str)
        return ready


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("schemas")


@pytest.fixture
def leases(tmp_path: Path, cache: Path) -> Iterator[Leases]:
    folder = tmp_path / "s"
    folder.mkdir(mode=0o700)
    made = Leases(folder, cache)
    yield made
    made.pool.close()


def configured(lease: OpenLease, account: str = "a") -> int:
    """Configure a process, close the connection, and return the id of the process."""
    with Caller(lease.reattach) as caller:
        pid = caller.said("Configure", account)["pid"]
    return int(pid)


@pytest.mark.parametrize(
    ("values", "processes"), [({}, 1), ({"types": ("other",)}, 1), ({"identity": "222222222222 plan"}, 2)]
)
def test_a_provider_is_asked_once_whether_a_configuration_is_valid(
    leases: Leases, package: LockedPackage, tmp_path: Path, values: dict[str, Any], processes: int
) -> None:
    for number, more in enumerate(({}, values)):
        lease = leases.open(unit_request(tmp_path / f"unit-{number}", package, **more))
        config = {"region": "eu-west-1", "max_retries": 1, "default_tags": [{"tags": {"stack": str(number)}}]}
        request = field(1, field(1, msgpack.packb(config)))
        with Caller(lease.reattach) as caller:
            assert caller.answer("PrepareProviderConfig", request) == request
            prepared = caller.said("ValidateResourceTypeConfig")["prepared"]
        lease.close(normal=True)
    assert (leases.pool.count(), prepared) == (processes, 1)


def test_a_provider_with_a_process_of_its_own_is_asked_each_time(leases: Leases, tmp_path: Path) -> None:
    lease = leases.open(unit_request(tmp_path / "unit", fake_package(tmp_path / "other", OTHER)))
    request = field(1, field(1, msgpack.packb({"region": "eu-west-1"})))
    with Caller(lease.reattach, OTHER) as caller:
        for _ in range(2):
            assert caller.answer("PrepareProviderConfig", request) == request
        assert caller.said("ValidateResourceTypeConfig")["prepared"] == 2
    lease.close(normal=True)


def test_the_schema_comes_from_the_cache_and_starts_nothing(
    leases: Leases, package: LockedPackage, tmp_path: Path, cache: Path
) -> None:
    leases.open(unit_request(tmp_path / "unit", package)).close(normal=True)  # Fills the cache.
    (tmp_path / "again").mkdir()
    again = Leases(tmp_path / "again", cache)
    lease = again.open(unit_request(tmp_path / "unit", package))
    with Caller(lease.reattach) as caller:
        assert caller.raw("GetSchema") == ProviderSchema.of(5, SCHEMA).cut({"aws_one"})
        assert caller.raw("GetProviderSchema") == caller.raw("GetSchema")
    assert lease.close(normal=False) == LeaseEnd(hidden=frozenset({"aws_two"}))
    assert again.pool.count() == 0
    whole = again.open(unit_request(tmp_path / "unit", package, whole=True))
    with Caller(whole.reattach) as caller:
        assert caller.raw("GetSchema") == SCHEMA
    assert whole.close(normal=False) == LeaseEnd()
    state = again.open(unit_request(tmp_path / "unit", package, types=("aws_two", "other_type")))
    with Caller(state.reattach) as caller:
        assert caller.raw("GetSchema") == SCHEMA
    state.close(normal=True)


def test_two_connections_at_once_have_two_processes(leases: Leases, package: LockedPackage, tmp_path: Path) -> None:
    lease = leases.open(unit_request(tmp_path / "unit", package))
    with Caller(lease.reattach) as one, Caller(lease.reattach) as two, Caller(lease.reattach) as three:
        first, second = one.said("Configure", "account a"), two.said("Configure", "account b")
        validated = three.said("ValidateProviderConfig", "x")
        assert len({first["pid"], second["pid"], validated["pid"]}) == 3
        assert one.said("PlanResourceChange")["configured"] == ["account a"]
        assert two.said("PlanResourceChange")["configured"] == ["account b"]
        assert validated["configured"] == []
        assert one.said("ReadResource")["pid"] == first["pid"]
        assert three.said("ValidateProviderConfig")["pid"] == validated["pid"]
    assert lease.close(normal=True).crashed == ""
    assert leases.pool.count() == 3


def test_a_process_is_used_again_by_the_next_lease_and_never_by_another_identity(
    leases: Leases, package: LockedPackage, tmp_path: Path
) -> None:
    request = unit_request(tmp_path / "unit", package)
    first = leases.open(request)
    pid = configured(first, "a")
    first.close(normal=True)
    second = leases.open(request)
    with Caller(second.reattach) as caller:
        assert caller.said("Configure", "b")["pid"] == pid
        assert caller.said("PlanResourceChange")["configured"][-2:] == ["a", "b"]
    second.close(normal=True)
    for other in (
        replace(request, identity="111111111111 apply"),
        replace(request, environment={**ENVIRONMENT, "AWS_ACCESS_KEY_ID": "other"}),
    ):
        lease = leases.open(other)
        with Caller(lease.reattach) as caller:
            said = caller.said("Configure", "c")
        assert said["pid"] != pid
        assert said["configured"] == ["c"]
        assert {name: said["environment"].get(name) for name in other.environment} == other.environment
        lease.close(normal=True)


def test_an_error_of_the_provider_comes_as_it_is(leases: Leases, package: LockedPackage, tmp_path: Path) -> None:
    lease = leases.open(unit_request(tmp_path / "unit", package))
    with Caller(lease.reattach) as caller:
        pid = caller.said("Configure")["pid"]
        with pytest.raises(grpc.RpcError) as raised:
            caller.raw("PlanResourceChange", "fail it is wrong")
        error: Any = raised.value
        assert (error.code(), error.details()) == (grpc.StatusCode.INVALID_ARGUMENT, "it is wrong")
        assert ("why", "asked") in {(each.key, each.value) for each in error.trailing_metadata()}
    assert lease.close(normal=True) == LeaseEnd()
    assert runs(pid)


def test_a_crash_is_noted_and_passed_on(leases: Leases, package: LockedPackage, tmp_path: Path) -> None:
    lease = leases.open(unit_request(tmp_path / "unit", package))
    with Caller(lease.reattach) as caller, Caller(lease.reattach) as other:
        assert other.said("Configure")["configured"] == [""]
        caller.said("Configure")
        with pytest.raises(grpc.RpcError) as raised:
            caller.raw("PlanResourceChange", "crash")
        error: Any = raised.value
        assert error.code() is grpc.StatusCode.UNAVAILABLE
        other.said("PlanResourceChange")  # The other one works on.
    end = lease.close(normal=True)
    assert "panic: the fake provider crashes" in end.crashed
    assert leases.pool.count() <= 1  # Only the process that answers validations can be left.
    assert not leases.pool._idle


def test_a_crash_of_the_unconfigured_process_is_noted_and_the_next_call_gets_a_new_one(
    leases: Leases, package: LockedPackage, tmp_path: Path
) -> None:
    lease = leases.open(unit_request(tmp_path / "unit", package))
    with Caller(lease.reattach) as caller:
        with pytest.raises(grpc.RpcError):
            caller.raw("ValidateResourceTypeConfig", "crash")
        assert caller.said("ValidateResourceTypeConfig")["configured"] == []
    assert "panic:" in lease.close(normal=False).crashed


def test_stop_reaches_the_process_which_is_not_used_again(
    leases: Leases, package: LockedPackage, tmp_path: Path
) -> None:
    lease = leases.open(unit_request(tmp_path / "unit", package))
    with Caller(lease.reattach) as caller:
        assert caller.raw("Stop") == b""  # Nothing runs yet.
    with Caller(lease.reattach) as caller:
        pid = caller.said("Configure")["pid"]
        caller.raw("Stop")
        assert caller.said("PlanResourceChange")["stopped"] == ["Stop"]
    lease.close(normal=True)
    assert not runs(pid)


@pytest.mark.parametrize("how", ["failed", "during a call"])
def test_a_terraform_that_ended_badly_takes_its_processes_with_it(
    leases: Leases, package: LockedPackage, tmp_path: Path, how: str
) -> None:
    lease = leases.open(unit_request(tmp_path / "unit", package))
    with Caller(lease.reattach) as caller:
        pid = caller.said("Configure")["pid"]
        if how == "during a call":
            call = caller.later("PlanResourceChange", "sleep 30")
            assert not wait_until(call.done, 0.3)
    lease.close(normal=how != "failed")
    assert wait_until(lambda: not runs(pid))


def test_a_socket_is_private_and_gone_after_the_lease(leases: Leases, package: LockedPackage, tmp_path: Path) -> None:
    lease = leases.open(unit_request(tmp_path / "unit", package))
    path = Caller(lease.reattach).socket
    assert path.stat().st_mode & 0o777 == 0o600
    assert path.parent.stat().st_mode & 0o777 == 0o700
    lease.close(normal=True)
    assert wait_until(lambda: not path.exists())


def test_relative_paths_lead_into_the_unit_that_configured_it(
    leases: Leases, package: LockedPackage, tmp_path: Path
) -> None:
    pids, folders = set(), set()
    for name in ("one", "two"):
        lease = leases.open(unit_request(tmp_path / name, package))
        with Caller(lease.reattach) as caller:
            said = caller.said("Configure")
            assert caller.said("PlanResourceChange", "read note.txt")["read"] == name
        pids.add(said["pid"])
        folders.add(said["cwd"])
        lease.close(normal=True)
    assert len(pids) == len(folders) == 1


def test_a_file_that_another_provider_makes_during_the_run_is_found(
    leases: Leases, package: LockedPackage, tmp_path: Path
) -> None:
    lease = leases.open(unit_request(tmp_path / "unit", package))
    with Caller(lease.reattach) as caller:
        pid = caller.said("Configure")["pid"]
        for number in range(3):  # As archive_file makes them.
            (tmp_path / "unit" / f"made{number}.zip").write_text(f"zip {number}", encoding="utf-8")
            assert caller.said("ApplyResourceChange", f"read made{number}.zip")["read"] == f"zip {number}"
        (tmp_path / "unit" / "made").mkdir()
        (tmp_path / "unit" / "made" / "x").write_text("in a folder", encoding="utf-8")
        assert caller.stream("StreamOfTheFuture", [b"x"])
        assert caller.said("PlanResourceChange", "read made/x")["read"] == "in a folder"
    lease.close(normal=True)
    assert runs(pid)


def test_a_peer_that_has_ended_does_not_run_though_nobody_asked_for_its_end() -> None:
    with subprocess.Popen([sys.executable, "-I", "-S", "-c", "pass"], stdin=subprocess.PIPE) as child:
        assert wait_until(lambda: not runs(child.pid))
        assert not _runs(child.pid)  # A container need not have an init process that asks.
    assert _runs(os.getpid())
    assert not _runs(child.pid)


def test_a_process_that_wrote_into_its_folder_is_not_used_again(
    leases: Leases, package: LockedPackage, tmp_path: Path
) -> None:
    lease = leases.open(unit_request(tmp_path / "unit", package))
    with Caller(lease.reattach) as caller:
        pid = caller.said("Configure")["pid"]
        caller.said("ReadDataSource", "write made.txt")
    lease.close(normal=True)
    assert not runs(pid)


@pytest.mark.parametrize("why", ["other provider", "a path upwards", "a module above"])
def test_a_process_for_one_lease_is_started_in_the_folder_of_the_unit(
    leases: Leases, package: LockedPackage, tmp_path: Path, why: str
) -> None:
    request = unit_request(tmp_path / "unit", package)
    address = request.packages[0].address
    if why == "other provider":
        address = OTHER
        request = replace(request, packages=(replace(package, address=OTHER),))
    elif why == "a path upwards":
        (tmp_path / "unit" / "more.tf").write_text('locals { x = file("../x") }\n', encoding="utf-8")
    else:
        (tmp_path / "unit" / "data" / "modules").mkdir(parents=True)
        listed = '{"Modules": [{"Key": "a", "Source": "../modules/a", "Dir": "../modules/a"}]}'
        (tmp_path / "unit" / "data" / "modules" / "modules.json").write_text(listed, encoding="utf-8")
    lease = leases.open(request)
    with Caller(lease.reattach, address) as caller:
        said = caller.said("Configure")
        assert said["cwd"] == str(tmp_path / "unit")
    lease.close(normal=True)
    assert not runs(said["pid"])
    assert leases.pool.count() == 0 or why != "other provider"


def test_any_call_passes_as_streams(leases: Leases, package: LockedPackage, tmp_path: Path) -> None:
    lease = leases.open(unit_request(tmp_path / "unit", package))
    with Caller(lease.reattach) as caller:
        caller.said("Configure", "a")
        answers = caller.stream("StreamOfTheFuture", [b"x", b"y"])
        assert answers == [b"first x", b"second x", b"first y", b"second y"]
        assert caller.said("CallOfTheFuture")["configured"] == ["a"]  # With one request and one answer.
        with pytest.raises(grpc.RpcError):
            caller.raw("CallOfTheFuture", "crash")
    assert "panic:" in lease.close(normal=False).crashed


def test_other_services_are_not_answered(leases: Leases, package: LockedPackage, tmp_path: Path) -> None:
    lease = leases.open(unit_request(tmp_path / "unit", package))
    with Caller(lease.reattach) as caller:
        caller._service = "/plugin.GRPCController"
        with pytest.raises(grpc.RpcError) as raised:
            caller.raw("Shutdown")
    error: Any = raised.value
    assert error.code() is grpc.StatusCode.UNIMPLEMENTED
    lease.close(normal=True)


def test_a_provider_that_does_not_start_is_an_answer_and_a_failure(
    leases: Leases, package: LockedPackage, tmp_path: Path
) -> None:
    leases.open(unit_request(tmp_path / "unit", package)).close(normal=True)  # The schema is known.
    broken = unit_request(tmp_path / "unit", package, environment={**ENVIRONMENT, "FAKE_ENDS": "1"})
    lease = leases.open(broken)
    with Caller(lease.reattach) as caller, pytest.raises(grpc.RpcError) as raised:
        caller.raw("Configure")
    error: Any = raised.value
    assert "orch cannot start the provider: the provider ended while it started" in error.details()
    assert lease.close(normal=False).failure == "the provider ended while it started"


def test_why_a_provider_is_not_served(leases: Leases, package: LockedPackage, tmp_path: Path) -> None:
    unit = unit_request(tmp_path / "unit", package)
    wrong = replace(unit, packages=(replace(package, checksums=("h1:" + "A" * 43 + "=",)),))
    assert "the lock file has no checksum h1:" in leases.why_not(wrong)
    odd = replace(wrong, packages=(replace(package, address=OTHER),), environment={**ENVIRONMENT, "FAKE_SCHEMA": "ff"})
    assert "its schema cannot be read: the message is cut off" in leases.why_not(odd)
    crash = replace(odd, environment={**ENVIRONMENT, "FAKE_SCHEMA": "zz"})
    assert "its schema cannot be read: Exception calling application" in leases.why_not(crash)
    (tmp_path / "unit" / "data" / "modules").mkdir(parents=True)
    (tmp_path / "unit" / "data" / "modules" / "modules.json").write_text("[", encoding="utf-8")
    assert "the configuration cannot be read" in leases.why_not(unit)


def test_threads_do_not_grow_with_leases(leases: Leases, package: LockedPackage, tmp_path: Path) -> None:
    request = unit_request(tmp_path / "unit", package)

    def use() -> None:
        lease = leases.open(request)
        with Caller(lease.reattach) as caller:
            caller.raw("GetSchema")
        lease.close(normal=True)

    def threads_and_files() -> tuple[int, int]:
        return threading.active_count(), len(os.listdir("/proc/self/fd"))  # noqa: PTH208

    for _ in range(5):
        use()
    before = threads_and_files()
    for _ in range(30):
        use()
    assert wait_until(lambda: all(now <= then + 5 for now, then in zip(threads_and_files(), before, strict=True))), (
        before, threads_and_files(), [each.name for each in threading.enumerate()],
    )  # fmt: skip
