"""Linking two documents while others pay, give back and record on PostgreSQL: nothing is lost on the way."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import asyncpg
import pytest
import pytest_asyncio
from builders import NOON, a_step, admitted, funded, northbound, planned, refusing
from linked_persons import DAY, counter, document, paid, rejected, used

from limits.claims import Sums
from loadtest.audit.audit import audit
from switch.flow.ports import ACCEPTED, ExceptionRecord, StaleWorld
from switch.flow.takeover import refresh
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
    found = await asyncpg.connect(postgres_url, server_settings={"search_path": store.schema})
    yield found
    await found.close()


async def waiting(connection: Any, number: int) -> None:
    """Wait until so many sessions of the store wait for a lock."""
    async with asyncio.timeout(5):
        while number != await connection.fetchval(
            "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND application_name = 'bayswitch'"
        ):
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("first", ["link", "finish"])
async def test_a_finish_that_began_before_the_link_finds_the_usage_where_it_went(
    store: PostgresStore, world: World, connection: Any, first: str
) -> None:
    """Both wait for the counter that a third one holds. The finish has looked for aliases by then, and there was none."""
    await paid(store, world, "1000.00", 1)
    item = await paid(store, world, "2000.00", 2)
    steps = [a_step(item, "reject")]

    async def linking() -> bool:
        return await store.link_persons(document(world, 1), document(world, 2))

    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SELECT FROM counter WHERE key = $1 FOR UPDATE", counter(world, 2))
    tasks: dict[str, asyncio.Task[Any]] = {}
    for number, name in enumerate((first, "finish" if first == "link" else "link"), 1):
        tasks[name] = asyncio.create_task(linking() if name == "link" else store.finish(steps))
        await waiting(connection, number)
    await transaction.commit()
    assert await tasks["link"] and [moved.status for moved in await tasks["finish"]] == ["rejected"]
    assert await used(store, counter(world, 1), counter(world, 2)) == [1000_00, 0]
    assert len(await store.events(item.payment_id)) == 2


async def test_a_late_acceptance_that_began_before_the_link_is_forced_where_the_usage_went(
    store: PostgresStore, world: World, connection: Any
) -> None:
    item = await paid(store, world, "1000.00", 2)
    await rejected(store, item)
    record = ExceptionRecord(
        item.payment_id, item.received_on, "late-acceptance", NOON, "{}", (),
        tuple(claim._replace(ceiling=None, forced=True) for claim in planned(item).claims),
    )  # fmt: skip
    transaction = connection.transaction()
    await transaction.start()
    await connection.execute("SELECT FROM counter WHERE key = $1 FOR UPDATE", counter(world, 2))
    linking = asyncio.create_task(store.link_persons(document(world, 1), document(world, 2)))
    await waiting(connection, 1)
    recording = asyncio.create_task(store.hear_out(a_step(item, "credit"), record))
    await asyncio.sleep(0.05)
    assert not recording.done()
    await transaction.commit()
    assert await linking and await recording
    assert await used(store, counter(world, 1), counter(world, 2)) == [1000_00, 0]


async def test_links_payments_and_give_backs_at_once_lose_nothing(
    store: PostgresStore, world: World, postgres_stores: Another, postgres_url: str
) -> None:
    """Ten persons become one while payments come in and are rejected: in the end as much is used as was not given back."""
    other = await postgres_stores()
    kept, given = [], []

    async def pay(count: int) -> None:
        for n in range(count):
            while True:
                await refresh(world, other)
                item = admitted(world, northbound("1.00", person=n % 10 + 1))
                try:
                    [outcome] = await other.accept([item], world.generation, refusing(world))
                except StaleWorld:
                    continue
                assert outcome.kind == ACCEPTED
                (kept if n % 3 else given).append(item)
                break

    async def give_back() -> None:
        done = 0
        while done < 30:
            todo = given[done:]
            if todo:
                moved = await store.finish([a_step(item, "reject") for item in todo])
                assert len(moved) == len(todo)
                done += len(todo)
            await asyncio.sleep(0)

    async def link_all() -> None:
        for person in range(10, 1, -1):
            await asyncio.sleep(0.01)
            assert await store.link_persons(document(world, person - 1), document(world, person))

    await asyncio.gather(pay(90), give_back(), link_all())
    sums: dict[str, Sums] = await store.counters(f"{DAY}|")
    assert {key: found.up_posted for key, found in sums.items() if found.up_posted} == {
        counter(world, 1): len(kept) * 100
    }
    assert (await audit(postgres_url, store.schema, time.time())).violations == []
