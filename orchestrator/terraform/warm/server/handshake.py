"""Starts a provider process by hand, as Terraform does: see "How it works" of hashicorp/go-plugin."""

from __future__ import annotations

import os
import select
import subprocess
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from orchestrator.util.files import PRIVATE

_COOKIE = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"
"""Says that Terraform starts the provider. It is public: https://github.com/hashicorp/terraform-plugin-go."""
PROTOCOLS = (5, 6)
"""Versions of the provider protocol that the proxy knows."""
_SECONDS = 60.0
"""How long Terraform waits for a provider to start: StartTimeout of go-plugin."""
_LONGEST = 4096


class HandshakeError(Exception):
    """The provider did not start, or does not speak a protocol that the proxy knows."""


@dataclass(frozen=True, slots=True)
class Started:
    """A provider that runs: its process, the version of its protocol, and the socket that it listens on."""

    process: subprocess.Popen[bytes]
    protocol: int
    socket: str


def start_provider(binary: Path, *, env: Mapping[str, str], cwd: Path, sockets: Path, errors: Path) -> Started:
    """Start a provider and read the line in which it says where it listens.

    Args:
        binary: the provider.
        env: its environment; the handshake's own variables are added.
        cwd: its working folder.
        sockets: folder, mode 0700, for its socket.
        errors: file, mode 0600, that receives what it writes to standard error.

    Raises:
        HandshakeError: it does not start, or answers anything that the proxy does not know.
    """
    variables = {
        "TF_PLUGIN_MAGIC_COOKIE": _COOKIE,
        "PLUGIN_PROTOCOL_VERSIONS": ",".join(map(str, PROTOCOLS)),
        "PLUGIN_UNIX_SOCKET_DIR": str(sockets),  # Older providers do not know it and use the temporary folder.
    }
    with os.fdopen(os.open(errors, os.O_WRONLY | os.O_CREAT | os.O_CLOEXEC, PRIVATE), "wb") as log:
        try:
            process = subprocess.Popen(
                [str(binary)],
                env={**env, **variables},
                cwd=cwd,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=log,
                umask=0o077,  # The socket is for this user only.
            )
        except OSError as error:
            message = f"cannot start {binary.name}: {error.strerror}"
            raise HandshakeError(message) from error
    try:
        return _answer(process, _first_line(process))
    except BaseException:
        process.kill()
        process.wait()
        raise


def _first_line(process: subprocess.Popen[bytes]) -> str:
    assert process.stdout is not None  # noqa: S101  # It is a pipe.
    pipe = process.stdout.fileno()
    line = b""
    until = time.monotonic() + _SECONDS
    while not line.endswith(b"\n") and len(line) < _LONGEST:
        ready, _, _ = select.select([pipe], [], [], max(0.0, until - time.monotonic()))
        if not ready:
            message = f"the provider did not start within {_SECONDS:g} s"
            raise HandshakeError(message)
        part = os.read(pipe, _LONGEST)
        if not part:
            message = "the provider ended while it started"
            raise HandshakeError(message)
        line += part
    return line.split(b"\n", 1)[0].decode("utf-8", "replace")


def _answer(process: subprocess.Popen[bytes], line: str) -> Started:
    """Return what a line such as ``1|5|unix|/tmp/plugin123|grpc|`` says."""
    parts = [*line.strip().split("|"), "", "", "", "", "", ""]
    core, protocol, network, address, transport, certificate = parts[:6]
    if core != "1" or network != "unix" or transport != "grpc" or certificate:
        message = "the provider listens in a way that the proxy does not know"
        raise HandshakeError(message)
    with suppress(ValueError):
        if int(protocol) in PROTOCOLS:
            return Started(process, int(protocol), address)
    message = f"the provider speaks protocol {protocol[:20]!r}; the proxy knows {' and '.join(map(str, PROTOCOLS))}"
    raise HandshakeError(message)
