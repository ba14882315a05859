"""What the store needs of its server whatever that has for its own, and what it leaves in the server's log."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from builders import HARBOUR, NOON, admitted, funded, northbound, planned, refusing

from fx.quotes import firm
from switch.flow.loops import LEASE_SECONDS
from switch.flow.ports import ACCEPTED, REFUSED, REPLAYED, Admission, StoreUnavailable
from switch.flow.world import World
from switch.store.postgres.store import PostgresStore

Another = Callable[[], Awaitable[PostgresStore]]


@pytest_asyncio.fixture
async def store(postgres_stores: Another, world: World) -> PostgresStore:
    found = await postgres_stores()
    await funded(found, world)
    return found


@pytest_asyncio.fixture
async def connection(postgres_url: str, store: PostgresStore) -> AsyncIterator[Any]:
    """A session of its own in the sandbox's schema, as psql would have it."""
    found = await asyncpg.connect(postgres_url)
    await found.execute(f'SET search_path TO "{store.schema}"')
    yield found
    await found.close()


async def accept(store: PostgresStore, world: World, *items: Admission) -> list[str]:
    outcomes = await store.accept(items, await store.generation(), refusing(world))
    return [outcome.kind for outcome in outcomes]


async def waiting(connection: Any, count: int) -> None:
    """Until so many wait for a lock."""
    while await connection.fetchval("SELECT count(DISTINCT pid) FROM pg_locks WHERE NOT granted") < count:
        await asyncio.sleep(0.005)


async def taking(store: PostgresStore, world: World, quote_id: str, person: int) -> Admission:
    """A payment that takes a firm quote, which is saved."""
    price = planned(admitted(world, northbound("1.00", person=person))).price
    assert price is not None
    [provider] = [provider for provider in world.providers if provider.name == price.provider]
    await store.save_quotes([firm(quote_id, HARBOUR, price, provider, NOON)])
    quotes = await store.quotes([quote_id])
    return admitted(world, northbound("1.00", person=person, quote_id=quote_id), quotes=quotes)


@pytest.mark.parametrize("exact", [False, True])
async def test_quotes_asked_for_in_opposite_order_are_locked_along_their_ids(
    store: PostgresStore, world: World, postgres_stores: Another, connection: Any, exact: bool
) -> None:
    """While someone holds the first, whoever asks for both waits for that one and holds the other from nobody."""
    other = await postgres_stores()
    forth = [await taking(store, world, "q1", 1), await taking(store, world, "q2", 2)]
    back = [await taking(store, world, "q2", 3), await taking(store, world, "q1", 4)]
    if exact:
        known = [admitted(world, northbound("1.00", person=n)) for n in (5, 6)]
        assert await accept(store, world, *known) == [ACCEPTED] * 2
        forth, back = [*forth, known[0]], [*back, known[1]]
    generation = await store.generation()
    async with connection.transaction():
        await connection.execute("SELECT FROM quote WHERE quote_id = 'q1' FOR UPDATE")
        running = [
            asyncio.create_task(each.accept(batch, generation, refusing(world)))
            for each, batch in ((store, forth), (other, back))
        ]
        await waiting(connection, 2)
        free = await connection.fetch("SELECT quote_id FROM quote ORDER BY quote_id FOR UPDATE SKIP LOCKED")
        assert [row["quote_id"] for row in free] == ["q1", "q2"]  # ours, and what nobody holds
    outcomes = [[each.kind for each in await task][:2] for task in running]
    assert sorted(outcomes) == [[ACCEPTED] * 2, [REFUSED] * 2]


async def test_replays_and_full_counters_leave_no_error_in_the_server_s_log(
    store: PostgresStore, world: World, connection: Any
) -> None:
    """They are a switch's everyday; a busy one would fill the disk that holds its books."""
    log = Path(await connection.fetchval("SHOW data_directory")).parent / "postgres.log"
    full = admitted(world, northbound("9900.00"))
    assert await accept(store, world, full) == [ACCEPTED]
    with pytest.raises(asyncpg.DivisionByZeroError):
        await connection.execute("SELECT 1 / 0")
    before = log.read_text()
    assert before.count("division by zero") > 0, "an error is seen there"
    assert await accept(store, world, full) == [REPLAYED]
    assert await accept(store, world, admitted(world, northbound("5000.00"))) == [REFUSED]
    assert await accept(store, world, await taking(store, world, "q1", 2)) == [ACCEPTED]
    assert await accept(store, world, await taking(store, world, "q1", 3)) == [REFUSED]
    assert "ERROR" not in log.read_text()[len(before) :]


async def test_who_stands_still_in_a_transaction_holds_its_rows_no_longer_than_its_lease(store: PostgresStore) -> None:
    async with store._connections.one() as held:
        limit = await held.fetchval(
            "SELECT setting::int / 1000.0 FROM pg_settings WHERE name = 'idle_in_transaction_session_timeout'"
        )
        assert 0 < limit < LEASE_SECONDS
        await held.execute("SET idle_in_transaction_session_timeout TO '50ms'")
    with pytest.raises(StoreUnavailable):
        async with store._connections.one() as held, held.transaction():
            await held.execute("SELECT 1")
            await asyncio.sleep(0.3)
            await held.execute("SELECT 1")


@pytest.mark.parametrize(
    ("setting", "own"),
    [
        ("default_transaction_isolation", "'repeatable read'"),
        ("statement_timeout", "'1ms'"),
        ("lock_timeout", "'1ms'"),
    ],
)
async def test_a_default_of_the_database_does_not_reach_the_store(
    store: PostgresStore, postgres_stores: Another, connection: Any, setting: str, own: str
) -> None:
    database = await connection.fetchval("SELECT current_database()")
    before = await connection.fetchval(f"SHOW {setting}")
    await connection.execute(f'ALTER DATABASE "{database}" SET {setting} = {own}')
    try:
        other = await postgres_stores()
    finally:
        await connection.execute(f'ALTER DATABASE "{database}" RESET {setting}')
    async with other._connections.one() as held:
        assert await held.fetchval(f"SHOW {setting}") == before


async def test_a_statement_that_an_operator_stops_makes_the_store_unavailable_and_refuses_nothing(
    store: PostgresStore, world: World, connection: Any
) -> None:
    item = admitted(world, northbound())
    async with connection.transaction():
        await connection.execute("SELECT FROM fence FOR UPDATE")
        running = asyncio.create_task(accept(store, world, item))
        await waiting(connection, 1)
        await connection.execute("SELECT pg_cancel_backend(pid) FROM pg_locks WHERE NOT granted")
        with pytest.raises(StoreUnavailable):
            await running
    assert await accept(store, world, item) == [ACCEPTED]
