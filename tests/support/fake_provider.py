"""A provider in 100 lines: a real process with a real gRPC server that speaks the handshake of go-plugin.

Any request is a command in plain text, whatever its method, and the answer is JSON: see `_answer`. Only a question whether
a configuration is valid is a message of protobuf, and the answer is the same message. It is a script of its own: `tests.support.fake_package` writes it into a package as its binary.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import grpc

_CONFIGURED: list[str] = []
_STOPPED: list[str] = []
_PREPARED: list[bytes] = []


def main() -> None:
    """Listen, say where, and answer until killed."""
    if os.environ.get("TF_PLUGIN_MAGIC_COOKIE") is None:
        sys.exit("this is a plugin")
    path = tempfile.mktemp(prefix="plugin", dir=os.environ.get("PLUGIN_UNIX_SOCKET_DIR"))  # noqa: S306  # as go-plugin
    print("fake provider starts", file=sys.stderr, flush=True)
    if "FAKE_ENDS" in os.environ:
        sys.exit(1)
    if "FAKE_MUTE" not in os.environ:  # A process that no test calls needs no gRPC, which takes 0.2 s to load.
        _listen(path)
    line = os.environ.get("FAKE_LINE", "1|{protocol}|unix|{path}|grpc|")
    print(line.format(protocol=os.environ.get("FAKE_PROTOCOL", "5"), path=path), flush=True)
    while True:
        signal.pause()


def _listen(path: str) -> None:
    from concurrent.futures import ThreadPoolExecutor  # noqa: PLC0415

    import grpc  # noqa: PLC0415

    class Everything(grpc.GenericRpcHandler):
        def service(self, details: grpc.HandlerCallDetails) -> grpc.RpcMethodHandler[bytes, bytes]:
            name = details.method.rpartition("/")[2]
            if name.startswith("Stream"):
                return grpc.stream_stream_rpc_method_handler(_stream)
            return grpc.unary_unary_rpc_method_handler(lambda request, context: _answer(name, request, context))

    server = grpc.server(ThreadPoolExecutor(8))
    server.add_generic_rpc_handlers((Everything(),))
    server.add_insecure_port(f"unix:{path}")
    server.start()
    globals()["_kept"] = server  # A server that nobody refers to stops.


def _stream(requests: Iterator[bytes], _context: object) -> Iterator[bytes]:
    for request in requests:
        yield b"first " + request
        yield b"second " + request


def _answer(name: str, request: bytes, context: grpc.ServicerContext) -> bytes:
    """Do what a request says: ``crash``, ``sleep SECONDS``, ``read PATH``, ``write PATH``, ``fail TEXT``, or nothing."""
    if name in {"GetSchema", "GetProviderSchema"}:
        return bytes.fromhex(os.environ.get("FAKE_SCHEMA", ""))
    if name in {"Configure", "ConfigureProvider"}:
        _CONFIGURED.append(request.decode())
    if name in {"Stop", "StopProvider"}:
        _STOPPED.append(name)
    if name == "PrepareProviderConfig" and request.startswith(b"\n"):
        _PREPARED.append(request)
        return request
    said: dict[str, Any] = {}
    match request.decode().split(" ", 1):
        case ["crash"]:
            print("panic: the fake provider crashes", file=sys.stderr, flush=True)
            os._exit(2)
        case ["sleep", seconds]:
            time.sleep(float(seconds))
        case ["read", path]:
            with open(path, encoding="utf-8") as file:  # noqa: PTH123
                said["read"] = file.read()
        case ["write", path]:
            with open(path, "w", encoding="utf-8") as file:  # noqa: PTH123
                file.write("written")
        case ["fail", text]:
            import grpc  # noqa: PLC0415

            context.set_trailing_metadata((("why", "asked"),))
            context.abort(grpc.StatusCode.INVALID_ARGUMENT, text)
    return json.dumps(
        {
            **said,
            "pid": os.getpid(),
            "cwd": os.getcwd(),  # noqa: PTH109
            "configured": _CONFIGURED,
            "stopped": _STOPPED,
            "prepared": len(_PREPARED),
            "environment": dict(os.environ),
        }
    ).encode()


if __name__ == "__main__":
    main()
