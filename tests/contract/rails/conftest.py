"""Every implementation of the book, for one suite."""

from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
import pytest_asyncio

from rails.book import Book, MemoryBook
from rails.postgres_book import PostgresBook


@pytest_asyncio.fixture(params=["memory", "postgres"])
async def books(
    request: pytest.FixtureRequest, postgres_url: str, fresh_schema: Callable[[], Awaitable[str]]
) -> AsyncIterator[Callable[[], Awaitable[Callable[[], Book]]]]:
    """`reopen = await books()`, then each `reopen()` is a new object on the same lasting book, as after a restart."""
    opened: list[Book] = []

    async def fresh() -> Callable[[], Book]:
        lasting, schema = MemoryBook(), await fresh_schema()

        def reopen() -> Book:
            opened.append(lasting if request.param == "memory" else PostgresBook(postgres_url, schema))
            return opened[-1]

        return reopen

    yield fresh
    for book in opened:
        await book.close()
