"""What the store contract runs on: the books in memory, and those on PostgreSQL."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio
from builders import a_world, funded

from switch.flow.ports import Store
from switch.flow.world import World
from switch.store.memory import MemoryStore
from switch.store.postgres.store import PostgresStore

INCARNATION = 1
LEASE_SECONDS = 60.0

Open = Callable[[], Awaitable[Store]]


@pytest.fixture
def world() -> World:
    return a_world()


@pytest_asyncio.fixture
async def postgres_stores(
    postgres_url: str, fresh_schema: Callable[[], Awaitable[str]]
) -> AsyncIterator[Callable[[], Awaitable[PostgresStore]]]:
    """`await postgres_stores()` opens another store on the same books, as another worker has one."""
    schema = await fresh_schema()
    opened: list[PostgresStore] = []

    async def another() -> PostgresStore:
        opened.append(PostgresStore(postgres_url, schema, pool_size=4))
        await opened[-1].open()
        await opened[-1].register(len(opened), 3600)
        return opened[-1]

    yield another
    for store in opened:
        await store.close()


@pytest_asyncio.fixture(params=["memory", "postgres"])
async def store(request: pytest.FixtureRequest, world: World, postgres_stores: Open) -> Store:
    """A funded store of one implementation, with a registered worker."""
    found: Store = MemoryStore() if request.param == "memory" else await postgres_stores()
    await found.register(INCARNATION, LEASE_SECONDS)
    return await funded(found, world)
