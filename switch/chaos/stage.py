"""The real processes of a chaos run: embedded PostgreSQL and Valkey, the proxy before them, two workers of `bayswitch up`.

Starts, stops and kills what it started itself, by pid, and nothing else. The stores are the main thread's; the proxy and
the load are processes of their own.
"""

import asyncio
import json
import os
import shutil
import signal
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

import asyncpg
from redis.asyncio import Redis

from bayswitch import AsyncClient, BayswitchError, Problem
from switch.chaos.actors import DATABASE, VALKEY, WORKERS
from switch.chaos.main_thread import MainThread
from switch.child import START_AT
from switch.embedded import process
from switch.embedded.postgres import DATABASE as DATABASE_NAME
from switch.embedded.postgres import USER, EmbeddedPostgres
from switch.embedded.valkey import EmbeddedValkey

KEY = "chaos"
SANDBOX = "main"
READY_SECONDS_MAX = 60.0
ASK_SECONDS_MAX = (
    10.0  # of one try of an operator's call (a rulebook is tried out first); then the other worker is asked
)
INSIST_SECONDS_MAX = 60.0
_POLL_SECONDS = 0.05
# Small enough for a short run beside its load, durable; each transaction keeps the machine time of its commit, by which
# refusals are judged.
SETTINGS: Mapping[str, str] = MappingProxyType(
    {"shared_buffers": "256MB", "max_wal_size": "1GB", "wal_buffers": "16MB", "track_commit_timestamp": "on"}
)


class StageError(Exception):
    """The stage cannot be set, or what was asked of the switch was never done."""


class Worker:
    """One `bayswitch up` on stores that are given; keeps its port over `kill` and `start`."""

    def __init__(self, n: int, data: Path, urls: Mapping[str, str]) -> None:
        self._data, self._urls = data, urls
        self._log = data / f"worker-{n}.log"
        self.port = 0
        self._running: asyncio.subprocess.Process | None = None
        self.starts = 0

    @property
    def url(self) -> str:
        """Return where it serves."""
        return f"http://127.0.0.1:{self.port}"

    async def start(self) -> None:
        """Start the process; it is ready when `is_ready` says so."""
        self.port = self.port or process.free_port()
        self.starts += 1
        argv: list[str | Path] = [
            sys.executable, "-m", "switch.cli", "up", "--port", str(self.port), "--data", self._data, "--dev-key", KEY,
            "--start-at", START_AT.isoformat(), "--database-url", self._urls[DATABASE], "--redis-url", self._urls[VALKEY],
        ]  # fmt: skip
        with self._log.open("ab") as output:
            self._running = await asyncio.create_subprocess_exec(
                *process.command("self", signal.SIGKILL, argv),
                stdin=asyncio.subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip

    async def is_ready(self) -> bool:
        """Tell whether it takes payments."""
        async with AsyncClient(self.url, KEY, timeout_seconds=ASK_SECONDS_MAX, attempts=1) as client:
            try:
                return await client.ready()
            except BayswitchError:
                return False

    def has_ended(self) -> bool:
        """Tell whether its process is gone."""
        return self._running is None or self._running.returncode is not None

    async def end(self, how: signal.Signals) -> None:
        """Send a signal and wait until it is gone; killed where it takes longer than 30 s."""
        running, self._running = self._running, None
        if running is None or running.returncode is not None:
            return
        running.send_signal(how)
        try:
            await asyncio.wait_for(running.wait(), 30)
        except TimeoutError:
            running.kill()
            await running.wait()


class Lines:
    """The proxy process, and what is asked of it."""

    def __init__(self) -> None:
        self._process: asyncio.subprocess.Process | None = None
        self._asking = asyncio.Lock()
        self.ports: dict[str, int] = {}

    async def open(self, seed: int, database: Path, valkey: Path) -> None:
        """Start it before both stores, by their Unix sockets."""
        stores = {
            DATABASE: {"path": str(database), "frontend": True},
            VALKEY: {"path": str(valkey), "frontend": False},
        }
        argv = [sys.executable, "-m", "switch.chaos.serving", json.dumps({"seed": seed, "stores": stores})]
        self._process = await asyncio.create_subprocess_exec(
            *process.command("self", signal.SIGKILL, argv),
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, start_new_session=True,
        )  # fmt: skip
        self.ports = await self._answer()

    async def tell(self, store: str, do: str, **told: Any) -> dict[str, int]:
        """Have the proxy do something; returns what it has counted so far."""
        assert self._process is not None and self._process.stdin is not None, "not open"
        async with self._asking:
            self._process.stdin.write(json.dumps({"store": store, "do": do, **told}).encode() + b"\n")
            return await self._answer()

    async def clean(self) -> None:
        """Let everything pass again."""
        for store in (DATABASE, VALKEY):
            await self.tell(store, "set", weather={})

    async def close(self) -> None:
        """End the proxy."""
        if self._process is not None and self._process.stdin is not None:
            self._process.stdin.close()
            await self._process.wait()

    async def _answer(self) -> dict[str, int]:
        assert self._process is not None and self._process.stdout is not None
        line = await self._process.stdout.readline()
        if not line:
            raise StageError("the proxy has ended")
        found: dict[str, int] = json.loads(line)
        return found


class Stage:
    """Everything a run stands on, in the folder `data`."""

    def __init__(self, data: Path, seed: int, main: MainThread) -> None:
        self.data, self._seed, self._main = data, seed, main
        self.postgres = EmbeddedPostgres(data / "postgres", SETTINGS)
        self.valkey = EmbeddedValkey(data / "valkey")
        self.lines = Lines()
        self.workers: list[Worker] = []
        self.database_url = self.redis_url = ""  # past the proxy: the judge's way

    async def open(self) -> None:
        """Start everything and wait until both workers take payments."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.database_url, self.redis_url = (
            await self._main.do(self.postgres.start),
            await self._main.do(self.valkey.start),
        )
        await self.lines.open(self._seed, _socket_of(self.database_url), Path(unquote(urlsplit(self.redis_url).path)))
        urls = {
            DATABASE: f"postgresql://{USER}@127.0.0.1:{self.lines.ports[DATABASE]}/{DATABASE_NAME}?sslmode=disable",
            VALKEY: f"redis://127.0.0.1:{self.lines.ports[VALKEY]}/0",
        }
        self.workers = [Worker(n, self.data, urls) for n in WORKERS]
        for worker in self.workers:  # one after the other: the first makes the sandbox and its keys
            await worker.start()
            await self.until_ready(worker)

    async def close(self) -> None:
        """Stop everything."""
        for worker in self.workers:
            await worker.end(signal.SIGINT)
        await self.lines.close()
        await self._main.do(self.valkey.stop)
        await self._main.do(self.postgres.stop)

    async def until_ready(self, worker: Worker) -> None:
        """Wait for a worker that was started, and start it anew where it ended because a store was away; raises StageError."""
        until = time.monotonic() + READY_SECONDS_MAX
        while not await worker.is_ready():
            if time.monotonic() > until:
                raise StageError(f"{worker.url} was not ready after {READY_SECONDS_MAX:.0f} s; see {self.data}")
            if worker.has_ended():
                await worker.start()
            await asyncio.sleep(_POLL_SECONDS)

    async def insist(self, ask: Any, first: int = 0) -> Any:
        """Have an operator's call done by either worker, however often it takes; `ask` takes a client. Raises StageError.

        An answer that is no (4xx) ends it: what was asked twice because its first answer was lost may say so.
        """
        until = time.monotonic() + INSIST_SECONDS_MAX
        tries = first
        while True:
            worker = self.workers[tries % len(self.workers)]
            tries += 1
            try:
                async with AsyncClient(worker.url, KEY, timeout_seconds=ASK_SECONDS_MAX, attempts=1) as client:
                    return await ask(client)
            except Problem as problem:
                if problem.status < 500 and problem.status not in (409, 429):
                    raise
                error: BayswitchError = problem
            except BayswitchError as unreachable:
                error = unreachable
            if time.monotonic() > until:
                raise StageError(f"never done: {error}") from error
            await asyncio.sleep(_POLL_SECONDS)

    # --- the stores ---

    async def kill_postgres(self, how: signal.Signals) -> None:
        """End the postmaster with a signal of ours (SIGINT, SIGQUIT, SIGKILL), and wait until all its processes are gone."""
        os.kill(self.postgres.pid, how)
        await self._main.do(self.postgres.stop)

    async def start_postgres(self) -> None:
        """Start it again on what it had."""
        await self._main.do(self.postgres.start)

    async def kill_valkey(self) -> None:
        """Kill Valkey with -9."""
        os.kill(self.valkey.pid, signal.SIGKILL)
        await self._main.do(self.valkey.stop)

    async def copy_valkey(self) -> dict[str, tuple[str, int]]:
        """Take a copy: the RDB file beside its place, and what has a short life with the time it had left."""
        async with self._valkey() as client:
            await client.save()
            shutil.copy(self.valkey.data / "dump.rdb", self.valkey.data / "old.rdb")
            kept = {}
            async for key in client.scan_iter(count=1_000):
                if await client.type(key) == "string" and (left := await client.pttl(key)) > 0:
                    kept[key] = (str(await client.get(key)), int(left))
            return kept

    async def restore_valkey(self, kept: Mapping[str, tuple[str, int]]) -> None:
        """Start Valkey from the copy. What has run out meanwhile is put back with the time it had left: its clock was behind."""
        shutil.copy(self.valkey.data / "old.rdb", self.valkey.data / "dump.rdb")
        await self._main.do(self.valkey.start)
        async with self._valkey() as client:
            for key, (value, left_ms) in kept.items():
                await client.set(key, value, px=left_ms)

    async def flush_valkey(self) -> None:
        """Delete all it holds."""
        async with self._valkey() as client:
            await client.flushall()

    async def start_valkey_empty(self) -> None:
        """Start it without anything it may have written."""
        (self.valkey.data / "dump.rdb").unlink(missing_ok=True)
        await self._main.do(self.valkey.start)

    def _valkey(self) -> Redis:
        return Redis.from_url(self.redis_url, decode_responses=True)

    async def connect(self) -> Any:
        """Connect to the database past the proxy."""
        return await asyncpg.connect(self.database_url, server_settings={"search_path": f'"{SANDBOX}"'})


def _socket_of(database_url: str) -> Path:
    query = parse_qs(urlsplit(database_url).query)
    return Path(query["host"][0]) / f".s.PGSQL.{query['port'][0]}"
