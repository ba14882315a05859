"""What flows run on: the books in memory, and those on PostgreSQL where the store takes part in what is asked."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from driver import Driver

from switch import logs
from switch.flow.ports import Store
from switch.store.memory import MemoryStore
from switch.store.postgres.store import PostgresStore

logs.configure()  # as a running switch logs: structlog's own default draws tracebacks for seconds

NewStore = Callable[[], Awaitable[Store]]


@pytest_asyncio.fixture(params=["memory", "postgres"])
async def new_store(
    request: pytest.FixtureRequest, postgres_url: str, fresh_schema: Callable[[], Awaitable[str]]
) -> AsyncIterator[NewStore]:
    """`await new_store()` gives the store of another worker of one sandbox."""
    memory, schema = MemoryStore(), await fresh_schema()
    opened: list[PostgresStore] = []

    async def give() -> Store:
        if request.param == "memory":
            return memory
        opened.append(PostgresStore(postgres_url, schema, pool_size=3))
        await opened[-1].open()
        return opened[-1]

    yield give
    for store in opened:
        await store.close()


@pytest_asyncio.fixture
async def driver(new_store: NewStore) -> Driver:
    """A driver on either store."""
    return await Driver(await new_store()).start()


@pytest_asyncio.fixture
async def memory() -> Driver:
    """A driver in memory."""
    return await Driver(MemoryStore()).start()
