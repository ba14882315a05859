"""What only the durable book can get wrong: names, races of several workers, a server that is not there."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from uuid import UUID

import asyncpg
import pytest
from lost_connections import LOST

from rails.book import ONCE, Entry
from rails.port import CREDITED, RailUnavailable
from rails.postgres_book import MadeByAnother, PostgresBook

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


def entries(amount_minor: int) -> list[Entry]:
    uetrs = [str(UUID(int=(number << 80) + number, version=4)) for number in range(1, 201)]
    return [Entry(uetr, 1, CREDITED, ONCE, "", amount_minor, "CNY", NOON, None, NOON) for uetr in uetrs]


@pytest.mark.parametrize("schema", ["Main", "a b", 'x"; drop schema y', "", "x" * 64])
def test_a_schema_name_that_would_need_quotes_is_refused(schema: str) -> None:
    with pytest.raises(ValueError, match="schema name"):
        PostgresBook("postgresql://127.0.0.1:1/none", schema)


async def test_a_server_that_is_not_there_makes_the_rail_unavailable() -> None:
    with pytest.raises(RailUnavailable):
        await PostgresBook("postgresql://127.0.0.1:1/none", "main_ibps").open()


async def test_a_connection_lost_in_any_way_makes_the_rail_unavailable(
    postgres_url: str, fresh_schema: Callable[[], Awaitable[str]]
) -> None:
    book = PostgresBook(postgres_url, await fresh_schema())
    await book.open()
    for lost in LOST:
        with pytest.raises(RailUnavailable):
            async with book._connection():
                raise lost
    await book.close()


async def test_two_workers_may_open_and_fill_one_book_at_once(
    postgres_url: str, fresh_schema: Callable[[], Awaitable[str]]
) -> None:
    schema = await fresh_schema()
    workers = [PostgresBook(postgres_url, schema) for _ in range(3)]
    await asyncio.gather(*(worker.open() for worker in workers))
    forwards, backwards = entries(1), entries(2)[::-1]
    for _round in range(3):
        counts = await asyncio.gather(
            *(worker.insert(batch) for worker in workers for batch in (forwards, backwards)),
        )
        assert sum(counts) == (200 if _round == 0 else 0)
    found = await workers[0].find([(entry.uetr, 1) for entry in forwards])
    assert {entry.amount_minor for entry in found if entry} <= {1, 2} and None not in found
    await asyncio.gather(*(worker.close() for worker in workers))


async def test_two_books_in_one_database_do_not_see_each_other(
    postgres_url: str, fresh_schema: Callable[[], Awaitable[str]]
) -> None:
    one, other = [PostgresBook(postgres_url, await fresh_schema()) for _ in range(2)]
    for book in (one, other):
        await book.open()
    await one.insert(entries(1))
    assert await other.find([(entries(1)[0].uetr, 1)]) == [None]
    for book in (one, other):
        await book.close()


@pytest.mark.parametrize("comment", ["NULL", "'as it was'"])
async def test_a_book_that_another_version_made_is_not_opened(
    postgres_url: str, fresh_schema: Callable[[], Awaitable[str]], comment: str
) -> None:
    schema = await fresh_schema()
    book = PostgresBook(postgres_url, schema)
    await book.open()
    await book.close()
    connection = await asyncpg.connect(postgres_url)
    await connection.execute(f"COMMENT ON SCHEMA {schema} IS {comment}")
    await connection.close()
    for _asked_again in range(2):
        with pytest.raises(MadeByAnother, match="another version"):
            await book.open()
