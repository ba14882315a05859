"""The proxy alone, before a server that counts what it is told: what is planted is cut, and nothing else."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from random import Random

import pytest
import pytest_asyncio
from test_chaos_frontend import BEGIN, COMMIT, STARTUP

from switch.chaos.proxy import AFTER, BEFORE, BETWEEN, FIN, RST, Proxy, Weather

Reach = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class Server:
    """Answers `ok` to every chunk, and keeps what it heard."""

    def __init__(self) -> None:
        self.heard = b""

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while data := await reader.read(1 << 16):
                self.heard += data
                writer.write(b"ok")
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


@pytest_asyncio.fixture
async def server(tmp_path: Path) -> AsyncIterator[Server]:
    found = Server()
    listening = await asyncio.start_unix_server(found.serve, tmp_path / "s")
    yield found
    listening.close()


@pytest_asyncio.fixture
async def proxy(tmp_path: Path, server: Server) -> AsyncIterator[Proxy]:
    found = Proxy(str(tmp_path / "s"), True, Random(1))
    await found.open()
    yield found
    await found.close()


async def begun(proxy: Proxy) -> Reach:
    """A connection through it, started and in a transaction."""
    reader, writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    writer.write(STARTUP)
    assert await reader.read(10) == b"ok"
    writer.write(BEGIN)
    assert await reader.read(10) == b"ok"
    return reader, writer


async def until(true: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not true():
            await asyncio.sleep(0.005)


async def ended(reader: asyncio.StreamReader) -> str:
    """How the line ends: reset or closed."""
    async with asyncio.timeout(5):
        try:
            return "closed" if await reader.read(10) == b"" else "not at all"
        except ConnectionResetError:
            return "reset"


@pytest.mark.parametrize(("how", "arrives"), [(BEFORE, False), (AFTER, True), (BETWEEN, True)])
async def test_a_commit_is_cut_where_it_was_armed_and_the_next_one_passes(
    proxy: Proxy, server: Server, how: str, arrives: bool
) -> None:
    reader, writer = await begun(proxy)
    proxy.armed.append(how)
    writer.write(COMMIT)
    assert await ended(reader) == ("closed" if how == BETWEEN else "reset")
    await until(lambda: not proxy.lines)
    await asyncio.sleep(0.02)
    assert (COMMIT in server.heard) is arrives
    assert proxy.told()[f"commit cut {how}"] == 1
    reader, writer = await begun(proxy)
    writer.write(COMMIT)
    assert await reader.read(10) == b"ok"
    assert (proxy.told()["commits"], proxy.told()["armed"]) == (2, 0)
    proxy.armed.append(how)
    proxy.disarm(how)
    writer.write(COMMIT)
    assert await reader.read(10) == b"ok"
    writer.close()


@pytest.mark.parametrize(("how", "says"), [(RST, "reset"), (FIN, "closed")])
async def test_open_connections_are_cut_on_both_sides(proxy: Proxy, how: str, says: str) -> None:
    lines = [await begun(proxy) for _ in range(3)]
    assert proxy.cut(how) == 3
    assert [await ended(reader) for reader, _ in lines] == [says] * 3
    assert not proxy.lines
    for _, writer in lines:
        writer.close()


async def test_a_share_of_the_connections_is_cut(proxy: Proxy) -> None:
    lines = [await begun(proxy) for _ in range(20)]
    hit = proxy.cut(FIN, 5_000)
    assert 3 < hit < 17 and len(proxy.lines) == 20 - hit
    for _, writer in lines:
        writer.close()


async def test_a_hole_takes_connections_and_says_nothing_until_it_closes(proxy: Proxy, server: Server) -> None:
    reader, writer = await begun(proxy)
    proxy.set(Weather(hole=True))
    heard = server.heard
    writer.write(COMMIT)
    late, late_writer = await asyncio.open_connection("127.0.0.1", proxy.port)
    late_writer.write(STARTUP)
    await asyncio.sleep(0.1)
    assert server.heard == heard
    proxy.set(Weather())
    assert await reader.read(10) == b"ok" and await late.read(10) == b"ok"
    assert COMMIT in server.heard
    writer.close()
    late_writer.close()


async def test_packets_are_late_each_way_and_keep_their_order(proxy: Proxy, server: Server) -> None:
    reader, writer = await begun(proxy)
    proxy.set(Weather(delay_ms=60))
    began = time.monotonic()
    writer.write(COMMIT)
    await asyncio.sleep(0.01)
    writer.write(BEGIN)
    answers = b""
    while len(answers) < 4:
        answers += await reader.read(10)
    assert time.monotonic() - began >= 0.12
    assert server.heard.endswith(COMMIT + BEGIN)
    writer.close()


async def test_a_throttled_line_takes_its_time(proxy: Proxy, server: Server) -> None:
    _reader, writer = await begun(proxy)
    proxy.set(Weather(bytes_a_second=100_000))
    began = time.monotonic()
    writer.write(COMMIT + BEGIN * 1_000)
    await until(lambda: server.heard.endswith(BEGIN * 1_000))
    assert 0.1 <= time.monotonic() - began < 2
    writer.close()


async def test_a_store_that_is_away_is_told_at_once(tmp_path: Path) -> None:
    proxy = Proxy(str(tmp_path / "nobody"), True, Random(1))
    port = await proxy.open()
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    assert await ended(reader) == "reset"
    assert proxy.told()["store away"] == 1
    writer.close()
    await proxy.close()
