"""What the tests of warm providers share: a package with the fake provider, and a client that calls as Terraform does."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import sys
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import grpc

from orchestrator.terraform.warm.messages import LeaseRequest, LockedPackage
from orchestrator.terraform.warm.server.process import Launch, PoolKey
from tests.support.project import REPOSITORY
from tests.support.protobuf import entry, field

AWS = "registry.terraform.io/hashicorp/aws"
OTHER = "registry.example.com/acme/fake"
SCHEMA = field(1, b"provider") + entry(2, "aws_one", b"1") + entry(2, "aws_two", b"2") + field(7, b"functions")
ENVIRONMENT: Mapping[str, str] = {"FAKE_SCHEMA": SCHEMA.hex(), "PATH": os.environ["PATH"]}
MUTE: Mapping[str, str] = {**ENVIRONMENT, "FAKE_MUTE": "1"}
"""For a process that is never called: it starts ten times as fast."""


def checksum(folder: Path) -> str:
    """The ``h1:`` checksum of a package, without links."""
    files = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())
    lines = [f"{hashlib.sha256((folder / name).read_bytes()).hexdigest()}  {name}\n" for name in files]
    return "h1:" + base64.b64encode(hashlib.sha256("".join(lines).encode()).digest()).decode()


def fake_package(folder: Path, address: str = AWS) -> LockedPackage:
    """Write a package with the fake provider into a new folder."""
    folder.mkdir(parents=True)
    binary = folder / "terraform-provider-fake_v1.0.0"
    source = (REPOSITORY / "tests" / "support" / "fake_provider.py").read_text(encoding="utf-8")
    binary.write_text(f"#!{sys.executable} -I\n{source}", encoding="utf-8")
    binary.chmod(0o700)
    return LockedPackage(address, str(folder), (checksum(folder),))


def launch_of(package: LockedPackage, *, environment: Mapping[str, str] = MUTE, **key: Any) -> Launch:
    """How to start it; ``key``: fields of its `PoolKey`."""
    values = {"identity": "111111111111 plan", "environment": json.dumps(dict(environment)), **key}
    return Launch(PoolKey(package.checksums, **values), package, environment)


def unit_request(
    folder: Path, package: LockedPackage, *, environment: Mapping[str, str] = ENVIRONMENT, **more: Any
) -> LeaseRequest:
    """What a unit asks for whose configuration names ``aws_one`` and whose file ``note.txt`` holds its name."""
    if not folder.exists():
        folder.mkdir(parents=True)
        (folder / "main.tf").write_text('resource "aws_one" "x" {}\n', encoding="utf-8")
        (folder / "note.txt").write_text(folder.name, encoding="utf-8")
    values = {"identity": "111111111111 plan", **more}
    return LeaseRequest(
        (package,), environment=environment, folder=str(folder), data_dir=str(folder / "data"), **values
    )


class Caller:
    """One connection of a Terraform to one provider of a lease."""

    def __init__(self, reattach: str, address: str = AWS) -> None:
        entry_ = json.loads(reattach)[address]
        self.socket = Path(entry_["Addr"]["String"])
        self._service = f"/tfplugin{entry_['ProtocolVersion']}.Provider"
        self._channel = grpc.insecure_channel(f"unix:{self.socket}", options=[("grpc.use_local_subchannel_pool", 1)])

    def raw(self, name: str, command: str = "", *, seconds: float = 20.0) -> bytes:
        """The answer to a call."""
        return bytes(self.later(name, command, seconds=seconds).result())

    def later(self, name: str, command: str = "", *, seconds: float = 20.0) -> Any:
        """A call in progress."""
        return self._begin(name, command.encode(), seconds)

    def answer(self, name: str, request: bytes) -> bytes:
        """The answer to a call with a message of protobuf."""
        return bytes(self._begin(name, request, 60.0).result())

    def stream(self, name: str, requests: list[bytes]) -> list[bytes]:
        """The answers to a call with streams."""
        call = self._channel.stream_stream(f"{self._service}/{name}", _as_is, _as_is)
        return list(call(iter(requests), timeout=20.0))

    def said(self, name: str, command: str = "") -> dict[str, Any]:
        """What the fake provider says of itself."""
        answer: dict[str, Any] = json.loads(self.raw(name, command))
        return answer

    def _begin(self, name: str, request: bytes, seconds: float) -> Any:
        call = self._channel.unary_unary(f"{self._service}/{name}", _as_is, _as_is)
        return call.future(request, timeout=seconds)

    def close(self) -> None:
        """Close the connection, as Terraform does when it no longer needs the provider."""
        self._channel.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()


def _as_is(message: bytes) -> bytes:
    return message


def runs(pid: int) -> bool:
    """Whether a process runs; a zombie does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] not in {"Z", "X"}
    except OSError:
        return False


def wait_until(true: Callable[[], bool], seconds: float = 15.0) -> bool:
    """Whether something becomes true in time."""
    until = time.monotonic() + seconds
    while not true():
        if time.monotonic() > until:
            return False
        time.sleep(0.02)
    return True
