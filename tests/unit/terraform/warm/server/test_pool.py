"""Which process a connection gets, with real processes of the fake provider."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import pytest

from orchestrator.terraform.warm.messages import LockedPackage
from orchestrator.terraform.warm.server.digests import DigestCache
from orchestrator.terraform.warm.server.handshake import HandshakeError
from orchestrator.terraform.warm.server.package import PackageError, Verifier
from orchestrator.terraform.warm.server.pool import Pool
from orchestrator.terraform.warm.server.process import ProviderProcess
from tests.support.fake_package import MUTE, fake_package, launch_of, wait_until


@pytest.fixture(scope="module")
def package(tmp_path_factory: pytest.TempPathFactory) -> LockedPackage:
    return fake_package(tmp_path_factory.mktemp("package") / "p")


@pytest.fixture
def pool(tmp_path: Path) -> Iterator[Pool]:
    made = Pool(tmp_path, Verifier(DigestCache(tmp_path / "digests")), processes=8, memory=1 << 40)
    yield made
    made.close()
    assert list(tmp_path.iterdir()) == []


def pid_of(process: ProviderProcess) -> int:
    return process._started.process.pid


def test_a_process_is_used_again_by_its_key_only(pool: Pool, package: LockedPackage) -> None:
    launch = launch_of(package)
    first = pool.acquire(launch)
    pool.release(first, reuse=True)
    keys = [
        replace(launch.key, identity="222222222222 plan"),
        replace(launch.key, environment="other"),
        replace(launch.key, package=("h1:other",)),
    ]
    others = [replace(launch, key=key) for key in keys]
    assert all(pool.acquire(other) is not first for other in others)
    assert pool.acquire(launch) is first
    assert pool.acquire(launch) is not first  # It is in use.
    assert pool.count() == 5


def test_calls_before_configure_share_one_process_and_an_idle_one_becomes_it(
    pool: Pool, package: LockedPackage
) -> None:
    launch = launch_of(package)
    used = pool.acquire(launch)
    assert pool.join(launch) is not used  # It belongs to one connection.
    pool.release(used, reuse=True)
    asked = pool.join(launch)
    assert asked is not used
    assert pool.acquire(launch) is used
    assert pool.acquire(launch) not in {asked, used}  # Two calls use the shared one.
    pool.leave(asked)
    pool.leave(asked)
    assert pool.acquire(launch) is asked  # It becomes one connection's own, so nobody may join it any more.
    pool.release(used, reuse=True)
    assert pool.join(launch) is used  # No process starts while one is idle.
    assert pool.count() == 3


def test_a_process_that_answers_calls_before_configure_sees_no_files_of_its_last_unit(
    pool: Pool, package: LockedPackage, tmp_path_factory: pytest.TempPathFactory
) -> None:
    folder = tmp_path_factory.mktemp("unit")
    (folder / "page.html").write_text("one unit's page")
    launch = launch_of(package)
    process = pool.acquire(launch)
    process.link(folder)
    assert [each.name for each in process._links.iterdir()] == ["page.html"]
    pool.release(process, reuse=True)
    assert pool.join(launch) is process
    process.unary("/tfplugin5.Provider/ValidateProviderConfig", b"")
    assert list(process._links.iterdir()) == []


def test_a_process_that_ended_is_not_handed_out(pool: Pool, package: LockedPackage) -> None:
    launch = launch_of(package)
    idle, spare = pool.acquire(launch), pool.join(launch)
    pool.leave(spare)
    pool.release(idle, reuse=True)
    for each in (idle, spare):
        os.kill(pid_of(each), signal.SIGKILL)
        assert wait_until(lambda each=each: not each.alive())  # type: ignore[misc]
    again = pool.join(launch)
    assert again.alive()
    assert pool.acquire(launch) not in {idle, spare, again}
    assert pool.count() == 2


def test_the_limit_ends_idle_processes_the_least_recently_used_first(tmp_path: Path, package: LockedPackage) -> None:
    pool = Pool(tmp_path, Verifier(DigestCache(tmp_path / "digests")), processes=3, memory=1 << 40)
    launches = [launch_of(package, identity=name) for name in "abcd"]
    a, b, c = (pool.acquire(launch) for launch in launches[:3])
    for each in (b, a, c):
        pool.release(each, reuse=True)
    d = pool.acquire(launches[3])
    assert (a.alive(), b.alive(), c.alive(), d.alive()) == (True, False, True, True)
    assert pool.acquire(launches[0]) is a
    e = pool.acquire(launches[1])  # c is idle and goes.
    f = pool.acquire(launches[1])  # None is idle: nothing waits, and nothing in use ends.
    assert (a.alive(), c.alive(), d.alive(), e.alive(), f.alive()) == (True, False, True, True, True)
    pool.release(f, reuse=True)  # Too many: it goes as soon as it can.
    assert not f.alive()
    pool.close()
    assert not any(each.alive() for each in (a, d, e))
    assert list(tmp_path.iterdir()) == []


def test_memory_is_a_limit_too(tmp_path: Path, package: LockedPackage) -> None:
    pool = Pool(tmp_path, Verifier(DigestCache(tmp_path / "digests")), processes=8, memory=1)
    process = pool.acquire(launch_of(package))
    assert process.memory() > 1
    pool.release(process, reuse=True)
    assert not process.alive()
    assert pool.count() == 0


def test_a_process_that_left_files_or_belongs_to_a_lease_is_not_used_again(
    pool: Pool, package: LockedPackage, tmp_path: Path
) -> None:
    launch = launch_of(package)
    process = pool.acquire(launch)
    (process._links / "left.txt").write_text("x", encoding="utf-8")
    pool.release(process, reuse=True)
    assert not process.alive()
    own = pool.acquire(launch_of(package, folder=str(Path.cwd()), lease=7))
    pool.release(own, reuse=True)
    assert not own.alive()
    bad = pool.acquire(launch)
    pool.release(bad, reuse=False)
    assert not bad.alive()
    assert pool.count() == 0


def test_a_lease_takes_its_own_processes_with_it(pool: Pool, package: LockedPackage) -> None:
    kept = pool.join(launch_of(package))
    theirs = [pool.join(launch_of(package, lease=3)), pool.acquire(launch_of(package, lease=3))]
    other = pool.join(launch_of(package, lease=4))
    pool.end_lease(3)
    assert [each.alive() for each in (kept, *theirs, other)] == [True, False, False, True]


def test_a_prepared_process_is_the_one_that_is_used(pool: Pool, package: LockedPackage) -> None:
    launch = launch_of(package)
    pool.prepare(launch, lease=1)
    pool.prepare(launch, lease=1)
    assert pool.count() == 1
    process = pool.acquire(launch, lease=1)
    assert pool.count() == 1
    pool.release(process, reuse=True)
    pool.prepare(launch, lease=2)
    assert pool.count() == 1


def test_each_lease_has_a_process_prepared(pool: Pool, package: LockedPackage) -> None:
    launch = launch_of(package)
    with ThreadPoolExecutor(3) as threads:
        list(threads.map(lambda lease: pool.prepare(launch, lease=lease), (1, 2, 3)))
    assert pool.count() == 3
    pool.end_lease(3)  # It never configured its process, so the next lease takes it.
    pool.prepare(launch, lease=4)
    assert pool.count() == 3
    asked = pool.join(launch)
    pool.leave(asked)
    used = {pool.acquire(launch, lease=lease) for lease in (1, 2, 4)}
    assert (len(used), pool.count()) == (3, 3)
    assert asked in used
    pool.prepare(launch, lease=5)  # All are in use.
    assert pool.count() == 4


def test_a_process_that_starts_ahead_is_waited_for(pool: Pool, package: LockedPackage) -> None:
    launch = launch_of(package)
    with ThreadPoolExecutor(3) as threads:
        started = threads.submit(pool.prepare, launch, lease=1)
        wait_until(lambda: bool(pool._ahead.total()) or started.done())
        process = threads.submit(pool.acquire, launch, lease=1)
        asked = threads.submit(pool.join, launch).result()
        assert process.result() is not asked  # One got the process that started ahead, the other one a new one.
    assert pool.count() == 2
    with pytest.raises(HandshakeError):  # What fails ahead is reported to the connection that needs it.
        pool.prepare(launch_of(package, environment={**MUTE, "FAKE_ENDS": "1"}), lease=2)
    assert pool._ahead.total() == 0


def test_no_process_starts_ahead_beyond_the_limit(tmp_path: Path, package: LockedPackage) -> None:
    pool = Pool(tmp_path, Verifier(DigestCache(tmp_path / "digests")), processes=2, memory=1 << 40)
    launch = launch_of(package)
    for lease in range(1, 5):
        pool.prepare(launch, lease=lease)
    assert pool.count() == 2
    pool.close()


def test_end_idle_leaves_what_is_in_use_and_keeps_nothing_more(pool: Pool, package: LockedPackage) -> None:
    launch = launch_of(package)
    used, idle, asked = pool.acquire(launch), pool.acquire(launch), pool.join(launch)
    pool.release(idle, reuse=True)
    pool.end_idle()
    assert [each.alive() for each in (used, idle, asked)] == [True, False, True]
    pool.release(used, reuse=True)
    pool.leave(asked)
    pool.end_idle()
    assert not used.alive()
    assert not asked.alive()


def test_a_closed_pool_starts_nothing_that_stays(pool: Pool, package: LockedPackage) -> None:
    pool.close()
    process = pool.acquire(launch_of(package))
    assert not process.alive()
    assert pool.count() == 0


def test_a_package_that_the_lock_file_does_not_allow_never_starts(pool: Pool, package: LockedPackage) -> None:
    wrong = replace(package, checksums=("h1:AAAA",))
    for _ in range(2):
        with pytest.raises(PackageError, match="the lock file has no checksum h1:"):
            pool.acquire(launch_of(wrong))
    assert pool.count() == 0


@pytest.mark.parametrize(
    ("variables", "words"),
    [
        ({"FAKE_ENDS": "1"}, "ended while it started"),
        ({"FAKE_PROTOCOL": "4"}, "speaks protocol '4'; the proxy knows 5 and 6"),
        ({"FAKE_PROTOCOL": "x" * 100}, "speaks protocol 'x{20}';"),
        ({"FAKE_LINE": "x" * 100_000}, "a way that the proxy does not know"),
        ({"FAKE_LINE": "hello"}, "a way that the proxy does not know"),
        ({"FAKE_LINE": ""}, "a way that the proxy does not know"),
        ({"FAKE_LINE": "1|5|tcp|127.0.0.1:1|grpc|"}, "a way that the proxy does not know"),
        ({"FAKE_LINE": "1|5|unix|/x|netrpc|"}, "a way that the proxy does not know"),
        ({"FAKE_LINE": "1|5|unix|/x|grpc|CERTIFICATE"}, "a way that the proxy does not know"),
    ],
)
def test_a_provider_that_starts_in_another_way_leaves_nothing(
    pool: Pool, package: LockedPackage, tmp_path: Path, variables: dict[str, str], words: str
) -> None:
    with pytest.raises(HandshakeError, match=words):
        pool.acquire(launch_of(package, environment={**MUTE, **variables}))
    assert pool.count() == 0
    assert list(tmp_path.iterdir()) == []
