"""The proxy in front of the emulator: passes every byte on, in order, later."""

from __future__ import annotations

import asyncio
import time
from pathlib import Path

from benchmarks.latency_proxy import LatencyProxy

DELAY = 0.1


async def shout(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Answer each line in capitals until there are no more."""
    while line := await reader.readline():
        writer.write(line.upper())
    writer.close()


async def talk(*lines: bytes) -> tuple[list[bytes], float]:
    """Send lines one after the other through a proxy; the answers, and how long they took."""
    there = await asyncio.start_server(shout, "127.0.0.1", 0)
    proxy = await LatencyProxy(there.sockets[0].getsockname()[1], DELAY).serve()
    async with there, proxy:
        reader, writer = await asyncio.open_connection(*proxy.sockets[0].getsockname())
        started = time.monotonic()
        answers = []
        for line in lines:
            writer.write(line)
            answers.append(await reader.readline())
        took = time.monotonic() - started
        writer.write_eof()
        answers.append(await reader.read())
        writer.close()
    return answers, took


def test_each_request_is_late_once_and_nothing_is_lost() -> None:
    answers, took = asyncio.run(talk(b"one\n", b"two\n", b"three\n"))
    assert answers == [b"ONE\n", b"TWO\n", b"THREE\n", b""]
    assert took >= 3 * DELAY


def test_a_large_request_is_no_later_than_a_small_one_and_stays_whole() -> None:
    large = b"x" * 1_000_000 + b"\n"

    async def send() -> tuple[bytes, float]:
        there = await asyncio.start_server(shout, "127.0.0.1", 0, limit=2**21)
        proxy = await LatencyProxy(there.sockets[0].getsockname()[1], DELAY).serve()
        async with there, proxy:
            reader, writer = await asyncio.open_connection(*proxy.sockets[0].getsockname(), limit=2**21)
            started = time.monotonic()
            writer.write(large)
            answer = await reader.readline()
            writer.close()
            return answer, time.monotonic() - started

    answer, took = asyncio.run(send())
    assert answer == large.upper()
    assert took >= DELAY


def test_nothing_stays_open_after_a_server_that_ends_each_connection() -> None:
    """As the emulator does: it answers with HTTP/1.0."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.write(await reader.readline())
        writer.close()

    async def ask() -> tuple[list[bytes], int]:
        there = await asyncio.start_server(answer, "127.0.0.1", 0)
        proxy = await LatencyProxy(there.sockets[0].getsockname()[1], 0.01).serve()
        async with there, proxy:
            before, answers = open_files(), []
            for number in range(20):
                reader, writer = await asyncio.open_connection(*proxy.sockets[0].getsockname())
                writer.write(b"%d\n" % number)
                answers.append(await reader.read())
                writer.close()
            await asyncio.sleep(0.2)
            return answers, open_files() - before

    answers, left = asyncio.run(ask())
    assert answers == [b"%d\n" % number for number in range(20)]
    assert left <= 0


def open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
