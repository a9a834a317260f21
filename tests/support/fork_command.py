"""orch as a program that the scripts of a test can start, run in a child of the fork server.

``python fork_command.py SOCKET ARGUMENTS...`` hands its arguments, environment, folder, input and output to the server
that listens on the socket, and ends as the child does. `ForkServer.write_command` writes a script that calls it.
"""

from __future__ import annotations

import json
import os
import socket
import sys
from collections.abc import Sequence

SIZE_BYTES = 8
"""Bytes of the number that says how long the request is."""


def run_in_server(path: str, arguments: Sequence[str]) -> int:
    """Return the exit code of ``orch ARGUMENTS``; 128 and more for a signal, as shells say it."""
    request = json.dumps({"argv": list(arguments), "env": dict(os.environ), "cwd": os.getcwd()}).encode()  # noqa: PTH109 - pathlib costs more than the rest
    with socket.socket(socket.AF_UNIX) as server:
        server.connect(path)
        socket.send_fds(server, [len(request).to_bytes(SIZE_BYTES, "big")], [0, 1, 2])
        server.sendall(request)
        code = int(server.recv(16) or b"1")
    return code if code >= 0 else 128 - code


if __name__ == "__main__":
    sys.exit(run_in_server(sys.argv[1], sys.argv[2:]))
