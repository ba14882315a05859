"""One audited sandbox for all tests of this folder."""

from collections.abc import AsyncIterator

import asyncpg
import pytest_asyncio
from audited_sandbox import SANDBOX, START_AT, Lived, a_law_that_gives_back, drop, live

from switch.clock import BusinessClock
from switch.flow.loops import Loops
from switch.main import open_sandbox, postgres_sandbox


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def lived(postgres_url: str) -> AsyncIterator[Lived]:
    connection = await asyncpg.connect(postgres_url)
    await drop(connection)
    clock = BusinessClock()
    clock.begin(START_AT, rate=0)
    sandbox = postgres_sandbox(postgres_url, SANDBOX, clock=clock, instant=True, rulebook=a_law_that_gives_back())
    sandbox.loops = Loops(sandbox.worker, mark_after_seconds=0.05)
    await open_sandbox(sandbox, START_AT)
    try:
        clock.set(rate=0)
        yield Lived(postgres_url, await live(sandbox))
    finally:
        await sandbox.stop()
        await drop(connection)
        await connection.close()
