"""Latency in front of the emulator: a proxy on loopback that passes on what clients send, a while later.

orch reads the emulator's URL from ``.orch/emulator/emulator.json`` and gives it to Terraform, so both go through the
proxy when that file names it. Bytes are not changed: a signature covers the host that the client sees, which is the
proxy.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.projects import REPOSITORY
from benchmarks.tree import BenchError

_CHUNK = 65536


@contextlib.contextmanager
def delayed(root: Path, seconds: float) -> Iterator[None]:
    """Put latency in front of the running emulator of a catalogue.

    Args:
        root: the catalogue.
        seconds: how long each request takes to arrive; answers come back at once.

    Raises:
        BenchError: the proxy does not start.
    """
    info = root / ".orch" / "emulator" / "emulator.json"
    before = info.read_text()
    content = json.loads(before)
    port = urlsplit(content["url"]).port
    command = [sys.executable, "-m", "benchmarks.latency_proxy", str(port), str(seconds)]
    proxy = subprocess.Popen(command, cwd=REPOSITORY, stdout=subprocess.PIPE, text=True)
    try:
        assert proxy.stdout is not None
        own = proxy.stdout.readline().strip()
        if not own:
            raise BenchError("the proxy that delays requests did not start")
        info.write_text(json.dumps({**content, "url": f"http://127.0.0.1:{own}"}))
        yield
    finally:
        info.write_text(before)
        proxy.terminate()
        proxy.wait()


class LatencyProxy:
    """Passes connections on to a port of this machine.

    Args:
        port: where to.
        seconds: how long each byte of a client takes. What it sends in the meantime takes as long, not longer.
    """

    def __init__(self, port: int, seconds: float) -> None:
        self._port = port
        self._seconds = seconds

    async def serve(self) -> asyncio.Server:
        """Listen on a free port of loopback."""
        return await asyncio.start_server(self._connection, "127.0.0.1", 0)

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Serve one client until both sides have closed."""
        there_reader, there_writer = await asyncio.open_connection("127.0.0.1", self._port)
        try:
            await asyncio.gather(self._pass(reader, there_writer, self._seconds), self._pass(there_reader, writer, 0))
        finally:
            writer.close()
            there_writer.close()

    @staticmethod
    async def _pass(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, seconds: float) -> None:
        """Pass bytes on, each so much later than it came, until there are no more."""
        clock = asyncio.get_running_loop().time
        waiting: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue()

        async def read() -> None:
            data = b"-"
            while data:
                try:
                    data = await reader.read(_CHUNK)
                except ConnectionError:
                    data = b""
                waiting.put_nowait((clock() + seconds, data))

        async def write() -> None:
            while True:
                due, data = await waiting.get()
                await asyncio.sleep(max(0.0, due - clock()))
                if not data:
                    writer.write_eof()
                    return
                writer.write(data)
                await writer.drain()

        with contextlib.suppress(OSError):  # the other side is gone
            await asyncio.gather(read(), write())


async def _main(port: int, seconds: float) -> None:
    server = await LatencyProxy(port, seconds).serve()
    sys.stdout.write(f"{server.sockets[0].getsockname()[1]}\n")
    sys.stdout.flush()
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main(int(sys.argv[1]), float(sys.argv[2])))
