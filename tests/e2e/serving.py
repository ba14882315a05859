"""A switch that serves on loopback, in the test's own loop, and the clients that call it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, nullcontext
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import asyncpg
import httpx
import uvicorn
from builders import HARBOUR, NOON

from bayswitch import AsyncClient
from switch.api.access import Access, Limiter
from switch.api.app import create_app
from switch.api.operations import front
from switch.main import open_sandbox
from switch.payment.instruction import Instruction
from switch.sandbox import Sandbox

DEV_KEY = "dev-key-of-the-tests"

# Persons nobody else in the suite counts on.
_persons = count(700_000)


def a_new_person() -> int:
    """A person who has sent nothing yet."""
    return next(_persons)


def body_of(instruction: Instruction) -> dict[str, Any]:
    """The instruction as a client sends it."""
    return instruction.model_dump(mode="json", exclude_none=True)


def key_of(bic: str) -> str:
    return f"key-of-{bic}"


class _Server(uvicorn.Server):
    def capture_signals(self) -> Any:  # signals are the test runner's
        return nullcontext()


class Door:
    """What the server calls: a test may put something before `app`."""

    def __init__(self, app: Any) -> None:
        self.app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.app(scope, receive, send)


@dataclass
class Served:
    """A switch that serves at `url`."""

    sandbox: Sandbox
    url: str
    access: Access
    app: Any  # the application it serves
    door: "Door"  # what stands before it

    def client(self, bic: str = HARBOUR, **options: Any) -> AsyncClient:
        """The client of a participant under its own key."""
        return AsyncClient(self.url, key_of(bic), **options)

    def operator(self, participant: str | None = None) -> AsyncClient:
        """The client of who holds the development key."""
        return AsyncClient(self.url, DEV_KEY, participant)

    def http(self, bic: str | None = HARBOUR) -> httpx.AsyncClient:
        """Plain HTTP: for what the client does not let through. None: the development key."""
        headers = {"Authorization": f"Bearer {key_of(bic) if bic else DEV_KEY}"}
        return httpx.AsyncClient(base_url=self.url, headers=headers, timeout=20, verify=False)


@asynccontextmanager
async def serving(sandbox: Sandbox, limiter: Limiter | None = None, start_at: datetime = NOON) -> AsyncIterator[Served]:
    """Open a sandbox and serve it; every participant has a key."""
    await open_sandbox(sandbox, start_at)
    await sandbox.move_clock(None, 0)  # it stands until a test moves it
    access = Access(sandbox.store, DEV_KEY)
    for bic in sandbox.world.registry.participants:
        await access.issue(bic, key_of(bic))
    app = create_app(sandbox, access, limiter)
    door = Door(front(app))
    config = uvicorn.Config(
        door,
        interface="asgi3",
        port=0,
        loop="none",
        http="httptools",
        ws="none",
        lifespan="off",
        log_level="warning",
        timeout_graceful_shutdown=1,
    )
    server = _Server(config)
    task = asyncio.create_task(server.serve())
    while not server.started:
        await asyncio.sleep(0.005)
    port = server.servers[0].sockets[0].getsockname()[1]
    try:
        yield Served(sandbox, f"http://127.0.0.1:{port}", access, app, door)
    finally:
        server.should_exit = True
        await task
        await sandbox.stop()


async def drop_schemas(postgres_url: str, sandbox: str) -> None:
    """Drop a sandbox's schema and those of its rails' books."""
    connection = await asyncpg.connect(postgres_url)
    for row in await connection.fetch("SELECT nspname FROM pg_namespace WHERE starts_with(nspname, $1)", sandbox):
        await connection.execute(f'DROP SCHEMA "{row["nspname"]}" CASCADE')
    await connection.close()
