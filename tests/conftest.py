"""Stores shared by the tests: one embedded PostgreSQL and one Valkey for each test process, started at first use."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from itertools import count

import asyncpg
import pytest
import pytest_asyncio

from switch.embedded.postgres import EmbeddedPostgres
from switch.embedded.valkey import EmbeddedValkey

FreshSchema = Callable[[], Awaitable[str]]

# Small and without fsync: these tests ask what is true, not how fast or how durable it is.
TEST_SETTINGS = {"shared_buffers": "256MB", "max_wal_size": "1GB", "wal_buffers": "16MB", "fsync": "off"}


@pytest.fixture(scope="session")
def postgres_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with EmbeddedPostgres(tmp_path_factory.mktemp("postgres"), TEST_SETTINGS) as url:
        yield url


@pytest.fixture(scope="session")
def redis_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with EmbeddedValkey(tmp_path_factory.mktemp("valkey")) as url:
        yield url


@pytest.fixture(scope="session")
def _schema_numbers() -> Iterator[int]:
    return count(1)


@pytest_asyncio.fixture
async def fresh_schema(postgres_url: str, _schema_numbers: Iterator[int]) -> AsyncIterator[FreshSchema]:
    """`await fresh_schema()` gives a schema name no other test has; what is made in it is dropped after the test."""
    given: list[str] = []

    async def give() -> str:
        given.append(f"test_{next(_schema_numbers)}")
        return given[-1]

    yield give
    if given:
        connection = await asyncpg.connect(postgres_url)
        for schema in given:
            await connection.execute(f'DROP SCHEMA IF EXISTS "{schema}" CASCADE')
        await connection.close()
