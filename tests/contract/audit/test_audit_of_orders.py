"""The audit replays a day of orders from quantities and prices alone, and finds each fault of the books by its check."""

import time
from collections.abc import AsyncIterator, Awaitable, Callable
from random import Random

import asyncpg
import pytest
import pytest_asyncio
from order_builders import QUOTA_RULE, a_day, market

from loadtest.audit.audit import Audit, audit
from switch.store.postgres.store import PostgresStore

EVENTS, CLAIMS, VERSIONS = "orders-follow-their-events", "counters-equal-claims", "versions-complete"
OPEN_BUY = "(SELECT order_id FROM market_order WHERE state = 'open' AND side = 'buy' ORDER BY order_id LIMIT 1)"


@pytest_asyncio.fixture
async def books(postgres_url: str, fresh_schema: Callable[[], Awaitable[str]]) -> AsyncIterator[tuple[str, str]]:
    """Where the books of a day of orders are, on which the quota is used up: (URL, schema)."""
    schema = await fresh_schema()
    store = PostgresStore(postgres_url, schema, pool_size=2)
    await store.open()
    await store.register(1, 3600)
    events = a_day(Random(1))
    for first in range(0, len(events), 11):
        await store.take_orders(events[first : first + 11], market, await store.generation())
    yield postgres_url, schema
    await store.close()


async def audited(books: tuple[str, str]) -> Audit:
    return await audit(*books, time.time(), drained=True)


async def test_a_day_of_orders_leaves_no_violation(books: tuple[str, str]) -> None:
    found = await audited(books)
    assert found.violations == []
    looked_at = {done.check: done.looked_at for done in found.checks}
    assert looked_at[EVENTS] > 50


FAULTS = {
    "an order holds less than its events leave": (
        {EVENTS},
        f"UPDATE market_order SET claimed_minor = claimed_minor - 1 WHERE order_id = {OPEN_BUY}",
    ),
    "an order that was placed is not there": (
        {EVENTS, CLAIMS},
        f"DELETE FROM market_order WHERE order_id = {OPEN_BUY}",
    ),
    "a trade counts for less than its price": (
        {CLAIMS},
        f"UPDATE counter SET up_posted = up_posted - 1 WHERE key LIKE '{QUOTA_RULE}|%'",
    ),
    "an event is gone": (
        {EVENTS, CLAIMS},
        "DELETE FROM order_event WHERE event_id = (SELECT event_id FROM order_event WHERE kind = 'execute' ORDER BY event_id LIMIT 1)",
    ),
    "a batch says of another version": (
        {VERSIONS},
        "UPDATE batch SET versions = ARRAY[versions[1] + 1000] WHERE step = 'orders' AND xid = (SELECT max(xid) FROM batch WHERE step = 'orders')",
    ),
}


@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_in_the_books_of_orders_is_found(books: tuple[str, str], fault: str) -> None:
    checks, statement = FAULTS[fault]
    connection = await asyncpg.connect(books[0], server_settings={"search_path": books[1]})
    assert await connection.execute(statement) in ("UPDATE 1", "DELETE 1")
    await connection.close()
    assert {violation.check for violation in (await audited(books)).violations} == checks


async def test_a_buy_that_was_taken_beyond_the_quota_is_found(books: tuple[str, str]) -> None:
    """Told as if every buy had come under half of the quota: the books then hold what nothing was left for."""
    connection = await asyncpg.connect(books[0], server_settings={"search_path": books[1]})
    await connection.execute("UPDATE order_event SET ceiling = ceiling / 2 WHERE ceiling IS NOT NULL")
    await connection.close()
    found = {violation.check for violation in (await audited(books)).violations}
    assert found == {"while-open-finds-headroom", "a-latched-counter-stays-closed"}
