"""A Dask cluster of real processes on loopback, with TLS: a scheduler, workers, and certificates made for the test."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Self

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from tests.support.project import REPOSITORY

_DAY = timedelta(days=1)


def make_certificates(folder: Path) -> dict[str, str]:
    """Write an authority and one certificate of it, and return Dask's variables that name them."""
    folder.mkdir(parents=True, exist_ok=True)
    authority, authority_key = _certificate("orch test authority", None)
    certificate, key = _certificate("orch test", (authority, authority_key))
    files = {
        "CA_FILE": (folder / "ca.pem", authority.public_bytes(serialization.Encoding.PEM)),
        "CERT": (folder / "cert.pem", certificate.public_bytes(serialization.Encoding.PEM)),
        "KEY": (
            folder / "key.pem",
            key.private_bytes(
                serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
            ),
        ),
    }
    for file, data in files.values():
        file.write_bytes(data)
        file.chmod(0o600)
    prefix = "DASK_DISTRIBUTED__COMM__TLS__"
    found = {f"{prefix}CA_FILE": str(files["CA_FILE"][0])}
    for role in ("CLIENT", "SCHEDULER", "WORKER"):
        found |= {f"{prefix}{role}__{part}": str(files[part][0]) for part in ("CERT", "KEY")}
    return found


def _certificate(
    name: str, issuer: tuple[x509.Certificate, ec.EllipticCurvePrivateKey] | None
) -> tuple[x509.Certificate, ec.EllipticCurvePrivateKey]:
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer[0].subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _DAY)
        .not_valid_after(now + _DAY)
        .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
    )
    return builder.sign(issuer[1] if issuer else key, hashes.SHA256()), key


class DaskCluster:
    """A scheduler and its workers. Use it as a context manager.

    Args:
        folder: for logs, certificates and the workers' files.
        workers: how many.
        env: the environment of the workers, without certificates.
        threads: steps that a worker runs at the same time.
    """

    def __init__(self, folder: Path, workers: int, env: Mapping[str, str], *, threads: int = 1) -> None:
        self.folder = folder
        self.certificates = make_certificates(folder / "tls")
        self._env = {**env, **self.certificates}
        self._count = workers
        self._threads = threads
        self.address = f"tls://127.0.0.1:{_free_port()}"
        self.scheduler: subprocess.Popen[bytes] | None = None
        self.workers: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Self:
        host, port = self.address.removeprefix("tls://").split(":")
        arguments = ("--protocol", "tls", "--host", host, "--port", port, "--no-dashboard", "--no-show")
        self.scheduler = self._start("scheduler", *arguments)
        _wait_until(lambda: _listens(int(port)), "the scheduler does not listen")
        for number in range(self._count):
            self.start_worker(f"w{number}")
        return self

    def __exit__(self, *_: object) -> None:
        for process in (*self.workers.values(), self.scheduler):
            if process is not None and process.poll() is None:
                process.kill()
                process.wait()

    def start_worker(self, name: str) -> None:
        """Start one worker, and wait until it has registered."""
        threads = str(self._threads)
        arguments = ("--name", name, "--nthreads", threads, "--no-nanny", "--no-dashboard", "--memory-limit", "0")
        local = ("--local-directory", str(self.folder / name))
        self.workers[name] = self._start("worker", self.address, *arguments, *local, log=name)
        _wait_until(lambda: b"Registered to" in self._log(name).read_bytes(), f"{name} does not register")

    def kill(self, name: str, *, with_children: bool = False) -> None:
        """Kill a worker, and with it the Terraform that it runs: as when the machine is lost."""
        process = self.workers.pop(name)
        children = _descendants(process.pid) if with_children else []
        process.kill()
        process.wait()
        for pid in children:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)

    def works(self, name: str) -> bool:
        """Whether a worker runs Terraform now."""
        return bool(_descendants(self.workers[name].pid))

    def kill_scheduler(self) -> None:
        """Kill the scheduler."""
        assert self.scheduler is not None
        self.scheduler.kill()
        self.scheduler.wait()

    def _start(self, kind: str, *arguments: str, log: str = "") -> subprocess.Popen[bytes]:
        self.folder.mkdir(parents=True, exist_ok=True)
        with self._log(log or kind).open("wb") as stream:
            return subprocess.Popen(
                [sys.executable, "-m", "distributed.cli.dask_" + kind, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                cwd=REPOSITORY,
                env=self._env,
            )

    def _log(self, name: str) -> Path:
        return self.folder / f"{name}.log"


def _descendants(pid: int) -> list[int]:
    found: list[int] = []
    with suppress(OSError):  # It has just ended.
        for task in Path(f"/proc/{pid}/task").iterdir():
            for child in (task / "children").read_text().split():
                found += [int(child), *_descendants(int(child))]
    return found


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0


def _wait_until(happened: Callable[[], bool], complaint: str, seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, complaint
        time.sleep(0.1)
