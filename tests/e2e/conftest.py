"""One switch on the embedded PostgreSQL for all stories: its clock stands at noon until a test moves another's."""

from collections.abc import AsyncIterator

import pytest_asyncio
from builders import a_clock
from serving import Served, drop_schemas, serving

from switch.main import memory_sandbox, postgres_sandbox

_SCHEMA = "e2e"


@pytest_asyncio.fixture(scope="session")
async def served(postgres_url: str) -> AsyncIterator[Served]:
    """A switch with rails that answer at once, on PostgreSQL; share it, and send from persons of your own."""
    async with serving(postgres_sandbox(postgres_url, _SCHEMA, clock=a_clock(), instant=True)) as found:
        yield found
    await drop_schemas(postgres_url, _SCHEMA)


@pytest_asyncio.fixture
async def own() -> AsyncIterator[Served]:
    """A switch of the test's own, in memory: its clock may be moved, its rails take their time."""
    async with serving(memory_sandbox(a_clock())) as found:
        yield found
