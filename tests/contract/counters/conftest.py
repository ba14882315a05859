"""What the counter contract runs on: memory, PostgreSQL as in production, PostgreSQL always exact."""

from collections.abc import AsyncIterator
from importlib.resources import files

import asyncpg
import pytest
import pytest_asyncio

from limits.counters import CounterPort, MemoryCounters
from switch.store.postgres.counters import PostgresCounters

SCHEMA = "contract_counters"
CONNECTIONS_MAX = 8


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def database(postgres_url: str) -> AsyncIterator[asyncpg.Pool]:
    """A pool on a fresh schema with the counters in it, dropped after the module."""
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"DROP SCHEMA IF EXISTS {SCHEMA} CASCADE; CREATE SCHEMA {SCHEMA}")
    pool = await asyncpg.create_pool(
        postgres_url,
        min_size=1,
        max_size=CONNECTIONS_MAX,
        server_settings={"search_path": SCHEMA},
        max_cached_statement_lifetime=0,
    )
    await pool.execute((files("switch.store.postgres") / "schema/010_counters.sql").read_text("utf-8"))
    await PostgresCounters(pool).open()
    yield pool
    await pool.close()
    await connection.execute(f"DROP SCHEMA {SCHEMA} CASCADE")
    await connection.close()


@pytest_asyncio.fixture(loop_scope="session")
async def empty_database(database: asyncpg.Pool) -> asyncpg.Pool:
    await database.execute("TRUNCATE counter, counter_claim")
    return database


@pytest.fixture(params=["memory", "postgres", "postgres, always exact"])
def counters(request: pytest.FixtureRequest, empty_database: asyncpg.Pool) -> CounterPort:
    """Empty counters of one implementation."""
    if request.param == "memory":
        return MemoryCounters()
    return PostgresCounters(empty_database, always_exact=request.param != "postgres")
