"""A Terraform provider in one file, for tests: any version of the protocol, and every fault that a test asks for.

It keeps one type of resource, ``probe_thing``, nowhere but in the state. Environment variables say what it does:

- ``PROBE_PROTOCOL``: the version of the protocol, 6 by default. Any number can be given; 5 and 6 work.
- ``PROBE_CALLS``: file that it appends a line to for each call: method, process id, working folder.
- ``PROBE_FAULTS``: folder. A file in it with the name of a method of protocol 6 makes the process crash in that method;
  the file is removed before, so the next process does not crash.
- ``PROBE_CONFIGS``: file that it appends each configuration to, as JSON on a line.
- ``PROBE_ENVIRONMENT``: file that each process appends its environment to, as JSON on a line.

The messages are those of tfplugin5.proto and tfplugin6.proto. They are written by hand, because a provider that only
hands states back needs few fields of them.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import grpc

COOKIE = "d602bf8f470bc67ca7faa0386276bbdd4330efaf76d1a219cb4d6991ca9872b2"
OLD_NAMES = {
    "GetSchema": "GetProviderSchema",
    "PrepareProviderConfig": "ValidateProviderConfig",
    "Configure": "ConfigureProvider",
    "ValidateResourceTypeConfig": "ValidateResourceConfig",
    "Stop": "StopProvider",
}
"""The names that methods have in protocol 5."""
STRING = b'"string"'
REQUIRED, OPTIONAL, SENSITIVE = 4, 5, 7
LIST = 2
"""How blocks nest."""


def field(number: int, value: bytes) -> bytes:
    """A field of protobuf with bytes, text or a message."""
    return varint(number << 3 | 2) + varint(len(value)) + value


def flag(number: int) -> bytes:
    """A field of protobuf that is true."""
    return varint(number << 3) + b"\1"


def varint(value: int) -> bytes:
    """A number as protobuf writes it."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes([*out, value])


def fields(message: bytes) -> Iterator[tuple[int, bytes]]:
    """Number and value of each field with bytes; other fields are skipped."""
    at = 0

    def number() -> int:
        nonlocal at
        value = shift = 0
        while True:
            byte = message[at]
            at += 1
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    while at < len(message):
        tag = number()
        if tag & 7 != 2:
            number()
            continue
        length = number()
        yield tag >> 3, message[at : at + length]
        at += length


def schema() -> bytes:
    """The answer to the question for the schema: a provider with a few optional arguments, and ``probe_thing``."""
    thing = b"".join(
        field(2, field(1, name) + field(2, STRING) + flag(kind))
        for name, kind in ((b"name", REQUIRED), (b"value", OPTIONAL))
    )
    # A second type, which no test uses, is for the proxy to cut off.
    types = b"".join(field(2, field(1, name) + field(2, field(2, thing))) for name in (b"probe_other", b"probe_thing"))
    arguments = ((b"endpoint", STRING, b""), (b"token", STRING, flag(SENSITIVE)), (b"labels", b'["map","string"]', b""))
    own = b"".join(field(2, field(1, name) + field(2, kind) + flag(OPTIONAL) + more) for name, kind, more in arguments)
    user = field(2, field(1, b"user") + field(2, STRING) + flag(OPTIONAL))
    auth = field(3, field(1, b"auth") + field(2, user) + varint(3 << 3) + varint(LIST))
    return field(1, field(2, own + auth)) + types


def answer(method: str, request: bytes, protocol: int) -> bytes:
    """The answer to a call."""
    given = dict(fields(request))
    match method:
        case "GetProviderSchema":
            return schema()
        case "ValidateProviderConfig":
            return field(1, given[1]) if protocol == 5 else b""
        case "ConfigureProvider" if "PROBE_CONFIGS" in os.environ:
            import msgpack  # noqa: PLC0415 - few tests ask

            config = msgpack.unpackb(dict(fields(given[2]))[1])
            with Path(os.environ["PROBE_CONFIGS"]).open("a") as configs:
                configs.write(json.dumps(config) + "\n")
        case "UpgradeResourceState":
            state = dict(fields(given[3]))[1]
            return field(1, field(2, state))  # A value may be JSON instead of MessagePack.
        case "ReadResource":
            return field(1, given[2])
        case "PlanResourceChange" | "ApplyResourceChange":
            return field(1, given[3])
    return b""


class Provider(grpc.GenericRpcHandler):
    """Answers the calls of Terraform.

    Args:
        protocol: version of the protocol.
        ended: set when Terraform wants the process to end.
    """

    def __init__(self, protocol: int, ended: threading.Event) -> None:
        self.protocol = protocol
        self.ended = ended

    def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes] | None:
        """The handler of a call."""
        service, _, name = details.method.rpartition("/")
        if service == "/plugin.GRPCController":
            return grpc.unary_unary_rpc_method_handler(lambda _request, _context: self.end())
        if service != f"/tfplugin{self.protocol}.Provider":
            return None
        return grpc.unary_unary_rpc_method_handler(lambda request, _context: self.call(name, request))

    def call(self, name: str, request: bytes) -> bytes:
        """Note the call, crash if a test wants that, or answer."""
        method = OLD_NAMES.get(name, name)
        with Path(os.environ["PROBE_CALLS"]).open("a") as calls:
            calls.write(f"{method} {os.getpid()} {Path.cwd()}\n")
        fault = Path(os.environ["PROBE_FAULTS"], method)
        if fault.exists():
            fault.unlink()
            print(f"panic: a test wants {method} to crash\n\ngoroutine 1 [running]:", file=sys.stderr, flush=True)
            os.kill(os.getpid(), signal.SIGKILL)
        return answer(method, request, self.protocol)

    def end(self) -> bytes:
        """Let the process end."""
        self.ended.set()
        return b""


def main() -> None:
    """Say where it listens, and answer until Terraform wants an end."""
    if os.environ.get("TF_PLUGIN_MAGIC_COOKIE") != COOKIE:
        sys.exit("only Terraform starts this")
    if "PROBE_ENVIRONMENT" in os.environ:
        with Path(os.environ["PROBE_ENVIRONMENT"]).open("a") as environments:
            environments.write(json.dumps(dict(os.environ)) + "\n")
    ended = threading.Event()
    protocol = int(os.environ.get("PROBE_PROTOCOL", "6"))
    with tempfile.TemporaryDirectory() as folder:
        server = grpc.server(ThreadPoolExecutor(16))
        server.add_generic_rpc_handlers((Provider(protocol, ended),))
        server.add_insecure_port(f"unix:{folder}/socket")
        server.start()
        print(f"1|{protocol}|unix|{folder}/socket|grpc|", flush=True)
        ended.wait()
        server.stop(0.1)


if __name__ == "__main__":
    main()
