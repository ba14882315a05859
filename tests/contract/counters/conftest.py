"""What the counter contract runs on: the reference, the store in memory, PostgreSQL as in production and always exact."""

from collections.abc import AsyncIterator

import asyncpg
import pytest
import pytest_asyncio
from builders import a_world
from store_counters import StoreCounters

from limits.counters import CounterPort, MemoryCounters
from switch.flow.world import World
from switch.store.memory import MemoryStore
from switch.store.postgres.store import PostgresStore

SCHEMA = "contract_counters"
CONNECTIONS_MAX = 8


@pytest.fixture(scope="session")
def world() -> World:
    return a_world()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def postgres_store(postgres_url: str) -> AsyncIterator[PostgresStore]:
    """A store on a fresh schema, dropped after the module."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE")
    store = PostgresStore(postgres_url, SCHEMA, CONNECTIONS_MAX)
    await store.open()
    await store.register(1, 3600)
    yield store
    await store.close()
    await connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    await connection.close()


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(postgres_url: str, postgres_store: PostgresStore) -> AsyncIterator[asyncpg.Pool]:
    """Connections beside that store's."""
    async with asyncpg.create_pool(
        postgres_url,
        min_size=1,
        max_size=CONNECTIONS_MAX,
        server_settings={"search_path": SCHEMA},
        max_cached_statement_lifetime=0,
    ) as pool:
        yield pool


@pytest_asyncio.fixture(loop_scope="session")
async def empty_database(database: asyncpg.Pool) -> asyncpg.Pool:
    """No counter is there; payments of earlier tests are, and nobody asks for them again."""
    await database.execute("TRUNCATE counter")
    return database


@pytest.fixture
def orders() -> CounterPort:
    """Empty counters that know partial execution: orders have it; a payment goes through as a whole or not at all."""
    return MemoryCounters()


@pytest_asyncio.fixture(params=["reference", "memory", "postgres", "postgres, always exact"], loop_scope="session")
async def counters(
    request: pytest.FixtureRequest, world: World, postgres_store: PostgresStore, empty_database: asyncpg.Pool
) -> CounterPort:
    """Empty counters of one implementation."""
    if request.param == "reference":
        return MemoryCounters()
    if request.param == "memory":
        return StoreCounters(MemoryStore(), world)
    return StoreCounters(postgres_store, world, always_exact=request.param != "postgres")
